public import PithModel

/// Cleans a model's graph without changing what it computes.
///
/// Constants become weights, what is constant is computed ahead, normalization goes into the layers beside it, and
/// what does nothing, is there twice or reaches no output goes away. Passes run until none changes anything.
///
/// - Results agree with the original's within rounding; they are bit-identical where no normalization was folded and
///   no constant arithmetic was computed ahead.
/// - Custom operators, quantized weights and encoded weights are left as they are.
public struct GraphCleaner: Sendable {
    private let evaluator: any ConstantEvaluator

    /// Most rounds over all passes; models in the wild need two to five.
    private static let roundLimit = 24

    /// Cleans with `evaluator` as the constant folder's arithmetic.
    public init(evaluator: any ConstantEvaluator) { self.evaluator = evaluator }

    /// Cleans `model` in place and tells `trace` of every weight that moves, merges or goes away.
    ///
    /// - Returns: what was done.
    /// - Throws: `TensorError` when a constant of the graph is not sound.
    /// - Complexity: O(rounds * (nodes + bytes of small or equal-sized weights)).
    public func clean(_ model: inout Model, trace: inout WeightTrace) throws -> CleanupSummary {
        var changes: [String: Int] = [:]
        let before = GraphCleaner.counts(of: model)
        GraphCleaner.nameSteps(of: &model)
        let stripped = TraceStripper().strip(&model)
        let first: [any GraphPass] = [InputWeightPass(), ConstantLifter()]
        for pass in first { try GraphCleaner.run(pass, on: &model, &trace, &changes) }
        let passes: [any GraphPass] = [
            DeadCodeRemover(), BranchInliner(), IdentityRemover(), ShapeFolder(), ConstantFolder(evaluator: evaluator),
            ConstantLifter(), BatchNormFolder(), ClampMerger(), MovementMerger(), DeadCodeRemover(), DuplicateMerger(),
        ]
        var rounds = 0, changed = true
        while changed, rounds < GraphCleaner.roundLimit {
            changed = false
            rounds += 1
            for pass in passes { changed = try GraphCleaner.run(pass, on: &model, &trace, &changes) || changed }
        }
        // Once chains of reshapes are short.
        for pass in [InputSplitter(), OutputJoiner(), DeadCodeRemover()] as [any GraphPass] {
            try GraphCleaner.run(pass, on: &model, &trace, &changes)
        }
        return CleanupSummary(
            before: before, after: GraphCleaner.counts(of: model), strippedBytes: stripped, changes: changes,
            rounds: rounds)
    }

    @discardableResult
    private static func run(
        _ pass: any GraphPass, on model: inout Model, _ trace: inout WeightTrace, _ changes: inout [String: Int]
    ) throws -> Bool {
        guard try pass.apply(to: &model, trace: &trace) else { return false }
        changes[type(of: pass).name, default: 0] += 1
        return true
    }

    /// Names nodes with nested graphs as paths call them, so that paths stay when nodes before them go away.
    private static func nameSteps(of model: inout Model) {
        _ = model.rewriteGraphs { graph, _ in
            var isChanged = false
            for (index, owner) in graph.stepOwners() where graph.nodes[index].name != owner {
                graph.nodes[index].name = owner
                isChanged = true
            }
            return isChanged
        }
    }

    private static func counts(of model: Model) -> CleanupSummary.Counts {
        var counts = CleanupSummary.Counts(nodes: 0, weights: 0, weightBytes: 0)
        model.graph.forEachGraph { graph, _ in
            counts.nodes += graph.nodes.count
            counts.weights += graph.weights.count
            counts.weightBytes += graph.weights.reduce(0) { $0 + $1.byteCount }
        }
        return counts
    }
}
