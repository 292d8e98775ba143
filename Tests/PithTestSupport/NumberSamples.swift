internal import Foundation
internal import PithTensor

/// Arrays of numbers with a known nature, made from a seed.
public struct NumberSamples {
    private var generator: SplitMix64

    /// Starts the sequence of `seed`.
    public init(seed: UInt64) { generator = SplitMix64(seed: seed) }

    /// Uniform in `0..<1`.
    public mutating func uniform() -> Double { Double(generator.next() >> 11) * 0x1p-53 }

    /// Nearly normal, mean 0 and deviation 1: the sum of twelve uniform numbers less six.
    public mutating func normal() -> Float { Float((0..<12).reduce(-6.0) { sum, _ in sum + uniform() }) }

    /// Normal weights with a scale for each row, a factor between `1 / spread` and `spread`.
    public mutating func weights(rows: Int, columns: Int, spread: Double = 2) -> [Float] {
        var values: [Float] = []
        values.reserveCapacity(rows * columns)
        for _ in 0..<rows {
            let scale = Float(0.02 * (1 / spread + uniform() * (spread - 1 / spread)))
            for _ in 0..<columns { values.append(normal() * scale) }
        }
        return values
    }

    /// The little-endian bytes of numbers.
    public static func bytes(_ values: [some FixedWidthInteger]) -> [UInt8] {
        values.flatMap { value in (0..<value.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
    }

    /// The upper halves of floats: bfloat16, cut rather than rounded.
    public static func bfloat16(_ values: [Float]) -> [UInt16] { values.map { UInt16($0.bitPattern >> 16) } }

    /// Bits a symbol when each is coded for itself with ideal probabilities.
    public static func entropy(_ symbols: [some Hashable]) -> Double {
        var counts: [AnyHashable: Int] = [:]
        for symbol in symbols { counts[symbol, default: 0] += 1 }
        let total = Double(symbols.count)
        return counts.values.reduce(0) { $0 - Double($1) / total * log2(Double($1) / total) }
    }
}
