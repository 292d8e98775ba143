/// Conversion between `Float` and the two 16-bit floats, bit by bit and fast enough for whole data sets.
///
/// - Reference: IEEE 754-2019, binary16 and round to nearest, ties to even; bfloat16 is the upper half of a binary32.
package enum HalfFloat {
    /// The number that a binary16 pattern stands for; always exact.
    package static func float(_ bits: UInt16) -> Float {
        let sign = UInt32(bits & 0x8000) << 16
        let magnitude = UInt32(bits & 0x7fff)
        // Subnormal: a whole multiple of 2^-24.
        if magnitude < 0x400 { return Float(bitPattern: (Float(magnitude) * 0x1p-24).bitPattern | sign) }
        let bias: UInt32 = magnitude >= 0x7c00 ? 224 << 23 : 112 << 23
        return Float(bitPattern: sign | (magnitude << 13 + bias))
    }

    /// The nearest binary16 pattern; ties go to the even one, too large numbers to infinity.
    package static func bits(_ value: Float) -> UInt16 {
        let sign = UInt16(truncatingIfNeeded: value.bitPattern >> 16) & 0x8000
        let magnitude = value.bitPattern & 0x7fff_ffff
        // NaN keeps the top of its payload and never becomes infinity.
        if magnitude > 0x7f80_0000 { return sign | 0x7e00 | UInt16(truncatingIfNeeded: magnitude >> 13) & 0x3ff }
        // 65520 is half way between the largest number and the next one there would be.
        if magnitude >= 0x477f_f000 { return sign | 0x7c00 }
        // Below 2^-14 the results are multiples of 2^-24: adding 0.5 lets the hardware round to one.
        if magnitude < 0x3880_0000 {
            let rounded = Float(bitPattern: magnitude) + 0.5
            return sign | UInt16(truncatingIfNeeded: rounded.bitPattern - Float(0.5).bitPattern)
        }
        let odd = magnitude >> 13 & 1
        return sign | UInt16(truncatingIfNeeded: (magnitude - 112 << 23 + 0xfff + odd) >> 13)
    }

    /// The nearest bfloat16 pattern; ties go to the even one.
    package static func brainBits(_ value: Float) -> UInt16 {
        if value.isNaN { return UInt16(truncatingIfNeeded: value.bitPattern >> 16) | 0x40 }
        let odd = value.bitPattern >> 16 & 1
        return UInt16(truncatingIfNeeded: (value.bitPattern + 0x7fff + odd) >> 16)
    }

    /// A `Float` that rounds to the same 16-bit float as `value` does: toward zero, with the last bit set if inexact.
    package static func roundedToOdd(_ value: Double) -> Float {
        let nearest = Float(value)
        guard value.isFinite, Double(nearest) != value else { return nearest }
        let towardZero = abs(Double(nearest)) > abs(value) ? nearest.bitPattern - 1 : nearest.bitPattern
        return Float(bitPattern: towardZero | 1)
    }
}
