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
/// With `kernels: measured` products are also tried in 8-bit blocks of 64 with ONNX Runtime's `com.microsoft.MatMulNBits`,
/// which rounds activations in blocks too: more accurate where a few channels are large, slower where none are. Where those
/// win, as the others err too much, products that err little go back to the faster kernels, as many as `allowedLoss` pays for.
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
public struct DynamicQuantizer: KernelTechnique {
    public static let name = "quantize.dynamic"

    /// Kinds of kernels.
    public enum Kernels: String, Codable, Sendable {
        /// Integer kernels, with one range for an activation.
        case integer
        /// Those and products in blocks, whichever is faster and sound.
        case measured
    }

    /// Which layers are taken.
    public enum Choice: String, Codable, Sendable {
        /// Every layer that has a kernel.
        case every
        /// Those with which the output stays sound and the model becomes faster, as measured on calibration rows.
        case measured
    }

    public var layers = Choice.every
    /// Which kernels are tried where layers are measured.
    public var kernels = Kernels.integer
    /// Weights with fewer elements are left alone: rounding activations would take what the kernel saves.
    public var minimumCount = 4096
    /// Bits of the weights' levels; kernels in blocks are tried with 8 bits only.
    public var weightBits = 8
    /// What is done about integer kernels that overflow.
    public var overflow = KernelOverflow.measured
    /// Output SQNR on calibration rows, in dB, at which `measured` counts a result as sound.
    public var targetSQNR = 28.0
    /// How far below the same weights computed in float a result under the target may lie, in dB, and still be sound.
    public var allowedLoss = 1.0
    /// Output SQNR on calibration rows, in dB, that is enough for a result half as fast again as every sound one; 0: none is.
    public var fastSQNR = 0.0
    /// How many times faster than before a result must be under `measured`; from 1 on, a result that is less than 1.2 times as
    /// fast also has to be faster by .03 for each decibel that it loses.
    public var minimumSpeedup = 1.02

    var deed: String { "activations rounded at run time" }

    public init() {}

    /// Creates the technique with a choice of layers.
    public init(layers: Choice, kernels: Kernels = .integer) { (self.layers, self.kernels) = (layers, kernels) }

    public func validate() throws(CompressionError) {
        guard minimumCount >= 0 else {
            throw Self.invalid("minimumCount", "\(minimumCount) is negative.", remedy: "Use 0 to take every weight.")
        }
        try Self.validate(weightBits: weightBits)
        guard layers == .measured || kernels == .integer else {
            throw Self.invalid(
                "kernels", "with `layers: every` nothing is measured.", remedy: "Set `layers: measured` too.")
        }
        guard layers == .measured || fastSQNR == 0 else {
            throw Self.invalid(
                "fastSQNR", "with `layers: every` nothing is measured.", remedy: "Set `layers: measured` too.")
        }
        try validateLimits()
    }

    public func apply(to piece: inout Workpiece, in context: StageContext) async throws {
        let found = KernelLayers(
            piece.model.graph, for: .dynamic, minimumCount: minimumCount, selector: context.selector)
        for (name, reason) in found.reasons where piece.floatReasons[name] == nil { piece.floatReasons[name] = reason }
        let overflow = found.entries.isEmpty ? .ignored : try overflow.resolved()
        let entries = usable(found.entries, overflow, &piece)
        let encoded = try await encode(entries, overflow, &piece, context)
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
            piece.unsmoothed = nil
            KernelCandidate(model, taking: encoded).settle(&piece, by: Self.name)
            piece.note("Activations of \(encoded.count) weights are rounded at run time.")
        case .measured:
            try await KernelSearch(settings: self, context: context).run(
                try await options(encoded, model, piece, context), model, &piece)
        }
        if piece.decisions["dynamicWeights"] != nil { overflow.account(&piece) }
    }

    /// The kernels to choose from.
    private func options(
        _ encoded: [KernelCandidate.Encoded], _ model: Model, _ piece: Workpiece, _ context: StageContext
    ) async throws -> [KernelOption] {
        /// Every other weight as `quantize.weights` will leave it.
        func folded(_ model: Model) async throws -> Model {
            var rest = piece
            rest.model = model
            try await WeightQuantizer().apply(to: &rest, in: context)
            return rest.model
        }
        var baseline: Model?
        if let unsmoothed = piece.unsmoothed { baseline = try await folded(unsmoothed.model) }
        var options = [
            KernelOption(weights: encoded, folded: try await folded(model), baseline: baseline)
        ]
        let products = encoded.filter { $0.entry.part.layer == .product && $0.entry.form == nil }
        // Blocks have levels of 8 bits.
        guard kernels == .measured, weightBits == 8, !products.isEmpty else { return options }
        let blocks = try await Parallel.map(products, threads: context.threads) { weight in
            try KernelCandidate.Encoded(inBlocks: weight.entry)
        }
        let whole = KernelCandidate(model, taking: blocks.map { $0.used(.folded) }).model
        options.append(
            KernelOption(weights: blocks, folded: try await folded(whole), baseline: baseline))
        return options
    }

    /// The weights without those whose levels of an earlier stage are more than kernels are to have, or overflow.
    private func usable(
        _ entries: [KernelLayers.Entry], _ overflow: KernelOverflow, _ piece: inout Workpiece
    ) -> [KernelLayers.Entry] {
        entries.filter { entry in
            guard let form = entry.form else { return true }
            guard form.hasLevels(of: weightBits) else {
                piece.floatReasons[entry.name] = "an earlier stage gave it more levels than \(weightBits) bits have"
                return false
            }
            // Recurrent layers get the same levels without a sign.
            guard overflow == .avoided, entry.part.layer != .recurrent else { return true }
            let rows = PairedRows(form.shape, axis: entry.part.axis, isConvolution: false)
            guard rows?.isExact(form) ?? true else {
                piece.floatReasons[entry.name] = "an earlier stage gave it levels that overflow in pairs"
                return false
            }
            return true
        }
    }

    /// The weights in integers; a weight that is not finite is refused and stays.
    private func encode(
        _ entries: [KernelLayers.Entry], _ overflow: KernelOverflow, _ piece: inout Workpiece, _ context: StageContext
    ) async throws -> [KernelCandidate.Encoded] {
        context.progress("rounding \(entries.count) weights")
        let results = try await Parallel.map(entries, threads: context.threads) {
            entry -> Result<KernelCandidate.Encoded, CompressionError> in
            do throws(CompressionError) {
                return .success(try KernelCandidate.Encoded(entry, bits: weightBits, isPaired: overflow == .avoided))
            } catch {
                return .failure(error)
            }
        }
        var encoded: [KernelCandidate.Encoded] = []
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

    private func refuse(_ weights: [KernelCandidate.Encoded], _ reason: String, _ piece: inout Workpiece) {
        piece.note("Activations are not rounded at run time, as \(reason)")
        for weight in weights { piece.refusals.append("\(weight.entry.name): \(reason)") }
    }
}
