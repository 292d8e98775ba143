internal import PithTensor

extension ScalarType {
    /// The runtime's number of this element type.
    ///
    /// Up to 23 the numbers are those of ONNX files; from there on the runtime has its own order.
    var nativeNumber: Int32 {
        switch self {
        case .float32: 1
        case .uint8: 2
        case .int8: 3
        case .uint16: 4
        case .int16: 5
        case .int32: 6
        case .int64: 7
        case .string: 8
        case .bool: 9
        case .float16: 10
        case .float64: 11
        case .uint32: 12
        case .uint64: 13
        case .complex64: 14
        case .complex128: 15
        case .bfloat16: 16
        case .float8e4m3fn: 17
        case .float8e4m3fnuz: 18
        case .float8e5m2: 19
        case .float8e5m2fnuz: 20
        case .uint4: 21
        case .int4: 22
        case .float4e2m1: 23
        case .uint2: 24
        case .int2: 25
        case .float8e8m0: 26
        }
    }

    /// The element type of a number of the runtime, nil for one it does not name.
    init?(nativeNumber: Int32) {
        guard let type = ScalarType.allCases.first(where: { $0.nativeNumber == nativeNumber }) else { return nil }
        self = type
    }

    /// What the address of an element must be a multiple of; packed types need nothing.
    var nativeAlignment: Int {
        switch self {
        case .complex128: 8
        default: max(bitWidth / 8, 1)
        }
    }
}
