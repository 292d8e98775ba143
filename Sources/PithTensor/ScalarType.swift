/// The number format of a tensor's elements.
///
/// The raw value is the name in reports, ledgers and containers, and never changes.
public enum ScalarType: String, CaseIterable, Hashable, Sendable, Codable {
    case float64, float32, float16, bfloat16
    case float8e4m3fn, float8e4m3fnuz, float8e5m2, float8e5m2fnuz, float8e8m0, float4e2m1
    case int64, int32, int16, int8, int4, int2
    case uint64, uint32, uint16, uint8, uint4, uint2
    case bool, complex64, complex128, string

    /// Bits one element takes in packed storage; 0 for strings, which have no fixed width.
    public var bitWidth: Int {
        switch self {
        case .complex128: 128
        case .float64, .int64, .uint64, .complex64: 64
        case .float32, .int32, .uint32: 32
        case .float16, .bfloat16, .int16, .uint16: 16
        case .float8e4m3fn, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz, .float8e8m0: 8
        case .int8, .uint8, .bool: 8
        case .float4e2m1, .int4, .uint4: 4
        case .int2, .uint2: 2
        case .string: 0
        }
    }

    /// Whether elements are real numbers with a fraction.
    public var isFloatingPoint: Bool {
        switch self {
        case .float64, .float32, .float16, .bfloat16, .float8e4m3fn, .float8e4m3fnuz, .float8e5m2,
            .float8e5m2fnuz, .float8e8m0, .float4e2m1:
            true
        default: false
        }
    }

    /// Whether elements are whole numbers, signed or not.
    public var isInteger: Bool { integerRange != nil }

    /// Smallest and largest level of an integer type of at most 32 bits, nil for every other type but 64-bit integers.
    ///
    /// 64-bit types answer the range of `Int`, which is all that a level ever needs.
    public var integerRange: ClosedRange<Int>? {
        switch self {
        case .int2: -2...1
        case .uint2: 0...3
        case .int4: -8...7
        case .uint4: 0...15
        case .int8: -128...127
        case .uint8: 0...255
        case .int16: -32768...32767
        case .uint16: 0...65535
        case .int32: Int(Int32.min)...Int(Int32.max)
        case .uint32: 0...Int(UInt32.max)
        case .int64: Int.min...Int.max
        case .uint64: 0...Int.max
        default: nil
        }
    }

    /// Bytes that `count` packed elements take, or nil when the number does not fit an `Int`.
    public func byteCount(of count: Int) -> Int? {
        let (bits, overflow) = count.multipliedReportingOverflow(by: bitWidth)
        guard !overflow, bits <= Int.max - 7 else { return nil }
        return (bits + 7) / 8
    }
}

/// A Swift number that a tensor can hold without conversion.
public protocol TensorElement: BitwiseCopyable, Sendable {
    /// The matching element format.
    static var scalarType: ScalarType { get }
}

extension Float: TensorElement { public static var scalarType: ScalarType { .float32 } }
extension Double: TensorElement { public static var scalarType: ScalarType { .float64 } }
extension Int8: TensorElement { public static var scalarType: ScalarType { .int8 } }
extension Int16: TensorElement { public static var scalarType: ScalarType { .int16 } }
extension Int32: TensorElement { public static var scalarType: ScalarType { .int32 } }
extension Int64: TensorElement { public static var scalarType: ScalarType { .int64 } }
extension UInt8: TensorElement { public static var scalarType: ScalarType { .uint8 } }
extension UInt16: TensorElement { public static var scalarType: ScalarType { .uint16 } }
extension UInt32: TensorElement { public static var scalarType: ScalarType { .uint32 } }
extension UInt64: TensorElement { public static var scalarType: ScalarType { .uint64 } }
