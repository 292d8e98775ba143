import PithEvaluation
import PithFormats
import PithModel
import PithTensor

/// What rounding one weight to each of some widths does to the model's outputs, everything else in float.
struct BitSensitivity {
    private let model: Model
    private let settings: MixedQuantizer
    private let context: StageContext

    /// Prepares to round weights of `model` one at a time.
    init(_ model: Model, settings: MixedQuantizer, context: StageContext) {
        self.model = model
        self.settings = settings
        self.context = context
    }

    /// What a weight takes in a file, with the operators that decode it.
    private static func fileBytes(of form: any Representation, named name: String) throws -> Int {
        var graph = Graph(name: "")
        graph.weights[name] = Weight(name: name, form: .encoded(form))
        return try ONNXWriter.encode(Model(graph: graph, operatorSets: ["": 13])).count
    }

    /// Bytes and noise of each width of each of the `weights` (names in the main graph).
    ///
    /// - Throws: What runtime and data throw; `CompressionError` for a weight that can not be rounded.
    func measure(
        _ weights: [String], source: any SampleSource, rows: Range<Int>
    ) async throws -> [String: [BitAllocation.Point]] {
        let readers = model.graph.weightReaders()
        let trials = weights.flatMap { name in settings.widths.map { (name: name, bits: $0) } }
        let sensitivity = try WeightSensitivity(model, weights, trials: trials.count, source: source, rows: rows)
        let rounding = settings.rounding
        let points = try await Parallel.map(trials, threads: context.threads) { name, bits -> BitAllocation.Point in
            try Task.checkCancellation()
            let quantizer = rounding.nearest(bits: bits)
            guard let tensor = sensitivity.open.weights[name],
                case .success(let plan) = quantizer.plan(for: tensor, readers: readers[name] ?? [])
            else { preconditionFailure("The weight '\(name)' was chosen, but can not be rounded.") }
            let form = try quantizer.encode(tensor, named: name, plan)
            return BitAllocation.Point(
                bits: bits, byteCount: try Self.fileBytes(of: form, named: name),
                noise: try sensitivity.noise(of: name, as: form.decoded()))
        }
        return zip(trials, points).reduce(into: [:]) { $0[$1.0.name, default: []].append($1.1) }
    }
}
