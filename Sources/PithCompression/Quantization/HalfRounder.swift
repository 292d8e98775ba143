import PithModel
import PithTensor

/// Weights in 16-bit floats, computed in `float32`: half the bytes, no data needed.
///
/// A runtime turns them back into `float32` once, when it loads the model, so any processor runs the result as fast as
/// the input.
///
/// | type | relative error of a weight | range |
/// | --- | --- | --- |
/// | float16 | 2^-11 | 6.1e-5 ... 65504; steps of 6.0e-8 below |
/// | bfloat16 | 2^-8 | as float32 |
///
/// - Reference: IEEE 754-2019, binary16; bfloat16 is the upper half of a binary32.
public struct HalfRounder: WeightTechnique {
    public static let name = "quantize.half"

    /// The 16-bit types.
    public enum Format: String, Codable, Sendable, CaseIterable {
        case float16, bfloat16

        var type: ScalarType { self == .float16 ? .float16 : .bfloat16 }
    }

    /// The type of the stored numbers.
    public var format = Format.float16
    /// Weights with fewer elements stay float.
    public var minimumCount = 256

    public init() {}

    public func apply(to piece: inout Workpiece, in context: StageContext) async throws {
        try await encodeWeights(of: &piece, in: context)
    }

    func plan(for tensor: Tensor, readers: [WeightReader]) -> Result<ScalarType, KeptReason> {
        guard tensor.type == .float32 else {
            let isLarger = tensor.type.bitWidth > format.type.bitWidth
            return .failure(
                KeptReason(
                    text: "only float32 weights are rounded, it is \(tensor.type.rawValue)", isRefusal: isLarger))
        }
        return .success(format.type)
    }

    func encode(
        _ tensor: Tensor, named name: String, _ type: ScalarType
    ) throws(CompressionError) -> any Representation {
        guard let half = try? Tensor(rounding: tensor.elements(as: Float.self), to: type, shape: tensor.shape),
            half.floats()?.allSatisfy(\.isFinite) == true
        else {
            throw CompressionError(
                code: .unsupportedShape, subject: name, problem: "it has values that \(type.rawValue) can not hold",
                remedy: "Use bfloat16, or exclude it with `where`.")
        }
        return HalfFloats(half)
    }
}
