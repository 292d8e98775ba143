import PithFormats
import PithModel

/// Kernels that use matrices of 4- or 8-bit levels in blocks as they are stored, where that is sound and faster.
///
/// Comes after the stage that rounds weights in blocks (16 to 256, along the axis that products sum over), and gives the
/// `MatMul` and plain `Gemm` that read them to ONNX Runtime's `com.microsoft.MatMulNBits`: the weights stay small in memory, and
/// nothing is unpacked at load.
///
/// | arithmetic | activations | speed |
/// | --- | --- | --- |
/// | `int8` | rounded to 8 bits, in blocks of their own | often faster than float |
/// | `float` | as they are: the same function as folded weights | mostly slower than float, save for single rows |
///
/// Both are measured on calibration rows held out (`measured`), and the faster sound one is taken; where all products together
/// err too much, those that err the least. With `minimumSpeedup: 0` speed is given for memory.
///
/// - Error bound: none for `float`; half a step of its block for each activation with `int8`.
/// - Complexity: a few runs over held-out calibration rows.
/// - Reference: ONNX Runtime, contrib operators, `MatMulNBits`.
public struct BlockComputer: KernelTechnique {
    public static let name = "compute.blocks"

    /// How kernels compute.
    public enum Arithmetic: String, Codable, Sendable {
        /// The fastest that is sound.
        case measured
        case int8, float
    }

    public var arithmetic = Arithmetic.measured
    /// Weights with fewer elements are folded to floats at load.
    public var minimumCount = 4096
    /// Output SQNR on calibration rows, in dB, at which a result counts as sound.
    public var targetSQNR = 31.0
    /// How far below the same weights computed in float a result under the target may lie, in dB, and still be sound.
    public var allowedLoss = 1.0
    /// How many times faster than before a result must be.
    public var minimumSpeedup = 1.02

    private var kernels: [Weight.Execution] {
        switch arithmetic {
        case .measured: [.roundedBlocks, .blocks]
        case .int8: [.roundedBlocks]
        case .float: [.blocks]
        }
    }
    var deed: String { "blocks used as they are stored" }

    public init() {}

    public func validate() throws(CompressionError) {
        guard minimumCount >= 0 else {
            throw Self.invalid("minimumCount", "\(minimumCount) is negative.", remedy: "Use 0 to take every weight.")
        }
        try validateLimits()
    }

    public func apply(to piece: inout Workpiece, in context: StageContext) async throws {
        let found = KernelLayers(
            piece.model.graph, for: .blocks, minimumCount: minimumCount, selector: context.selector)
        for (name, reason) in found.reasons where piece.floatReasons[name] == nil { piece.floatReasons[name] = reason }
        let stored = found.entries.compactMap { KernelCandidate.Encoded(stored: $0) }
        guard !stored.isEmpty else {
            piece.note("\(Self.name): no product reads 4- or 8-bit levels in blocks of 16 to 256.")
            return
        }
        guard let dataset = context.dataset, !dataset.calibrationRows.isEmpty else {
            return explain(stored, "without calibration data it is not known what that costs", &piece)
        }
        let options = kernels.map { KernelOption(execution: $0, weights: stored, folded: piece.model) }
        try await KernelSearch(settings: self, context: context).run(options, piece.model, &piece)
    }
}
