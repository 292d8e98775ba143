/// The values of floats of 16, 8 and 4 bits.
enum SmallFloat {
    /// Which codes are no numbers.
    enum Specials {
        case none
        /// The highest exponent has infinities, and what is not a number.
        case infinities
        /// Where all bits but the sign are set, there is no number.
        case notNumberAtTop
        /// Where only the sign is set, there is no number.
        case notNumberAtSign
    }

    /// The value of a code: sign, exponent and fraction, from the top; those of exponent 0 are subnormal.
    static func value(
        _ code: UInt32, bitCount: Int = 8, exponentBits: Int, bias: Int, specials: Specials
    ) -> Float {
        let fractionBits = bitCount - 1 - exponentBits, top = UInt32(1) << UInt32(bitCount - 1)
        let isNegative = code & top != 0, size = code & (top - 1)
        let exponent = Int(size >> UInt32(fractionBits)), fraction = Int(size) & (1 << fractionBits - 1)
        let isHighest = exponent == 1 << exponentBits - 1
        switch specials {
        case .infinities where isHighest:
            if fraction > 0 { return .nan }
            return isNegative ? -.infinity : .infinity
        case .notNumberAtTop where size == top - 1: return .nan
        case .notNumberAtSign where code == top: return .nan
        default: break
        }
        let significand = Float(exponent == 0 ? fraction : fraction + 1 << fractionBits)
        let scale = Float(sign: .plus, exponent: max(exponent, 1) - bias - fractionBits, significand: 1)
        return isNegative ? -(significand * scale) : significand * scale
    }

    /// A power of two from 2^-127 on; the last code is no number.
    static func powerOfTwo(_ code: UInt32) -> Float {
        code == 255 ? .nan : Float(sign: .plus, exponent: Int(code) - 127, significand: 1)
    }

    /// The value of a half precision number.
    @inline(__always)
    static func half(_ code: UInt32) -> Float {
        let sign = (code & 0x8000) << 16, exponent = code >> 10 & 31, fraction = code & 1023
        switch exponent {
        case 0:
            let size = Float(fraction) * 0x1p-24
            return sign == 0 ? size : -size
        case 31: return Float(bitPattern: sign | 0x7F80_0000 | fraction << 13)
        default: return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
        }
    }
}
