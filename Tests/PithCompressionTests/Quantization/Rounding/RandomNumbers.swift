import Foundation
import PithTensor

/// Seeded random numbers for tests of rounding.
struct RandomNumbers {
    private var generator: SplitMix64

    init(seed: UInt64) { generator = SplitMix64(seed: seed) }

    /// Normal, by Box and Muller.
    mutating func normal() -> Float {
        let radius = (-2 * log(1 - Double.random(in: 0..<1, using: &generator))).squareRoot()
        return Float(radius * cos(2 * .pi * Double.random(in: 0..<1, using: &generator)))
    }

    /// Student's t with 4 degrees of freedom, of variance 2: a normal over the root of a mean of four squares.
    mutating func heavyTailed() -> Float {
        let numerator = normal()
        let squares = (0..<4).reduce(Float(0)) { sum, _ in
            let value = normal()
            return sum + value * value
        }
        return numerator / (squares / 4).squareRoot()
    }

    mutating func normals(_ count: Int) -> [Float] { (0..<count).map { _ in normal() } }

    /// `count` rows of `columns` numbers that depend on each other: mixtures of fewer sources, a little noise, and a mean.
    mutating func correlated(_ count: Int, columns: Int) -> [Float] {
        let sources = columns / 2 + 1, mixture = normals(columns * sources)
        let means = normals(columns)
        return (0..<count).flatMap { _ in
            let source = normals(sources)
            return (0..<columns).map { column in
                let mixed = (0..<sources).reduce(Float(0)) { $0 + mixture[column * sources + $1] * source[$1] }
                return mixed + 0.3 * normal() + means[column]
            }
        }
    }
}
