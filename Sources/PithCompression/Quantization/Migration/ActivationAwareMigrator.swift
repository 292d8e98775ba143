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
    /// Calibration rows used at most; the last quarter of them is held out for stages that measure candidates.
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

    public func apply(to piece: inout Workpiece, in context: StageContext) async throws {
        var stay: [ScaleCandidate.Obstacle] = [], candidates: [ScaleCandidate] = []
        for found in ScaleSurvey(piece.model, context.selector, minimumCount: minimumCount).candidates() {
            do throws(ScaleCandidate.Obstacle) { candidates.append(try found.get()) } catch { stay.append(error) }
        }
        guard !candidates.isEmpty else { return tell([], of: 0, stay, in: &piece) }
        guard let dataset = context.dataset, !dataset.calibrationRows.isEmpty else {
            return piece.note("No activation is scaled: that takes calibration data.")
        }
        context.progress("scaling \(candidates.count) activations")
        var scaled: [ScaleSearch.Outcome] = []
        let found = try await outcomes(of: candidates, on: dataset, piece.model, threads: context.threads)
        for (candidate, outcome) in zip(candidates, found) {
            do throws(ScaleCandidate.Obstacle) {
                let outcome = try outcome.get()
                try scale(candidate, by: outcome, in: &piece)
                scaled.append(outcome)
            } catch {
                stay.append(error)
            }
        }
        tell(scaled, of: candidates.count, stay, in: &piece)
    }

    /// The best factors of each candidate on calibration data, or why there are none.
    private func outcomes(
        of candidates: [ScaleCandidate], on dataset: Dataset, _ model: Model, threads: Int
    ) async throws -> [Result<ScaleSearch.Outcome, ScaleCandidate.Obstacle>] {
        let first = dataset.calibrationRows.lowerBound
        let rows = first..<min(dataset.calibrationRows.upperBound, first + calibrationRows)
        let collector = ActivationMomentCollector(
            source: FidelitySource(dataset), rows: StaticSearch.split(rows).seen, threads: threads)
        let search = ScaleSearch(grid: grid, steps: steps)
        var outcomes: [Result<ScaleSearch.Outcome, ScaleCandidate.Obstacle>] = []
        for range in MomentBudget.parts(of: candidates.map(\.group.channels)) {
            let part = Array(candidates[range])
            let moments = try await collector.collect(
                part.map { (name: $0.group.value, channels: $0.group.channels) }, of: model)
            outcomes += try await Parallel.map(part, threads: threads) { candidate in
                guard let seen = moments[candidate.group.value], seen.products.count > 0 else {
                    return .failure(.unseen)
                }
                let best = try search.best(candidate.matrices, seen, candidate.sink)
                return best.map { .success($0) } ?? .failure(.asGood)
            }
        }
        return outcomes
    }

    // MARK: Changes

    /// Multiplies the products' matrices and divides what makes their activation; all of it, or nothing.
    private func scale(
        _ candidate: ScaleCandidate, by outcome: ScaleSearch.Outcome, in piece: inout Workpiece
    ) throws(ScaleCandidate.Obstacle) {
        let graph = piece.model.graph, exponent = outcome.exponent.formatted(digits: 2)
        let plan = try candidate.plan(outcome.factors, in: graph, ConstantReaders(graph))
        let isDone = plan.carryOut(
            on: &piece, note: "scaled with '\(candidate.group.value)' (\(Self.name), exponent \(exponent))",
            by: Self.name)
        guard isDone else { throw .overflow }
    }

    /// Says how many of the activations that could be scaled are, and why any others are not.
    private func tell(
        _ scaled: [ScaleSearch.Outcome], of count: Int, _ stay: [ScaleCandidate.Obstacle], in piece: inout Workpiece
    ) {
        let reasons = ScaleCandidate.Obstacle.allCases.compactMap { obstacle -> String? in
            let number = stay.count { $0 == obstacle }
            return number > 0 ? "\(number) \(obstacle.text)" : nil
        }
        guard !scaled.isEmpty else {
            let none =
                reasons.isEmpty ? "no product here has a constant matrix of its own" : reasons.joined(separator: "; ")
            return piece.note("No activation is scaled: \(none).")
        }
        let aside = reasons.isEmpty ? "" : " Others stay: \(reasons.joined(separator: "; "))."
        let gain = scaled.reduce(0) { $0 + 1 - $1.after / $1.before } / Double(scaled.count) * 100
        piece.note(
            "\(scaled.count) of \(count) activations are scaled: at \(bits) bits the squared errors of their products fall by "
                + "\(gain.formatted(digits: 0)) % on average." + aside)
    }
}
