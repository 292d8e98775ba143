/// The type of an array's elements; the raw value is the type code of the format.
public enum ElementType: UInt8, Sendable, CaseIterable {
    /// What stands between the weights of a file: bytes without numbers.
    case text = 0
    /// IEEE 754 single precision.
    case float32 = 1
    /// IEEE 754 double precision.
    case float64 = 2
    /// IEEE 754 half precision.
    case float16 = 3
    /// The upper half of a single precision number.
    case bfloat16 = 4
    /// Eight bits: 4 of exponent, 3 of fraction, no infinities.
    case float8E4M3FN = 5
    /// Eight bits: 4 of exponent, 3 of fraction, no infinities and no negative zero.
    case float8E4M3FNUZ = 6
    /// Eight bits: 5 of exponent, 2 of fraction, with infinities.
    case float8E5M2 = 7
    /// Eight bits: 5 of exponent, 2 of fraction, no infinities and no negative zero.
    case float8E5M2FNUZ = 8
    /// Eight bits of exponent: a power of two.
    case float8E8M0 = 9
    /// Four bits: 2 of exponent, 1 of fraction; all are finite.
    case float4E2M1 = 10
    /// Signed, eight bits.
    case int8 = 11
    /// Signed, 16 bits.
    case int16 = 12
    /// Signed, 32 bits.
    case int32 = 13
    /// Signed, 64 bits.
    case int64 = 14
    /// Unsigned, eight bits.
    case uint8 = 15
    /// Unsigned, 16 bits.
    case uint16 = 16
    /// Unsigned, 32 bits.
    case uint32 = 17
    /// Unsigned, 64 bits.
    case uint64 = 18
    /// Signed, four bits, two to a byte.
    case int4 = 19
    /// Unsigned, four bits, two to a byte.
    case uint4 = 20
    /// Signed, two bits, four to a byte.
    case int2 = 21
    /// Unsigned, two bits, four to a byte.
    case uint2 = 22
    /// A truth value in a byte.
    case bool = 23
    /// Two single precision numbers.
    case complex64 = 24
    /// Two double precision numbers.
    case complex128 = 25

    /// The bits that one element takes in its array.
    public var bitCount: Int {
        switch self {
        case .int2, .uint2: 2
        case .int4, .uint4, .float4E2M1: 4
        case .float16, .bfloat16, .int16, .uint16: 16
        case .float32, .int32, .uint32: 32
        case .float64, .int64, .uint64, .complex64: 64
        case .complex128: 128
        default: 8
        }
    }

    /// Bytes of what is coded as one element of a block.
    var codedWidth: Int {
        switch self {
        case .complex64: 4
        case .complex128: 8
        default: max(1, bitCount / 8)
        }
    }

    /// Whether the sign of a coded element is moved to its lowest bit.
    var isRotated: Bool {
        switch self {
        case .float32, .float64, .float16, .bfloat16, .complex64, .complex128: true
        default: false
        }
    }

    var isSignedInteger: Bool { [.int2, .int4, .int8, .int16, .int32, .int64].contains(self) }

    var isInteger: Bool { isSignedInteger || [.uint2, .uint4, .uint8, .uint16, .uint32, .uint64].contains(self) }

    /// Whether its elements are single numbers.
    var isReal: Bool { ![.text, .complex64, .complex128].contains(self) }
}
