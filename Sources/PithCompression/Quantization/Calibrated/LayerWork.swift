import PithEvaluation
import PithModel
import PithTensor

/// A model whose weights are rounded one layer after the other.
struct LayerWork {
    private var piece: Workpiece
    private let technique: any LayerwiseTechnique
    private let context: StageContext
    private let collector: LayerMomentCollector
    /// The model before the first weight was rounded.
    private let float: Model
    /// The model so far, every weight as the numbers that it decodes to.
    private var rounded: Model
    /// How activations are rounded where the layers to come are looked at.
    var formats: [String: ActivationFormat] = [:]
    private var names: NameSource
    /// Weights that several layers read: what one of them would make up for, the others do not lack.
    private let shared: Set<String>

    /// Starts with a piece in which everything but the layers to come is as it will be.
    init(
        piece: Workpiece, float: Model, technique: any LayerwiseTechnique, source: any SampleSource,
        rows: Range<Int>, context: StageContext
    ) {
        self.piece = piece
        self.technique = technique
        self.context = context
        self.float = float
        collector = LayerMomentCollector(source: source, rows: rows, threads: context.threads)
        rounded = piece.model.decoded
        names = NameSource(taken: piece.model.graph.allNames)
        shared = Set(piece.model.graph.weightReaders().filter { $0.value.count > 1 }.keys)
    }

    /// The piece with all that was rounded.
    func finished() -> Workpiece { piece }

    /// Rounds layers that read the same value; those whose inputs are not of the shape of their weights stay as they are.
    ///
    /// - Throws: What data and runtime throw; `CompressionError` `.invalidSetting` for a damping that is too small.
    mutating func round(_ layers: [RoundingLayer]) async throws {
        let chosen = layers.compactMap { layer -> (layer: RoundingLayer, matrix: LayerMatrix)? in
            guard let tensor = piece.model.graph.weights[layer.weight]?.dense,
                let matrix = LayerMatrix(tensor, of: layer, in: piece.model.graph)
            else { return nil }
            return (layer, matrix)
        }
        let moments = try await collector.collect(chosen, float: float, rounded: rounded, formats)
        for (item, moments) in zip(chosen, moments) where moments.inputs.allSatisfy({ $0.count > 0 }) {
            // Another layer of these may have the same weight.
            guard piece.model.graph.weights[item.layer.weight]?.dense != nil else { continue }
            do {
                try await round(item.layer, item.matrix, moments)
            } catch let error as CompressionError where error.code == .invalidSetting && technique.damping == 0 {
                // Inputs that are all alike say nothing of the weights: those are rounded with what is left.
                continue
            }
        }
    }

    private mutating func round(_ layer: RoundingLayer, _ matrix: LayerMatrix, _ moments: LayerMoments) async throws {
        let technique = technique, isShared = shared.contains(layer.weight)
        let hasBias = layer.bias != .absent && !isShared
        let problems = try await Parallel.map(Array(0..<matrix.groups), threads: context.threads) { group in
            try RoundingProblem(
                named: layer.weight, weights: matrix.numbers(group: group), rows: matrix.rows, columns: matrix.columns,
                inputs: moments.inputs[group], outputs: isShared ? nil : moments.outputs[group], hasBias: hasBias,
                damping: technique.damping > 0 ? technique.damping : nil, strength: technique.strength)
        }
        let form = try await technique.form(
            of: matrix, named: layer.weight, problems, takesBlocks: !layer.isConvolution, threads: context.threads)
        guard let form, let original = piece.model.graph.weights[layer.weight]?.dense else {
            throw CompressionError(
                code: .unsupportedShape, subject: layer.weight, problem: "its shape takes no blocks.",
                remedy: "Set blockSize to 0, or exclude it with `where`.")
        }
        piece.model.graph.weights[layer.weight]?.form = .encoded(form)
        piece.model.graph.weights[layer.weight]?.execution = .folded
        rounded.graph.weights[layer.weight]?.form = .dense(form.decoded())
        piece.unhandled[layer.weight] = nil
        piece.encodings[layer.weight] = Workpiece.Encoding(
            technique: type(of: technique).name, sqnrDB: form.sqnrDB(against: original),
            note: technique.remark(on: form))
        if hasBias {
            let decoded = matrix.numbers(of: form.decoded())
            let bias = problems.enumerated().flatMap { $1.bias(for: matrix.numbers(group: $0, of: decoded)) }
            store(bias.map { Float($0) }, of: layer)
        }
    }

    /// Gives a layer its new bias; a bias that others read too is copied.
    private mutating func store(_ bias: [Float], of layer: RoundingLayer) {
        let old: String?, place: (node: Int, input: Int)
        switch layer.bias {
        case .absent: return
        case .input(let bias): (old, place) = (bias, (layer.node, 2))
        case .summand(let row, let sum):
            (old, place) = (row, (sum, piece.model.graph.nodes[sum].inputs.firstIndex(of: row) ?? 1))
        }
        // The last to read a bias that others have copied gets the bias itself.
        let isOwn = old.map { ChannelMatrix.isOwn($0, piece.model.graph, GraphIndex(piece.model.graph)) } ?? false
        let name = isOwn ? old ?? "" : names.make(layer.weight, "_bias")
        let shape = old.flatMap { piece.model.graph.weights[$0]?.shape }
        let tensor = shape.map { Tensor(bias, shape: $0) } ?? Tensor(vector: bias)
        for keyPath in [\LayerWork.piece.model, \.rounded] {
            self[keyPath: keyPath].graph.weights[name] = Weight(name, tensor)
            var inputs = self[keyPath: keyPath].graph.nodes[place.node].inputs
            inputs = inputs.prefix(place.input) + [name] + inputs.dropFirst(place.input + 1)
            self[keyPath: keyPath].graph.nodes[place.node].inputs = inputs
        }
        if let old, !isOwn {
            piece.trace.record([old], into: [name], note: "copied for \(layer.label)", by: type(of: technique).name)
        }
        piece.reasons[name] = "kept: corrected for the rounding of \(layer.weight)"
    }
}

extension Model {
    /// The model with every weight as the numbers that it decodes to.
    var decoded: Model {
        var model = self
        model.graph.updateEachGraph { graph, _ in
            for weight in graph.weights where weight.representation != nil {
                graph.weights[weight.name]?.form = .dense(weight.decoded())
            }
        }
        return model
    }
}
