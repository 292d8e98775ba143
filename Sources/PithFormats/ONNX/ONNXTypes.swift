internal import PithTensor

/// Element type codes of the ONNX format (`TensorProto.DataType`).
enum ONNXType {
    private static let codes: [(Int32, ScalarType)] = [
        (1, .float32), (2, .uint8), (3, .int8), (4, .uint16), (5, .int16), (6, .int32), (7, .int64), (8, .string),
        (9, .bool), (10, .float16), (11, .float64), (12, .uint32), (13, .uint64), (14, .complex64), (15, .complex128),
        (16, .bfloat16), (17, .float8e4m3fn), (18, .float8e4m3fnuz), (19, .float8e5m2), (20, .float8e5m2fnuz),
        (21, .uint4), (22, .int4), (23, .float4e2m1), (24, .float8e8m0), (25, .uint2), (26, .int2),
    ]

    /// The scalar type of a code, nil for 0 (undefined) and codes this version does not know.
    static func scalar(_ code: Int32) -> ScalarType? { codes.first { $0.0 == code }?.1 }

    /// The code of a scalar type.
    static func code(_ type: ScalarType) -> Int32 { codes.first { $0.1 == type }?.0 ?? 0 }
}

/// Attribute kinds of the ONNX format (`AttributeProto.AttributeType`).
enum ONNXAttributeKind: Int32 {
    case float = 1, integer, string, tensor, graph, floats, integers, strings, tensors, graphs
}
