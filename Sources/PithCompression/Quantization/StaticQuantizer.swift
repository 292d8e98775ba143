import PithEvaluation
import PithFormats
import PithModel
import PithRuntime
import PithTensor

/// Static 8-bit quantization: weights per output channel, activations with ranges from calibration data.
///
/// Layers that integer kernels can run (convolutions and products with constant weights) get symmetric `int8` weights,
/// `int32` biases and 8-bit activations around them. Then the result is measured, on calibration rows only: where
/// integers ruin the output, the layers at fault go back to float; where they save no time, all do.
///
/// - Reference: Jacob et al., CVPR 2018, arXiv:1712.05877; Nagel et al., "A White Paper on Neural Network
///   Quantization", arXiv:2106.08295.
public struct StaticQuantizer: Technique {
    public static let name = "quantize.static"

    /// The integer type of activations.
    public enum ActivationType: String, Codable, Sendable {
        /// The one that is measured faster on this machine; unsigned under fixed rules.
        case measured
        case uint8, int8
    }

    /// What decides between results that are sound.
    public enum Objective: String, Codable, Sendable {
        /// The fastest that reaches `targetSQNR`.
        case balanced
        /// The most accurate of those at most 4 % slower than the fastest; up to 20 %, for 2 dB and .5 dB for each further percent.
        case accuracy
    }

    /// How ranges are chosen from the distribution of an activation.
    public var calibrator = Calibrator.mse
    /// Share of the values kept by the percentile calibrator, in percent.
    public var percentile = Self.usualPercentile
    /// Weight of each further run in the moving average of ranges; the one before it has this much less.
    public var averageWeight = MovingBounds.usualWeight
    /// Calibration rows used at most.
    public var calibrationRows = 512
    public var activationType = ActivationType.measured
    /// Bits of the weights' levels.
    public var weightBits = 8
    /// What is done about kernels that overflow.
    public var overflow = KernelOverflow.measured
    /// Whether biases make up for the rounding of the weights.
    public var biasCorrection = true
    /// Output SQNR on calibration rows, in dB, at which a result counts as sound.
    public var targetSQNR = 28.0
    /// Output SQNR in dB below which a result counts as ruined.
    public var minimumSQNR = 18.0
    /// How far below integer weights alone a result under the target may lie, in dB, and still count as sound.
    public var allowedLoss = 1.5
    /// Whether the most accurate of the fast results is taken instead of the first that is sound.
    public var objective = Objective.balanced
    /// How many times faster than float a result must be to be worth its error.
    public var minimumSpeedup = 1.25
    /// Layers (by the name of the node, of its first output where it has none, or of the weight) that stay float.
    public var keepFloat: [String] = []

    private static let usualPercentile = 99.999

    public init() {}

    public func validate() throws(CompressionError) {
        try validateCalibrator()
        guard calibrationRows > 0 else {
            throw Self.invalid("calibrationRows", "\(calibrationRows) rows are none.", remedy: "Use 100 to 1000.")
        }
        try Self.validate(weightBits: weightBits)
        guard minimumSQNR <= targetSQNR else {
            throw Self.invalid(
                "minimumSQNR", "\(minimumSQNR) lies above targetSQNR \(targetSQNR).", remedy: "Lower it.")
        }
        guard allowedLoss >= 0 else {
            throw Self.invalid("allowedLoss", "\(allowedLoss) is negative.", remedy: "Use 0 to 4.")
        }
        guard minimumSpeedup >= 0 else {
            throw Self.invalid("minimumSpeedup", "\(minimumSpeedup) is negative.", remedy: "Use 0 to accept any speed.")
        }
    }

    /// Refuses settings of a calibrator that is not asked for: they would do nothing.
    private func validateCalibrator() throws(CompressionError) {
        guard (50...100).contains(percentile) else {
            throw Self.invalid("percentile", "\(percentile) lies outside 50...100.", remedy: "Use 99.9 to 99.9999.")
        }
        guard averageWeight > 0, averageWeight <= 1 else {
            throw Self.invalid(
                "averageWeight", "\(averageWeight) lies outside 0...1, or is 0.", remedy: "Use 0.01 to 0.2.")
        }
        guard percentile == Self.usualPercentile || [.percentile, .best].contains(calibrator) else {
            throw Self.invalid(
                "percentile", "the calibrator \(calibrator.rawValue) does not look at it.",
                remedy: "Set `calibrator` to percentile or best, or leave out `percentile`.")
        }
        guard averageWeight == MovingBounds.usualWeight || [.movingAverage, .best].contains(calibrator) else {
            throw Self.invalid(
                "averageWeight", "the calibrator \(calibrator.rawValue) takes no average.",
                remedy: "Set `calibrator` to moving-average or best, or leave out `averageWeight`.")
        }
    }

    public func apply(to piece: inout Workpiece, in context: StageContext) async throws {
        piece.checkNames(keepFloat, key: "keepFloat", of: piece.model)
        account(for: &piece, context)
        guard let dataset = context.dataset else {
            piece.note("Activations stay float: without --data there is nothing to calibrate their ranges on.")
            return
        }
        guard !dataset.calibrationRows.isEmpty else {
            piece.note("Activations stay float: the data card has no rows under `calibrate`.")
            return
        }
        var prepared = piece
        do {
            try OpsetUpgrader.upgrade(&prepared.model, to: StaticSearch.operatorSet)
        } catch {
            piece.note("Activations stay float: \(error.description)")
            piece.refusals.append("activations: \(error.description)")
            return
        }
        let search = try StaticSearch(settings: self, context: context, dataset: dataset)
        let isChosen = try await search.run(&prepared)
        // Where integers were not worth it, the model keeps its operator set too.
        if !isChosen {
            prepared.model = piece.model
            prepared.restoreRoundedOnFloat()
        }
        piece = prepared
    }

    /// Names the weights of layers that have no integer kernel here, until another stage takes them.
    private func account(for piece: inout Workpiece, _ context: StageContext) {
        var found: [String: String] = [:]
        piece.model.graph.forEachGraph { graph, path in
            let readers = graph.weightReaders()
            for weight in graph.weights where weight.dense?.type == .float32 {
                let places = readers[weight.name] ?? [], name = path.qualified(weight.name)
                guard let reader = places.first(where: { $0.part?.layer == .recurrent }),
                    context.selector.accepts(weight: name, count: weight.shape.count, readers: places)
                else { continue }
                found[name] = "\(reader.label) has no integer kernel with calibrated activations"
            }
        }
        for (name, reason) in found {
            piece.unhandled[name] = reason
            piece.reasons[name] = piece.reasons[name] ?? "kept: \(reason)"
        }
    }
}
