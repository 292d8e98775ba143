import PithEvaluation
import PithFormats
import PithModel
import PithTensor

/// Activation-aware scaling (AWQ): weights that meet large activations are made larger before rounding, and lose less.
///
/// No node is added, and in float the model computes what it did.
///
/// `x W = (x / s) (s W)` with a factor for each channel of an activation that only products read,
/// `s = mean|x|^a / sqrt(max * min)`. Of `steps` exponents the one is taken with which rounding to the levels that `bits`,
/// `blockSize` and so on describe errs least at the products' outputs on calibration data; where none makes the error smaller
/// by a hundredth, the activation stays as it is. `1 / s` goes into what makes the activation (see `ScaleSink`): the gain of a
/// normalization, the layer before a rectifier, the values of attention, one factor of a gated product, a constant factor.
///
/// Give it the levels of the stage that follows. The clipping of AWQ is not repeated here: `quantize.weights` clips by squared
/// error, and `quantize.gptq` weighs that by `E[x²]`.
///
/// - Complexity: one run over the calibration rows for each 128 MB of moments, of which no more than 768 MB are held with
///   their copies; then see `ScaleSearch`. Activations of more than 5792 channels stay as they are.
/// - Reference: Lin et al., "AWQ: Activation-aware Weight Quantization for LLM Compression and Acceleration", MLSys 2024,
///   arXiv:2306.00978, sections 3.2 and 3.3.
/// - Deviation: the errors of the products of one activation are added relative to their outputs, instead of taken at the end
///   of their block; they are computed from second moments.
public struct ActivationAwareMigrator: GridTechnique {
    public static let name = "migrate.awq"

    /// Bits of a level, 2 through 8.
    public var bits = 4
    /// Weights that share a scale, along the axis that a product sums over; 0: all of an output channel.
    public var blockSize = 32
    /// Whether levels lie around zero; if not, each group has a zero point.
    public var symmetric = false
    public var scales = WeightGrid.Scales.float16
    public var clipping = WeightGrid.Clipping.mse
    /// Exponents that are tried, in equal steps up to 1.
    public var steps = 20
    /// Calibration rows used at most.
    public var calibrationRows = 512
    /// Weights with fewer elements are not rounded by the stage that follows, so their errors do not count.
    public var minimumCount = 512

    public init() {}

    public func validate() throws(CompressionError) {
        try validateGrid()
        guard (1...100).contains(steps) else {
            throw Self.invalid("steps", "\(steps) lies outside 1...100.", remedy: "Use 20.")
        }
        guard calibrationRows > 0 else {
            throw Self.invalid("calibrationRows", "\(calibrationRows) rows are none.", remedy: "Use 100 to 1000.")
        }
    }

    /// A group whose activation can be scaled.
    private struct Candidate: Sendable {
        let group: ProductGroup
        let sink: ScaleSink
        /// The matrices whose errors count.
        let matrices: [ScaleSearch.Matrix]
    }

    public func apply(to piece: inout Workpiece, in context: StageContext) async throws {
        let (candidates, without, wide) = candidates(in: piece.model, context.selector)
        if wide > 0 {
            piece.note("\(wide) activations of more than \(MomentBudget.mostChannels) channels are not scaled.")
        }
        guard !candidates.isEmpty else {
            return piece.note("No activation is scaled: there is none whose factors something before it could take up.")
        }
        guard let dataset = context.dataset, !dataset.calibrationRows.isEmpty else {
            return piece.note("No activation is scaled: that takes calibration data.")
        }
        let first = dataset.calibrationRows.lowerBound
        let collector = ActivationMomentCollector(
            source: FidelitySource(dataset),
            rows: first..<min(dataset.calibrationRows.upperBound, first + calibrationRows), threads: context.threads)
        context.progress("scaling \(candidates.count) activations")
        var outcomes: [(candidate: Candidate, outcome: ScaleSearch.Outcome)] = []
        for range in MomentBudget.parts(of: candidates.map(\.group.channels)) {
            let part = Array(candidates[range])
            let values = part.map { (name: $0.group.value, channels: $0.group.channels) }
            let moments = try await collector.collect(values, of: piece.model)
            let search = ScaleSearch(grid: grid, steps: steps)
            let found = try await Parallel.map(part, threads: context.threads) { candidate in
                guard let seen = moments[candidate.group.value], seen.products.count > 0 else {
                    return ScaleSearch.Outcome?.none
                }
                return try search.best(candidate.matrices, seen, candidate.sink)
            }
            for (candidate, outcome) in zip(part, found) { if let outcome { outcomes.append((candidate, outcome)) } }
        }
        let scaled = outcomes.filter { scale($0.candidate, by: $0.outcome, in: &piece) }.map(\.outcome)
        tell(scaled, of: candidates.count, without: without, in: &piece)
    }

    // MARK: Candidates

    private func candidates(in model: Model, _ selector: Selector) -> (found: [Candidate], without: Int, wide: Int) {
        let graph = model.graph, readers = ConstantReaders(graph)
        let facts = ShapeInference(scope: GraphScope(of: model)).facts(of: graph)
        let uses = graph.weightReaders()
        var found: [Candidate] = [], without = 0, wide = 0
        for group in ProductGroup.all(in: graph, readers) where group.channels > 1 {
            let isChosen = group.weights.allSatisfy { weight in
                graph.weights[weight.name].map {
                    selector.accepts(weight: $0.name, count: $0.shape.count, readers: uses[$0.name] ?? [])
                } ?? false
            }
            let matrices = group.weights.compactMap { matrix($0.name, $0.axis, in: graph) }
            guard isChosen, !matrices.isEmpty else { continue }
            guard group.isComplete,
                let sink = ScaleSink(of: group.value, channels: group.channels, in: graph, readers, facts)
            else {
                without += 1
                continue
            }
            guard group.channels <= MomentBudget.mostChannels else {
                wide += 1
                continue
            }
            found.append(Candidate(group: group, sink: sink, matrices: matrices))
        }
        return (found, without, wide)
    }

    /// A matrix that will be rounded; nil for others and for numbers that are not finite.
    private func matrix(_ name: String, _ axis: Int, in graph: Graph) -> ScaleSearch.Matrix? {
        guard let tensor = graph.weights[name]?.dense, tensor.count >= minimumCount,
            tensor.withElements(as: Float.self, { Kernels.range(of: $0).nonFinite == 0 })
        else { return nil }
        return ScaleSearch.Matrix(name: name, tensor: tensor, axis: axis)
    }

    // MARK: Changes

    /// Multiplies the products' matrices and divides what makes their activation; false where a matrix can not be changed.
    private func scale(_ candidate: Candidate, by outcome: ScaleSearch.Outcome, in piece: inout Workpiece) -> Bool {
        let graph = piece.model.graph, sink = candidate.sink
        var plan = ConstantPlan(graph, ConstantReaders(graph))
        let rows = ChannelTransform(scaling: sink.spread(outcome.factors))
        for product in candidate.group.products {
            guard let axis = ProductGroup.inputAxis(of: graph.nodes[product.place.node]),
                plan.add(rows, at: product.place, axis: axis)
            else { return false }
        }
        guard sink.divide(by: outcome.factors, in: &plan), plan.obstacle == nil else { return false }
        let exponent = outcome.exponent.formatted(digits: 2)
        return plan.carryOut(
            on: &piece, note: "scaled with '\(candidate.group.value)' (\(Self.name), exponent \(exponent))",
            by: Self.name)
    }

    private func tell(_ scaled: [ScaleSearch.Outcome], of count: Int, without: Int, in piece: inout Workpiece) {
        let aside = without == 0 ? "" : " \(without) more have nothing before them that could take factors up."
        guard !scaled.isEmpty else {
            return piece.note("None of \(count) activations is scaled: rounding would err as much." + aside)
        }
        let gain = scaled.reduce(0) { $0 + 1 - $1.after / $1.before } / Double(scaled.count) * 100
        piece.note(
            "\(scaled.count) of \(count) activations are scaled: at \(bits) bits the squared errors of their products fall by "
                + "\(gain.formatted(digits: 0)) % on average." + aside)
    }
}
