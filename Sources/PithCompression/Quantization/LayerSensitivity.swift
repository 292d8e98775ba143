package import PithEvaluation
import PithFormats
package import PithModel
import PithRuntime
package import PithTensor

/// The error that holding one layer's input in integers makes in that layer's output, everything else in float.
///
/// Each layer stands twice in the measured graph, once with its input as it is and once rounded to its format; all are
/// measured in one run over the data.
package struct LayerSensitivity {
    private let model: Model
    private let layers: [IntegerLayer]
    private let observations: [String: Observation]
    private let settings: StaticQuantizer
    private let type: ScalarType

    /// Rows that are looked at, at most.
    private static let mostRows = 16
    /// Rows of a run, and parts that the rows are cut into, at most.
    private static let batch = 4, pieces = 4

    /// Looks at `layers` of a float model whose activations were observed; `type` is that of rounded activations.
    package init(
        model: Model, layers: [IntegerLayer], observations: [String: Observation], settings: StaticQuantizer,
        type: ScalarType
    ) {
        self.model = model
        self.layers = layers
        self.observations = observations
        self.settings = settings
        self.type = type
    }

    /// SQNR of each layer's output in dB by the position of its node.
    ///
    /// - Throws: What runtime and data throw.
    package func measure(source: any SampleSource, rows: Range<Int>, threads: Int) async throws -> [Int: Double] {
        let (doubled, pairs) = doubledModel()
        guard !pairs.isEmpty else { return [:] }
        let names = pairs.flatMap { [$0.exact, $0.rounded] }
        var options = SessionOptions()
        options.optimization = .basic
        let session = try Session(
            bytes: try ONNXWriter.encode(doubled.exposing(names)), name: "sensitivity", options: options)
        let plan = try BatchPlan(for: source, models: [session], row: source.sampleRows(rows).first ?? 0)
            .limited(to: source.batchSize == nil ? LayerSensitivity.batch : BatchPlan.observedSize)
        let looked = rows.lowerBound..<min(rows.upperBound, rows.lowerBound + LayerSensitivity.mostRows)
        let runner = BatchRunner(source: source, plan: plan)
        let parts = try await Parallel.map(
            source.pieces(of: looked, batch: plan.size, count: LayerSensitivity.pieces), threads: threads
        ) { piece in
            var sums = [Int: SignalToNoise]()
            try runner.run([session], outputs: [names], over: piece) { batch in
                for pair in pairs {
                    guard let exact = batch.outputs[0][pair.exact], let rounded = batch.outputs[0][pair.rounded] else {
                        continue
                    }
                    sums[pair.node, default: SignalToNoise()].add(exact, rounded)
                }
            }
            return sums
        }
        let sums = parts.reduce(into: [Int: SignalToNoise]()) { all, part in
            for (node, sum) in part { all[node, default: SignalToNoise()].merge(sum) }
        }
        return sums.mapValues { $0.noise > 0 && $0.signal > 0 ? $0.decibels : .infinity }
    }

    private func doubledModel() -> (Model, [(node: Int, exact: String, rounded: String)]) {
        var doubled = model, names = NameSource(taken: model.graph.allNames)
        var pairs: [(node: Int, exact: String, rounded: String)] = [], rounded: [String: String] = [:]
        var copies: [Node] = []
        for layer in layers {
            guard let seen = observations[layer.input], seen.histogram.nonFinite == 0 else { continue }
            let input: String
            if let known = rounded[layer.input] {
                input = known
            } else {
                input = names.make(layer.input, "_rounded")
                rounded[layer.input] = input
                let range = seen.range(
                    settings.calibrator, percentile: settings.percentile,
                    levels: type.integerRange?.count ?? 256)
                // The copy has the format, so that the original stays float for everyone else.
                copies.append(Node("Identity", inputs: [layer.input], outputs: [input]))
                doubled.graph.activationFormats[input] = range.format(type)
            }
            var copy = model.graph.nodes[layer.node]
            copy.inputs[0] = input
            copy.name = ""
            copy.outputs = [names.make(layer.output, "_rounded")]
            copies.append(copy)
            pairs.append((layer.node, layer.output, copy.outputs[0]))
        }
        doubled.graph.nodes += copies
        return (doubled, pairs)
    }
}
