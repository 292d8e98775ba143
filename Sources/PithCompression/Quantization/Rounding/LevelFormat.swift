import PithTensor

/// How the levels of a weight are stored: bits of a code, zero points, and the type of the scales.
///
/// `value = (code - zeroPoint) * scale`, with codes of `0 ... 2^bits - 1`.
///
/// | zero points             | are                                                                      |
/// | ----------------------- | ------------------------------------------------------------------------ |
/// | symmetric               | all `2^(bits-1)`: signed levels of two's complement, one more below zero  |
/// | asymmetric, 1 step      | integers of `bits` bits                                                   |
/// | asymmetric, 2 or 4 steps | multiples of 1/2 or 1/4 below `2^bits`, of one or two more bits          |
///
/// With a step of 1/4, `(4 code - 4 zeroPoint) * (scale / 4)` is the same number in integers.
package struct LevelFormat: Hashable, Sendable, Codable {
    /// The type that scales are rounded to.
    package enum ScaleType: String, Hashable, Sendable, Codable {
        case float32, float16
    }

    /// Bits of a code, 2 through 8.
    package let bits: Int
    /// Whether the zero point is the middle code, and not stored.
    package let isSymmetric: Bool
    /// Zero points are multiples of one part in 1, 2 or 4 of a level.
    package let zeroPointSteps: Int
    /// The type that scales are rounded to.
    package let scaleType: ScaleType

    /// Describes levels; `bits` is 2 through 8 and `zeroPointSteps` 1, 2 or 4.
    package init(bits: Int, isSymmetric: Bool, zeroPointSteps: Int = 1, scaleType: ScaleType = .float32) {
        precondition((2...8).contains(bits), "Levels have 2 through 8 bits, not \(bits).")
        precondition([1, 2, 4].contains(zeroPointSteps), "A level has 1, 2 or 4 steps, not \(zeroPointSteps).")
        self.bits = bits
        self.isSymmetric = isSymmetric
        self.zeroPointSteps = isSymmetric ? 1 : zeroPointSteps
        self.scaleType = scaleType
    }

    /// The highest code; the lowest is 0.
    package var top: Int { 1 << bits - 1 }

    /// The code that stands for zero in symmetric levels.
    package var middle: Float { Float(1 << (bits - 1)) }

    /// Bits that a group takes beside its codes: the scale, and the zero point if there is one.
    package var groupBits: Int {
        let steps = zeroPointSteps == 1 ? 0 : zeroPointSteps == 2 ? 1 : 2
        return (scaleType == .float16 ? 16 : 32) + (isSymmetric ? 0 : bits + steps)
    }

    /// The nearest scale that can be stored, positive and finite.
    package func storable(scale: Float) -> Float {
        switch scaleType {
        // Every level is finite.
        case .float32: min(max(scale, .leastNormalMagnitude), .greatestFiniteMagnitude / Float(top + 1))
        // The smallest and largest numbers of a binary16.
        case .float16: HalfFloat.float(HalfFloat.bits(min(max(scale, 0x1p-24), 65504)))
        }
    }

    /// The nearest zero point that can be stored.
    package func storable(zeroPoint: Float) -> Float {
        guard !isSymmetric else { return middle }
        let steps = Float(zeroPointSteps)
        let nearest = (zeroPoint * steps).rounded(.toNearestOrEven) / steps
        return min(max(nearest, 0), Float(top + 1) - 1 / steps)
    }
}
