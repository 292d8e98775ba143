import PithEvaluation
import PithFormats
import PithModel
import PithTensor

/// A technique that rounds weights layer by layer in the order they run, each with the help of what its layer then gets.
///
/// The weights of recurrent layers come first (``RecurrentRounder``), then whatever data can not weigh, each for itself, and then
/// the convolutions and products (``LayerWork``).
protocol LayerwiseTechnique: Technique {
    /// Weights with fewer elements stay float.
    var minimumCount: Int { get }
    /// Calibration rows used at most; a layer that sees many vectors in each row takes the first 256 of them.
    var calibrationRows: Int { get }
    /// What is added to the diagonal of the moments, as a part of its mean; 0: as much as the number of rows asks for.
    var damping: Double { get }
    /// How far a layer goes to make up for the errors before it: 0 not at all, 1 as far as it can.
    var strength: Double { get }
    /// Whether recurrent weights are rounded with the help of data.
    var roundsRecurrent: Bool { get }
    /// How weights are rounded with the help of data, in a word for people.
    var kind: String { get }
    /// How a weight is rounded without: what the ledger says of it before the reason, and what the notes say of its number.
    static var lone: (remark: String, note: String) { get }

    /// The stored form of the weight `name`; nil when its shape takes none. `problems` has one for each matrix of the weight.
    ///
    /// - Throws: `CompressionError` `.invalidSetting` for a damping that is too small.
    func form(
        of matrix: LayerMatrix, named name: String, _ problems: [RoundingProblem], takesBlocks: Bool, threads: Int
    ) async throws -> GroupedIntegers?

    /// How activations are rounded while weights are, by the names of the values; none where they are to be as they are made.
    ///
    /// - Throws: What runtime and data throw; `CancellationError`.
    func activationFormats(
        for piece: Workpiece, with dataset: Dataset, in context: StageContext
    ) async throws -> [String: ActivationFormat]

    /// What the ledger says of a stored form.
    func remark(on form: any Representation) -> String

    /// Encodes the weights whose qualified names `isChosen` accepts, each for itself and without data.
    func encodeAlone(
        of piece: inout Workpiece, in context: StageContext, where isChosen: (String) -> Bool) async throws
}

extension LayerwiseTechnique {
    func activationFormats(
        for piece: Workpiece, with dataset: Dataset, in context: StageContext
    ) async throws -> [String: ActivationFormat] { [:] }

    /// Rounds what the stage's selector accepts; `dataset` has calibration rows.
    func roundLayers(of piece: inout Workpiece, with dataset: Dataset, in context: StageContext) async throws {
        let layers = chosenLayers(of: piece, context.selector), float = piece.model
        try requireFinite(layers, in: float.graph)
        let later = Set(layers.map(\.weight)), source = FidelitySource(dataset)
        let rows = usedRows(of: dataset)
        let before = Set(piece.encodings.keys)
        try await roundRecurrent(&piece, source, rows, in: context)
        let passedOver = LoneReasons(float.graph, roundsRecurrent: roundsRecurrent)
        try await roundAlone(
            &piece, in: context, because: passedOver.reason(for:), where: { !later.contains($0) })
        var work = LayerWork(
            piece: piece, float: float.decoded, technique: self, source: source, rows: rows, context: context)
        if !layers.isEmpty { work.formats = try await activationFormats(for: piece, with: dataset, in: context) }
        for group in RoundingLayer.bySharedInput(layers) {
            try Task.checkCancellation()
            context.progress("rounding \(group.map(\.label).joined(separator: ", "))")
            try await work.round(group)
        }
        piece = work.finished()
        let left = later.filter { piece.model.graph.weights[$0]?.dense != nil }
        try await roundAlone(
            &piece, in: context, because: { _ in "its inputs were not seen, or all alike" },
            where: left.contains)
        count(piece.encodings.filter { !before.contains($0.key) }, rows: rows.count, in: &piece)
    }

    /// The calibration rows that are used.
    func usedRows(of dataset: Dataset) -> Range<Int> {
        let rows = dataset.calibrationRows
        return rows.lowerBound..<rows.lowerBound + min(rows.count, calibrationRows)
    }

    /// Rounds weights without data; the ledger gives the reason.
    func roundAlone(
        _ piece: inout Workpiece, in context: StageContext, because reason: (String) -> String,
        where isChosen: (String) -> Bool
    ) async throws {
        let before = Set(piece.encodings.keys)
        try await encodeAlone(of: &piece, in: context, where: isChosen)
        piece.credit(Self.name, since: before)
        for name in piece.encodings.keys where !before.contains(name) {
            piece.encodings[name]?.note += "; \(Self.lone.remark): \(reason(name))"
        }
    }

    /// Says how many weights were rounded with the help of data, and how many without.
    private func count(_ made: [String: Workpiece.Encoding], rows: Int, in piece: inout Workpiece) {
        guard !made.isEmpty else { return }
        let alone = made.values.count { $0.note.contains("; \(Self.lone.remark): ") }
        piece.note(
            "\(made.count - alone) weights rounded layer by layer on up to \(rows) calibration rows (\(kind))"
                + (alone == 0 ? "." : ", \(alone) \(Self.lone.note): the ledger says why."))
    }

    /// Rounds the weights of recurrent layers of the main graph.
    private func roundRecurrent(
        _ piece: inout Workpiece, _ source: any SampleSource, _ rows: Range<Int>, in context: StageContext
    ) async throws {
        let graph = piece.model.graph, readers = graph.weightReaders()
        let chosen = graph.weights.filter { weight in
            let places = readers[weight.name] ?? []
            return weight.dense?.type == .float32 && weight.shape.count >= minimumCount
                && places.contains { $0.part?.layer == .recurrent }
                && context.selector.accepts(weight: weight.name, count: weight.shape.count, readers: places)
                && weight.decoded().withElements(as: Float.self) { Kernels.range(of: $0).nonFinite == 0 }
        }
        guard !chosen.isEmpty, roundsRecurrent else { return }
        context.progress("rounding \(chosen.count) weights of recurrent layers")
        let few = rows.lowerBound..<min(rows.upperBound, rows.lowerBound + 256)
        let rounder = RecurrentRounder(technique: self, source: source, rows: few, threads: context.threads)
        for (name, form) in try await rounder.round(Set(chosen.map(\.name)), of: piece.model.decoded) {
            guard let original = graph.weights[name]?.dense else { continue }
            piece.model.graph.weights[name]?.form = .encoded(form)
            piece.model.graph.weights[name]?.execution = .folded
            piece.unhandled[name] = nil
            piece.encodings[name] = Workpiece.Encoding(
                technique: Self.name, sqnrDB: form.sqnrDB(against: original), note: remark(on: form))
        }
    }

    /// Layers whose weights nobody reads in another way, each weight once.
    private func chosenLayers(of piece: Workpiece, _ selector: Selector) -> [RoundingLayer] {
        let graph = piece.model.graph, readers = graph.weightReaders()
        var seen: Set<String> = []
        return RoundingLayer.all(in: graph).filter { layer in
            guard let weight = graph.weights[layer.weight], weight.dense != nil, weight.shape.count >= minimumCount,
                let places = readers[layer.weight],
                places.allSatisfy({ $0.part?.layer == .convolution || $0.part?.layer == .product }),
                selector.accepts(weight: layer.weight, count: weight.shape.count, readers: places)
            else { return false }
            return seen.insert(layer.weight).inserted
        }
    }

    /// A weight that is not finite would spoil the inputs of every layer after it.
    private func requireFinite(_ layers: [RoundingLayer], in graph: Graph) throws(CompressionError) {
        for layer in layers {
            guard let tensor = graph.weights[layer.weight]?.dense else { continue }
            let bad = tensor.withElements(as: Float.self) { Kernels.range(of: $0).nonFinite }
            guard bad > 0 else { continue }
            throw CompressionError(
                code: .nonFiniteWeight, subject: layer.weight, problem: "\(bad) of its values are NaN or infinite.",
                remedy: "Repair the model: what comes after this weight can not be rounded with data.")
        }
    }
}
