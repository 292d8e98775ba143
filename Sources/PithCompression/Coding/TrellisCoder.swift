import PithFormats
import PithModel
import PithTensor

/// Integer weights whose levels are chosen for the bits that they take: trellis-coded quantization, for `.pith` files.
///
/// The levels of a weight, in the order of its numbers, are a walk through a trellis of 4 or 8 states. A state takes its level
/// from set 0 (even levels) or set 1 (zero and the odd ones), and the number of the level in its set says which state comes
/// next. So a number costs the bits of one out of half the levels, yet on the whole all levels serve: about 1 dB, or 0.16
/// bits, better than nearest rounding. Among all walks the one is taken with the least sum of squared errors and
/// lambda * bits, by Viterbi's search; the bits are estimated from the walk before.
///
/// | value | meaning |
/// | --- | --- |
/// | step | `step` times what `scope` says: the distance of neighbouring levels |
/// | lambda | `rateWeight` times the slope at which, at high rates, error can be bought for bits with another step |
/// | 1 state | no trellis: each number for itself, to the nearest level or the one below it |
///
/// With calibration data the error is that of the layer's outputs instead, layer by layer on inputs that are rounded already, and
/// each number makes up for the errors before it in its row (`FeedbackLevels`); tables, nested graphs and what else data can not
/// weigh are as without, and the ledger says why.
///
/// The levels fit 8 bits. Where a channel's largest weight would not, that channel gets a wider step, and the ledger says of how
/// many. What is stored are plain integers and scales, which run anywhere: only the container knows about walks.
///
/// - Complexity: three searches, O(*n* states) each; with data O(*m n*²) and more for *m* outputs of *n* inputs.
/// - Reference: Schwarz et al., "Hybrid Video Coding with Trellis-Coded Quantization", DCC 2019; Haase et al., "Dependent
///   Scalar Quantization for Neural Network Compression", ICIP 2020; Marcellin and Fischer, IEEE Trans. Commun. 38, 1990.
/// - Deviation: rates come from one table for each set rather than from adaptive contexts; walks start and end in state 0
///   every 4096 numbers, with data every row after so many, or once for a weight.
public struct TrellisCoder: WeightTechnique, LayerwiseTechnique {
    public static let name = "code.trellis"

    /// States of the trellis: 4, 8, or 1 for none.
    public var states = 8
    /// Distance of neighbouring levels, in root mean squares of the weight (outliers left out), or as `scope` says.
    public var step = 0.06
    /// How much a bit counts against the error: 0 not at all, 1 as much as it is worth at high rates.
    public var rateWeight = 1.0
    /// Whose root mean square a step is measured in.
    public var scope = Scope.outputs
    /// Whether calibration data, where there are any, say what an error costs.
    public var usesData = true
    /// Calibration rows used at most; a layer that sees many vectors in each row takes the first 256 of them.
    public var calibrationRows = 4096
    /// Weights with fewer elements stay float.
    public var minimumCount = 512
    /// What the steps of weights are measured in, where it is not their root mean square.
    private var spreads: [String: Double] = [:]

    /// What the spread of a step is taken from.
    public enum Scope: String, Codable, Sendable, CaseIterable {
        /// Each weight has its own: the same ratio of signal to noise for all.
        case weight
        /// All weights have one step: the least squared error over all of them.
        case model
        /// Each weight has its own, by how much rounding it alone is felt at the model's outputs: the least error there at the same
        /// bits. It takes calibration data; without, as `weight`.
        case outputs
    }

    private enum CodingKeys: String, CodingKey {
        case states, step, rateWeight, scope, usesData, calibrationRows, minimumCount
    }

    public init() {}

    public func validate() throws(CompressionError) {
        guard [1, 4, 8].contains(states) else {
            throw Self.invalid("states", "there is no trellis of \(states) states.", remedy: "Use 8, 4, or 1 for none.")
        }
        guard Self.steps.contains(step) else {
            throw Self.invalid(
                "step", "\(step) lies outside \(Self.steps).", remedy: "Use 0.03 (fine) to 0.5 (coarse).")
        }
        guard (0...16).contains(rateWeight) else {
            throw Self.invalid("rateWeight", "\(rateWeight) lies outside 0...16.", remedy: "Use 1.")
        }
        guard calibrationRows > 0 else {
            throw Self.invalid("calibrationRows", "\(calibrationRows) rows are none.", remedy: "Use 100 to 4096.")
        }
    }

    public func apply(to piece: inout Workpiece, in context: StageContext) async throws {
        let data = usesData ? context.dataset.flatMap { $0.calibrationRows.isEmpty ? nil : $0 } : nil
        var prepared = self
        prepared.spreads = try await spreads(of: piece.model, data, in: context)
        guard let data else {
            return try await prepared.encodeWeights(of: &piece, in: context)
        }
        try await prepared.roundLayers(of: &piece, with: data, in: context)
    }

    var damping: Double { 0 }
    var strength: Double { 1 }
    var roundsRecurrent: Bool { true }
    var kind: String { states == 1 ? "levels for themselves" : "trellis of \(states) states" }
    static var lone: (remark: String, note: String) { ("without data", "without data") }

    func encodeAlone(
        of piece: inout Workpiece, in context: StageContext, where isChosen: (String) -> Bool
    ) async throws {
        try await encodeWeights(of: &piece, in: context, where: isChosen)
    }

    func form(
        of matrix: LayerMatrix, named name: String, _ problems: [RoundingProblem], takesBlocks: Bool, threads: Int
    ) async throws -> GroupedIntegers? {
        let numbers = matrix.weight.elements(as: Float.self)
        let steps = LevelSteps(of: numbers.span, matrix.shape, axes: matrix.axes, step: step, spread: spreads[name])
        let search = try FeedbackLevels(
            LevelRounding(states: states, rateWeight: rateWeight), problems, steps: steps.all(count: numbers.count),
            outputsFirst: matrix.outputsFirst)
        let levels = try await search.levels(threads: threads)
        let decoded = matrix.numbers(of: steps.form(levels, times: 1).decoded())
        let parts = problems.indices.map { matrix.numbers(group: $0, of: decoded) }
        return steps.form(levels, times: RoundingProblem.bestFactor(for: parts, of: problems))
    }

    func encode(
        _ tensor: Tensor, named name: String, _ part: LayerWeight
    ) throws(CompressionError) -> any Representation {
        try tensor.withElements(as: Float.self) { (values) throws(CompressionError) in
            let bad = Kernels.range(of: values).nonFinite
            guard bad == 0 else {
                throw CompressionError(
                    code: .nonFiniteWeight, subject: name, problem: "\(bad) of its values are NaN or infinite.",
                    remedy: "Repair the model, or exclude this weight with `where`.")
            }
            let isTable = part.layer == .table
            let steps = LevelSteps(
                of: values, tensor.shape, axes: isTable ? [part.axis] : [part.axis, part.reduced].compactMap { $0 },
                keepsChannels: isTable, step: step, spread: spreads[name])
            let levels = LevelRounding(states: states, rateWeight: rateWeight).levels(of: values, steps)
            return steps.form(levels, of: values)
        }
    }

    func remark(on form: any Representation) -> String {
        guard let scales = (form as? GroupedIntegers)?.scales.floats(), let least = scales.min() else {
            return "computed in float"
        }
        let wide = scales.count { $0 > least }
        return wide == 0
            ? "computed in float"
            : "computed in float; \(wide) of \(scales.count) channels have wider steps to fit 8 bits"
    }
}
