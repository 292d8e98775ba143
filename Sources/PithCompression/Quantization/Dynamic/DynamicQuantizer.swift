import PithFormats
import PithModel
import PithTensor

/// Dynamic 8-bit quantization: integer weights per output channel, activations rounded to the range they have in a run.
///
/// Needs no data.
///
/// | layer | becomes |
/// | --- | --- |
/// | `MatMul`, `Gemm` with a constant weight | `DynamicQuantizeLinear`, `MatMulInteger`, `Cast`, `Mul`: ONNX Runtime makes one kernel of them |
/// | `LSTM` with constant weights | ONNX Runtime's `com.microsoft.DynamicQuantizeLSTM` |
///
/// Graphs nested in others are worked on too. Weights without such a kernel (convolutions, `GRU`, tables, weights that
/// are read in several ways) are left to later stages.
///
/// Activations are unsigned: `scale = (max(x, 0) - min(x, 0)) / 255` over the whole tensor of one run, so a few large
/// values coarsen all others; ``SmoothMigrator`` goes before where they do.
///
/// - Error bound: half a step of its channel for each weight, half a step of the run's range for each activation.
/// - Complexity: O(weights); `measured` adds a few runs over held-out calibration rows.
/// - Reference: ONNX specification, `DynamicQuantizeLinear`, `MatMulInteger`; Krishnamoorthi, "Quantizing deep
///   convolutional networks for efficient inference", arXiv:1806.08342, section 3.1.2.
public struct DynamicQuantizer: Technique {
    public static let name = "quantize.dynamic"

    /// Which layers are taken.
    public enum Choice: String, Codable, Sendable {
        /// Every layer that has a kernel.
        case every
        /// Those with which the output stays sound and the model becomes faster, as measured on calibration rows.
        case measured
    }

    public var layers = Choice.every
    /// Weights with fewer elements are left alone: rounding activations would take what the kernel saves.
    public var minimumCount = 4096
    /// Output SQNR on calibration rows, in dB, at which `measured` counts a result as sound.
    public var targetSQNR = 28.0
    /// How far below the same weights computed in float a result under the target may lie, in dB, and still be sound.
    public var allowedLoss = 1.0
    /// How many times faster than before a result must be under `measured`.
    public var minimumSpeedup = 1.02

    public init() {}

    /// Creates the technique with a choice of layers.
    public init(layers: Choice) { self.layers = layers }

    public func validate() throws(CompressionError) {
        guard minimumCount >= 0 else {
            throw Self.invalid("minimumCount", "\(minimumCount) is negative.", remedy: "Use 0 to take every weight.")
        }
        guard allowedLoss >= 0 else {
            throw Self.invalid("allowedLoss", "\(allowedLoss) is negative.", remedy: "Use 0 to 4.")
        }
        guard minimumSpeedup >= 0 else {
            throw Self.invalid("minimumSpeedup", "\(minimumSpeedup) is negative.", remedy: "Use 0 to accept any speed.")
        }
    }

    public func apply(to piece: inout Workpiece, in context: StageContext) async throws {
        let found = DynamicLayers(piece.model.graph, minimumCount: minimumCount, selector: context.selector)
        for (name, reason) in found.reasons where piece.floatReasons[name] == nil { piece.floatReasons[name] = reason }
        let encoded = try await encode(found.entries, &piece, context)
        guard !encoded.isEmpty else { return }
        if layers == .measured, context.dataset?.calibrationRows.isEmpty ?? true {
            return explain(encoded, "without calibration data it is not known what that costs", &piece)
        }
        var model = piece.model
        do {
            try OpsetUpgrader.upgrade(&model, to: 11)
        } catch {
            let reason = "its operator set can not be raised: \(error.description)"
            return layers == .every ? refuse(encoded, reason, &piece) : explain(encoded, reason, &piece)
        }
        switch layers {
        case .every:
            DynamicCandidate(model, taking: encoded).settle(&piece)
            piece.note("Activations of \(encoded.count) weights are rounded at run time.")
        case .measured:
            try await DynamicSearch(settings: self, context: context).run(encoded, model, &piece)
        }
    }

    /// The weights in integers; a weight that is not finite is refused and stays.
    private func encode(
        _ entries: [DynamicLayers.Entry], _ piece: inout Workpiece, _ context: StageContext
    ) async throws -> [DynamicCandidate.Encoded] {
        context.progress("rounding \(entries.count) weights")
        let results = try await Parallel.map(entries, threads: context.threads) {
            entry -> Result<DynamicCandidate.Encoded, CompressionError> in
            do throws(CompressionError) {
                return .success(try DynamicCandidate.Encoded(entry))
            } catch {
                return .failure(error)
            }
        }
        var encoded: [DynamicCandidate.Encoded] = []
        for (entry, result) in zip(entries, results) {
            switch result {
            case .success(let weight): encoded.append(weight)
            case .failure(let error):
                piece.reasons[entry.name] = "kept: \(error.problem)"
                piece.refusals.append("\(entry.name): \(error.problem)")
            }
        }
        return encoded
    }

    /// Says of weights that another stage may take why their activations are not rounded at run time.
    func explain(_ weights: [DynamicCandidate.Encoded], _ reason: String, _ piece: inout Workpiece) {
        for weight in weights {
            let name = weight.entry.name, old = piece.floatReasons[name].map { "\($0); " } ?? ""
            piece.floatReasons[name] = "\(old)rounded at run time: \(reason)"
        }
    }

    private func refuse(_ weights: [DynamicCandidate.Encoded], _ reason: String, _ piece: inout Workpiece) {
        piece.note("Activations are not rounded at run time, as \(reason)")
        for weight in weights { piece.refusals.append("\(weight.entry.name): \(reason)") }
    }
}
