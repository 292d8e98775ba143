internal import PithTensor

/// The operator sets from which the operators of quantization know a type of levels; nil for a type that none knows.
///
/// - Reference: ONNX specification, operator change log, `Cast`, `DequantizeLinear` and `QuantizeLinear`.
enum OperatorSets {
    /// `DequantizeLinear` of levels of `type`.
    static func dequantizing(_ type: ScalarType) -> Int? { type == .int32 ? 10 : quantizing(type) }

    /// `QuantizeLinear` to levels of `type`.
    static func quantizing(_ type: ScalarType) -> Int? {
        switch type {
        case .int8, .uint8: 10
        case .int16, .uint16, .int4, .uint4: 21
        case .int2, .uint2: 25
        default: nil
        }
    }

    /// `Cast` of levels to float and `Mul` that broadcasts; `BitShift` for levels that share a byte.
    static func folding(bits: Int) -> Int { bits < 8 ? 11 : 7 }
}
