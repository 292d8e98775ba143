import PithModel

/// Rewrites what exporters spell out into what the runtime has one kernel for; computed in float, as before.
///
/// | found | written |
/// | --- | --- |
/// | root mean square normalization, `x * x` and `1 / s` | `Pow` and `x / s`: standard operators as ONNX Runtime fuses them |
/// | rotary position embedding, in halves or pairs | ONNX Runtime's `com.microsoft.RotaryEmbedding` |
///
/// - Error bound: the rounding of a few `float32` operations; 120 dB on numbers of normal size.
/// - Complexity: O(nodes).
/// - Reference: Zhang and Sennrich, "Root Mean Square Layer Normalization", NeurIPS 2019, arXiv:1910.07467; Su et al.,
///   "RoFormer: Enhanced Transformer with Rotary Position Embedding", arXiv:2104.09864, section 3.4.2.
public struct OperatorFuser: Technique {
    public static let name = "graph.fuse"
    public static let takesSelector = false

    public init() {}

    public func apply(to piece: inout Workpiece, in context: StageContext) async throws {
        context.progress("fusing operators")
        let norms = RootMeanSquareWriter.apply(to: &piece.model, trace: &piece.trace)
        let rotations = RotaryFuser.apply(to: &piece.model, trace: &piece.trace)
        guard norms + rotations > 0 else { return }
        if rotations > 0 {
            piece.model.operatorSets[RotaryFuser.domain] = piece.model.operatorSets[RotaryFuser.domain] ?? 1
        }
        let passes: [any GraphPass] = [DeadCodeRemover(), MovementMerger(), DeadCodeRemover(), DuplicateMerger()]
        for pass in passes { _ = try pass.apply(to: &piece.model, trace: &piece.trace) }
        var parts: [String] = []
        if norms > 0 { parts.append("\(norms) root mean square normalizations") }
        if rotations > 0 { parts.append("\(rotations) rotary position embeddings") }
        piece.note("Written as the runtime has one kernel for: \(parts.joined(separator: ", ")).")
    }
}
