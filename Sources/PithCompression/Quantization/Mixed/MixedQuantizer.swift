import PithEvaluation
import PithFormats
import PithModel
import PithTensor

/// Weights of different widths: as many bits for each as its rounding is felt at the model's outputs.
///
/// Each weight is rounded to each width alone and the error at the outputs measured on calibration rows; the widths that
/// together err least for the bytes spent are chosen (``BitAllocation``), and the weights rounded to them layer by layer
/// (``GPTQQuantizer``). With an error budget the result is measured on rows held out, and the budget corrected by what was
/// found, `rounds` times; the smallest result that keeps the target is taken.
///
/// - Complexity: a run over a few rows for each weight and width, and `rounds` times what ``GPTQQuantizer`` takes.
/// - Reference: Shoham and Gersho, IEEE Trans. ASSP 36 (1988); Wu et al., "Mixed Precision Quantization of ConvNets",
///   arXiv:1812.00090 (widths for each layer).
/// - Deviation: sensitivities are those of nearest rounding, one weight at a time; the correction by measured error takes
///   care of what that leaves out.
public struct MixedQuantizer: Technique {
    public static let name = "quantize.mixed"

    /// The widths a weight may get, 2 through 8 bits; 8 means one symmetric scale for each output channel.
    public var widths = [2, 3, 4, 5, 6, 8]
    /// SQNR of the outputs that the result must keep on calibration rows held out, in dB.
    public var targetSQNR = Self.usualTarget
    /// The size instead of the error: average bits of a weight, with scales, zero points and the operators that decode it;
    /// 0: as the error asks.
    public var bitsPerWeight = 0.0
    /// How often the budget of error is corrected by measurement.
    public var rounds = 3
    /// Weights of less than 8 bits that share a scale, as in `quantize.gptq`.
    public var blockSize = 32
    /// Calibration rows used at most for rounding.
    public var calibrationRows = 4096
    /// Weights with fewer elements stay float.
    public var minimumCount = 512

    private static let usualTarget = 24.0

    public init() {}

    public func validate() throws(CompressionError) {
        guard bitsPerWeight == 0 || targetSQNR == Self.usualTarget else {
            throw Self.invalid(
                "targetSQNR", "\(targetSQNR) dB and \(bitsPerWeight) bits a weight can not both decide.",
                remedy: "Give `targetSQNR` or `bitsPerWeight`.")
        }
        guard !widths.isEmpty, widths.allSatisfy({ (2...8).contains($0) }), Set(widths).count == widths.count else {
            throw Self.invalid(
                "widths", "\(widths) is empty, names one twice, or leaves 2...8.", remedy: "Use [2, 3, 4, 6, 8].")
        }
        guard bitsPerWeight == 0 || (2...16).contains(bitsPerWeight) else {
            throw Self.invalid(
                "bitsPerWeight", "\(bitsPerWeight) lies outside 2...16.", remedy: "Use 4.5, or 0 for none.")
        }
        guard (1...16).contains(rounds) else {
            throw Self.invalid("rounds", "\(rounds) lies outside 1...16.", remedy: "Use 3.")
        }
        try rounding.validate()
    }

    /// How weights are rounded once their widths are known.
    var rounding: GPTQQuantizer {
        var technique = GPTQQuantizer()
        // What is not measured (weights in nested graphs) gets the most bits.
        technique.bits = widths.max() ?? 8
        technique.blockSize = blockSize
        technique.calibrationRows = calibrationRows
        technique.minimumCount = minimumCount
        return technique
    }

    public func apply(to piece: inout Workpiece, in context: StageContext) async throws {
        let before = Set(piece.encodings.keys)
        defer { piece.credit(Self.name, since: before) }
        let names = chosen(in: piece.model.graph, context.selector)
        guard let dataset = context.dataset, dataset.calibrationRows.count > 1, !names.isEmpty else {
            return try await roundAlike(names, &piece, context)
        }
        try rounding.raiseOperatorSet(of: &piece)
        let source = FidelitySource(dataset), (seen, heldOut) = MixedQuantizer.split(dataset.calibrationRows)
        context.progress("measuring \(names.count) weights in \(widths.count) widths")
        let points = try await BitSensitivity(piece.model, settings: self, context: context)
            .measure(names, source: source, rows: seen)
        let bench = try await CandidateBench(
            model: piece.model, original: piece.original, source: source, rows: heldOut, in: context)
        let search = MixedSearch(
            settings: self, context: context, calibrationRows: min(calibrationRows, seen.count),
            allocation: BitAllocation(points), bench: bench)
        let count = names.reduce(0) { $0 + (piece.model.graph.weights[$1]?.shape.count ?? 0) }
        try await search.run(&piece, weightCount: count)
    }

    /// The most bits for every weight, where nothing can be measured.
    private func roundAlike(_ names: [String], _ piece: inout Workpiece, _ context: StageContext) async throws {
        let widest = widths.max() ?? 8
        if !names.isEmpty {
            piece.note(
                "Every weight gets \(widest) bits: it takes two calibration rows to tell which could do with fewer.")
            piece.refusals.append(
                "\(Self.name): widths are chosen by measurement, and there is no calibration data for it")
        }
        var technique = rounding
        technique.bitsOf = Dictionary(uniqueKeysWithValues: names.map { ($0, widest) })
        try await technique.apply(to: &piece, in: context)
    }

    /// Rows to round with, and a quarter held out to measure on: even of a few, since rounding fits what it sees.
    package static func split(_ rows: Range<Int>) -> (seen: Range<Int>, heldOut: Range<Int>) {
        let border = rows.upperBound - max(rows.count / 4, 1)
        return (rows.lowerBound..<border, border..<rows.upperBound)
    }

    /// Float weights of the main graph that have a grid.
    private func chosen(in graph: Graph, _ selector: Selector) -> [String] {
        let readers = graph.weightReaders(), quantizer = rounding.nearest(bits: 8)
        return graph.weights.compactMap { weight -> String? in
            let places = readers[weight.name] ?? []
            guard let tensor = weight.dense, tensor.type == .float32, tensor.count >= max(minimumCount, 1),
                selector.accepts(weight: weight.name, count: tensor.count, readers: places),
                case .success = quantizer.plan(for: tensor, readers: places),
                tensor.withElements(as: Float.self, { Kernels.range(of: $0).nonFinite == 0 })
            else { return nil }
            return weight.name
        }
    }
}
