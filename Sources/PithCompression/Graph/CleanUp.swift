import PithModel
import PithRuntime

/// Graph clean-up: the same function in fewer nodes.
///
/// Folds constants and batch normalization, removes operators that do nothing, merges what is twice, drops what is
/// never read and what exporters left behind. See ``GraphCleaner`` for the steps.
///
/// - Error bound: none where nothing is folded; folded arithmetic is rounded once to the weights' format.
public struct CleanUp: Technique {
    public static let name = "graph.clean"
    public static let takesSelector = false

    public init() {}

    public func apply(to piece: inout Workpiece, in context: StageContext) async throws {
        context.progress("cleaning the graph")
        // In older formats every weight is listed as an input; in these, one that callers may replace.
        let format = piece.model.formatVersion, names = piece.model.graph.inputs.map(\.name)
        let cleaner = GraphCleaner(evaluator: RuntimeConstantEvaluator())
        let summary = try cleaner.clean(&piece.model, trace: &piece.trace)
        piece.note(summary.description)
        let left = Set(piece.model.graph.inputs.map(\.name)), fixed = names.filter { !left.contains($0) }
        if format >= 4, !fixed.isEmpty {
            let named = fixed.prefix(3).joined(separator: ", ") + (fixed.count > 3 ? " and others" : "")
            piece.note("\(fixed.count) inputs that have a value in the file keep it whatever callers feed: \(named).")
        }
    }
}
