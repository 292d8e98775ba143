import PithEvaluation
import PithFormats
import PithModel
import PithRuntime
import PithTensor

/// What a layer gets in the model as it is rounded so far, and what it gave in the float model, in sums over the data.
struct LayerMoments: Sendable {
    /// For each group of the layer's matrix.
    var inputs: [SecondMoments]
    /// The outputs that are wanted, with the same inputs.
    var outputs: [CrossMoments]

    mutating func merge(_ other: LayerMoments) {
        for group in inputs.indices {
            inputs[group].merge(other.inputs[group])
            outputs[group].merge(other.outputs[group])
        }
    }
}

/// Runs a float model and its partly rounded copy side by side and gathers the moments of layers that share an input.
///
/// Both are cut down to what leads to the values that are looked at. The rows of the data are cut into parts whose number
/// does not depend on the number of threads, so the moments are the same at any number.
struct LayerMomentCollector: Sendable {
    let source: any SampleSource
    let rows: Range<Int>
    let threads: Int

    private static let pieces = 8
    /// Rows of a layer's matrix of inputs that are enough, in all.
    private static let mostVectors = 65_536

    /// Moments of each layer of `layers`, all of which read the same value; activations of `rounded` have `formats`.
    ///
    /// - Throws: What the runtime, the data and the readers throw; `CompressionError` `.invalidData` for activations that
    ///   are not finite; `CancellationError`.
    func collect(
        _ layers: [(layer: RoundingLayer, matrix: LayerMatrix)], float: Model, rounded: Model,
        _ formats: [String: ActivationFormat]
    ) async throws -> [LayerMoments] {
        guard let input = layers.first?.layer.input else { return [] }
        let targets = Set(layers.map(\.layer.target)).sorted()
        let inputs = Set(rounded.graph.inputs.map(\.name)).subtracting(formats.keys), isInput = inputs.contains(input)
        let seen = Set(layers.compactMap(\.layer.shortcut) + [input]).subtracting(inputs).sorted()
        let (read, places) = rounded.reading(seen, formats)
        // A layer that reads an input of the model as it is needs nothing of the rounded one.
        let looked = [(float, targets)] + (seen.isEmpty ? [] : [(read, seen.compactMap { places[$0] })])
        let sessions = try looked.map { model, values in
            var options = SessionOptions()
            // Fused kernels would round weights that are float here.
            if !model.graph.activationFormats.isEmpty { options.optimization = .none }
            return try Session(
                bytes: try ONNXWriter.encode(try model.leading(to: values + source.carried.values)), name: "layers",
                options: options)
        }
        let plan = try BatchPlan(for: source, models: sessions, row: source.sampleRows(rows).first ?? 0)
            .limited()
        let runner = BatchRunner(source: source, plan: plan), graph = rounded.graph
        let rows = try enoughRows(
            for: layers, places[input] ?? input, runner, sessions, looked.map(\.1), batch: plan.size)
        let share = rows.count
        let parts = try await Parallel.map(
            source.pieces(of: rows, batch: plan.size, count: Self.pieces), threads: threads
        ) { piece in
            var moments = layers.map { LayerMoments(of: $0.matrix) }
            try runner.run(sessions, outputs: looked.map(\.1), over: piece) { batch in
                let mask = TokenMask(batch.inputs)
                func made(_ value: String) -> Tensor? { batch.outputs.last?[places[value] ?? value] }
                guard let x = isInput ? batch.inputs[input] : made(input) else { return }
                for (index, item) in layers.enumerated() {
                    guard let wanted = batch.outputs[0][item.layer.target] else { continue }
                    let shortcut = item.layer.shortcut.flatMap { made($0) ?? batch.inputs[$0] }
                    let view = LayerView(item.layer, item.matrix, in: graph, mask: mask)
                    let most = Self.mostVectors * batch.rows.count / max(share, 1)
                    try view.add(input: x, wanted: wanted, less: shortcut, atMost: max(most, 1), to: &moments[index])
                }
            }
            return moments
        }
        guard var all = parts.first else { return [] }
        for part in parts.dropFirst() {
            for index in all.indices { all[index].merge(part[index]) }
        }
        return all
    }
}

extension LayerMomentCollector {
    /// Rows that are used where there are as many, whatever the layer.
    private static let fewestRows = 256
    /// Vectors for each input of a layer that are enough beyond that.
    private static let vectorsPerInput = 16

    /// The first of the rows: more than a few only for layers that see few vectors in each.
    ///
    /// With as many vectors as inputs rounding fits the data it sees and errs on others; a picture has a vector for
    /// each of its pixels, and a row of plain numbers just one.
    private func enoughRows(
        for layers: [(layer: RoundingLayer, matrix: LayerMatrix)], _ input: String, _ runner: BatchRunner,
        _ sessions: [Session], _ values: [[String]], batch size: Int
    ) throws -> Range<Int> {
        let few = min(rows.count, Self.fewestRows)
        guard rows.count > few, layers.allSatisfy({ !$0.layer.isConvolution }) else {
            return rows.lowerBound..<rows.lowerBound + few
        }
        var needed = few
        let first = rows.lowerBound..<rows.lowerBound + min(size, rows.count)
        try runner.run(sessions, outputs: values, over: first) { batch in
            guard let x = batch.outputs.last?[input] ?? batch.inputs[input] else { return }
            for (_, matrix) in layers {
                let vectors = max(x.count / max(matrix.columns, 1) / max(batch.rows.count, 1), 1)
                needed = max(needed, Self.vectorsPerInput * matrix.columns / vectors)
            }
        }
        return rows.lowerBound..<rows.lowerBound + min(needed, rows.count)
    }
}

extension LayerMoments {
    init(of matrix: LayerMatrix) {
        inputs = (0..<matrix.groups).map { _ in SecondMoments(dimension: matrix.columns) }
        outputs = (0..<matrix.groups).map { _ in CrossMoments(outputs: matrix.rows, inputs: matrix.columns) }
    }
}

extension Model {
    /// The model with `formats`, and where each of `values` can be had as its readers get it.
    fileprivate func reading(
        _ values: [String], _ formats: [String: ActivationFormat]
    ) -> (model: Model, places: [String: String]) {
        let plain = Dictionary(uniqueKeysWithValues: values.map { ($0, $0) })
        var model = self
        guard !formats.isEmpty, (try? OpsetUpgrader.upgrade(&model, to: StaticSearch.operatorSet)) != nil else {
            return (self, plain)
        }
        model.graph.activationFormats = formats
        var names = NameSource(taken: model.graph.allNames), places = plain
        for value in values where formats[value] != nil {
            let place = names.make(value, "_read")
            model.graph.nodes.append(Node("Identity", inputs: [value], outputs: [place]))
            places[value] = place
        }
        return (model, places)
    }

    /// The part of the model that leads to `values`, which become its outputs.
    func leading(to values: [String]) throws -> Model {
        var model = self, trace = WeightTrace(), seen: Set<String> = []
        let known = Dictionary(graph.outputs.map { ($0.name, $0) }) { first, _ in first }
        model.graph.outputs = values.filter { seen.insert($0).inserted }.map {
            known[$0] ?? ValueInfo(name: $0, type: graph.type(of: $0))
        }
        _ = try DeadCodeRemover().apply(to: &model, trace: &trace)
        return model
    }
}
