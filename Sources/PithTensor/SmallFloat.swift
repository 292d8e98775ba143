/// A floating-point layout of at most 8 bits: sign, exponent, mantissa, from the high bit down.
///
/// - Reference: OCP 8-bit Floating Point Specification 1.0; OCP Microscaling Formats 1.0;
///   the `FNUZ` variants as in Noune et al., arXiv:2206.02915.
struct SmallFloat {
    /// What the bit patterns at the top of the range stand for.
    enum Specials {
        /// The largest exponent holds infinity and NaN.
        case ieee
        /// Only all ones is NaN; there is no infinity.
        case finite
        /// Only negative zero is NaN; there is no infinity.
        case unsignedZero
        /// Every pattern is a number.
        case none
    }

    let exponentBits: Int
    let mantissaBits: Int
    let bias: Int
    let specials: Specials

    /// The layout of `type`, or nil when it is not a small float.
    init?(_ type: ScalarType) {
        switch type {
        case .float8e5m2: self.init(5, 2, bias: 15, .ieee)
        case .float8e4m3fn: self.init(4, 3, bias: 7, .finite)
        case .float8e5m2fnuz: self.init(5, 2, bias: 16, .unsignedZero)
        case .float8e4m3fnuz: self.init(4, 3, bias: 8, .unsignedZero)
        case .float4e2m1: self.init(2, 1, bias: 1, .none)
        default: return nil
        }
    }

    private init(_ exponentBits: Int, _ mantissaBits: Int, bias: Int, _ specials: Specials) {
        self.exponentBits = exponentBits
        self.mantissaBits = mantissaBits
        self.bias = bias
        self.specials = specials
    }

    /// The number that `bits` stand for; every value of these types is a `Float` exactly.
    func value(of bits: UInt8) -> Float {
        let mantissa = Int(bits) & (1 << mantissaBits - 1)
        let exponent = Int(bits) >> mantissaBits & (1 << exponentBits - 1)
        let negative = Int(bits) >> (mantissaBits + exponentBits) & 1 == 1
        let highest = exponent == 1 << exponentBits - 1
        switch specials {
        case .ieee where highest: return mantissa != 0 ? .nan : negative ? -.infinity : .infinity
        case .finite where highest && mantissa == 1 << mantissaBits - 1: return .nan
        case .unsignedZero where negative && exponent == 0 && mantissa == 0: return .nan
        default: break
        }
        let significand = exponent == 0 ? mantissa : mantissa | 1 << mantissaBits
        let scale = max(exponent, 1) - bias - mantissaBits
        let magnitude = Float(sign: .plus, exponent: scale, significand: Float(significand))
        return negative ? -magnitude : magnitude
    }
}
