import PithEvaluation
import PithFormats
import PithModel
import PithTensor

/// Low-bit weights rounded with the help of data, layer by layer in the order they run, on inputs that are rounded already.
///
/// For each convolution and product the wanted outputs are those of the float model; what the layers before it got wrong,
/// and the error of a shortcut that is added to its output, it makes up for as far as it can. Before them come the weights
/// of recurrent layers (`RecurrentRounder`) and, to nearest on grids of the same kind, tables and what else no such layer
/// reads; the ledger says of each why (`NearestReasons`).
///
/// | rounding | what it does |
/// | --- | --- |
/// | nearest | each weight to the nearest level, grids clipped by the squared error that the inputs give weight |
/// | gptq | column by column, each error made up for by the columns still to come |
/// | refined | the same, then coordinate descent and least-squares scales in turns |
///
/// - Complexity: one run of the data over the part of the model before each layer; O(inputs²) memory for a layer.
/// - Reference: Frantar et al., "GPTQ", arXiv:2210.17323; Nagel et al., "Up or down?", arXiv:2004.10568, section 3.3
///   (float targets on rounded inputs); Behdin et al., "QuantEase", arXiv:2309.01885.
/// - Deviation: see ``LayerRounding`` and ``RoundingProblem``.
public struct GPTQQuantizer: GridTechnique {
    public static let name = "quantize.gptq"

    /// What is done about the errors of rounding.
    public enum Rounding: String, Codable, Sendable, CaseIterable {
        case nearest, gptq, refined
    }

    /// Bits of a level, 2 through 8.
    public var bits = 4
    /// Bits of single weights, by their qualified names; 8 means one symmetric scale for each output channel.
    public var bitsOf: [String: Int] = [:]
    /// Where not 0, layers that are rounded with data get levels so many root mean squares of the weight apart, one scale for all
    /// of it, in 8 bits of which a container takes as many as they are worth; wider where the largest weight would not fit.
    ///
    /// Such levels are symmetric, and their scale is a `float32`. `bits`, `blockSize`, `symmetric`, `scales` and `clipping` are for
    /// what data do not weigh: tables, and with `rounding: nearest` recurrent weights.
    public var step = 0.0
    /// Weights that share a scale, along the axis that a product sums over (along the rows of a table); 0: all of an
    /// output channel, as convolutions always have it.
    public var blockSize = 32
    /// The same for tables, which are most of a small model of language and bear wider blocks; 0: as `blockSize` says.
    public var tableBlockSize = 64
    /// Whether levels lie around zero; if not, each group has a zero point.
    public var symmetric = false
    public var scales = WeightGrid.Scales.float16
    public var clipping = WeightGrid.Clipping.mse
    public var rounding = Rounding.refined
    /// Whether inputs that are large on average are rounded first.
    public var activationOrder = true
    /// What is added to the diagonal of the moments, as a part of its mean; 0: as much as the number of rows asks for.
    public var damping = 0.0
    /// How far a layer goes to make up for the errors before it: 0 not at all, 1 as far as it can.
    public var strength = 1.0
    /// Calibration rows used at most; a layer that sees many vectors in each row takes the first 256 of them.
    public var calibrationRows = 4096
    /// Weights with fewer elements stay float.
    public var minimumCount = 512

    public init() {}

    var widths: [Int] { [bits] + bitsOf.values }

    public func validate() throws(CompressionError) {
        try validateGrid()
        guard step == 0 || Self.steps.contains(step) else {
            throw Self.invalid(
                "step", "\(step) lies outside \(Self.steps).",
                remedy: "Use 0.1 (fine) to 1 (coarse), or 0 for none.")
        }
        guard step == 0 || bitsOf.isEmpty else {
            throw Self.invalid(
                "bitsOf", "levels that a step sets have no bits.", remedy: "Leave out `bitsOf` or `step`.")
        }
        for (name, bits) in bitsOf.sorted(by: { $0.key < $1.key }) where !(2...8).contains(bits) {
            throw Self.invalid(
                "bitsOf", "\(bits) bits of '\(name)' lie outside 2...8.", remedy: "Give whole numbers from 2 to 8.")
        }
        guard (0...1).contains(damping) else {
            throw Self.invalid("damping", "\(damping) lies outside 0...1.", remedy: "Use 0, or 0.01 to 1.")
        }
        guard (0...1).contains(strength) else {
            throw Self.invalid("strength", "\(strength) lies outside 0...1.", remedy: "Use 1.")
        }
        guard calibrationRows > 0 else {
            throw Self.invalid("calibrationRows", "\(calibrationRows) rows are none.", remedy: "Use 100 to 4096.")
        }
    }

    public func apply(to piece: inout Workpiece, in context: StageContext) async throws {
        piece.checkNames(bitsOf.keys.sorted(), key: "bitsOf", of: piece.original)
        guard let dataset = context.dataset, !dataset.calibrationRows.isEmpty else {
            piece.note(
                "Weights are rounded to nearest: without calibration data there is nothing to weigh their errors by.")
            if step > 0 {
                piece.note("\(Self.name): its step is for weights that data weigh; without data `bits` count.")
                piece.refusals.append("\(Self.name): a step needs --data, and there are no calibration rows")
            }
            return try await roundToNearest(
                &piece, in: context, because: { _ in "there is no calibration data" }, where: { _ in true })
        }
        try raiseOperatorSet(of: &piece)
        let layers = chosenLayers(of: piece, context.selector), float = piece.model
        try requireFinite(layers, in: float.graph)
        let later = Set(layers.map(\.weight))
        let first = dataset.calibrationRows.lowerBound, source = FidelitySource(dataset)
        let rows = first..<min(dataset.calibrationRows.upperBound, first + calibrationRows)
        let before = Set(piece.encodings.keys)
        try await roundRecurrent(&piece, source, rows, in: context)
        let passedOver = NearestReasons(float.graph, settings: self)
        try await roundToNearest(
            &piece, in: context, because: passedOver.reason(for:), where: { !later.contains($0) })
        var work = LayerWork(
            piece: piece, float: float.decoded, settings: self, source: source, rows: rows, context: context)
        for group in GPTQQuantizer.bySharedInput(layers) {
            try Task.checkCancellation()
            context.progress("rounding \(group.map(\.label).joined(separator: ", "))")
            try await work.round(group)
        }
        piece = work.finished()
        let left = later.filter { piece.model.graph.weights[$0]?.dense != nil }
        try await roundToNearest(
            &piece, in: context, because: { _ in "its inputs were not seen, or all alike" },
            where: left.contains)
        count(piece.encodings.filter { !before.contains($0.key) }, rows: rows.count, in: &piece)
    }

    /// Says how many weights were rounded with the help of data, and how many without.
    private func count(_ made: [String: Workpiece.Encoding], rows: Int, in piece: inout Workpiece) {
        guard !made.isEmpty else { return }
        let nearest = made.values.count { $0.note.contains(Self.nearestRemark) }
        let kind = rounding.rawValue
        piece.note(
            "\(made.count - nearest) weights rounded layer by layer on up to \(rows) calibration rows (\(kind))"
                + (nearest == 0 ? "." : ", \(nearest) to nearest: the ledger says why."))
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
        guard !chosen.isEmpty, rounding != .nearest else { return }
        context.progress("rounding \(chosen.count) weights of recurrent layers")
        let few = rows.lowerBound..<min(rows.upperBound, rows.lowerBound + 256)
        let rounder = RecurrentRounder(settings: self, source: source, rows: few, threads: context.threads)
        for (name, form) in try await rounder.round(Set(chosen.map(\.name)), of: piece.model.decoded) {
            guard let original = graph.weights[name]?.dense else { continue }
            piece.model.graph.weights[name]?.form = .encoded(form)
            piece.model.graph.weights[name]?.execution = .folded
            piece.unhandled[name] = nil
            piece.encodings[name] = Workpiece.Encoding(
                technique: Self.name, sqnrDB: form.sqnrDB(against: original), note: "computed in float")
        }
    }

    /// What the ledger says of weights that were rounded without the help of data, before it says why.
    private static let nearestRemark = "nearest rounding: "

    /// Rounds weights to the nearest levels of their grids, without data; the ledger gives the reason.
    private func roundToNearest(
        _ piece: inout Workpiece, in context: StageContext, because reason: (String) -> String,
        where isChosen: (String) -> Bool
    ) async throws {
        try raiseOperatorSet(of: &piece)
        let before = Set(piece.encodings.keys)
        for width in Set(bitsOf.values).union([bits]).sorted() {
            try await nearest(bits: width).encodeWeights(of: &piece, in: context) {
                isChosen($0) && (bitsOf[$0] ?? bits) == width
            }
        }
        piece.credit(Self.name, since: before)
        for name in piece.encodings.keys where !before.contains(name) {
            piece.encodings[name]?.note += "; \(Self.nearestRemark)\(reason(name))"
        }
    }

    /// The same grids without data, for weights of `width` bits.
    func nearest(bits width: Int) -> WeightQuantizer {
        var quantizer = WeightQuantizer()
        quantizer.grid = grid(bits: width)
        quantizer.tableBlockSize = tableBlockSize
        quantizer.minimumCount = minimumCount
        return quantizer
    }

    /// The grid of weights of `width` bits: where widths differ, those of 8 bits need no blocks.
    private func grid(bits width: Int) -> WeightGrid {
        guard width == 8, !bitsOf.isEmpty else {
            var other = grid
            other.bits = width
            return other
        }
        return WeightGrid(bits: 8, blockSize: 0, isSymmetric: true, scales: .float32, clipping: clipping)
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

    /// Layers that read the same value, together at the place of the first.
    private static func bySharedInput(_ layers: [RoundingLayer]) -> [[RoundingLayer]] {
        var groups: [[RoundingLayer]] = [], places: [String: Int] = [:]
        for layer in layers {
            if let place = places[layer.input], layer.shortcut == nil {
                groups[place].append(layer)
            } else {
                places[layer.input] = groups.count
                groups.append([layer])
            }
        }
        return groups
    }

    /// The rounder that these settings describe, for the numbers of the weight `name`, which takes blocks or not.
    func rounder(for name: String, _ numbers: [Float], takesBlocks: Bool) -> WeightRounder {
        var rounder = WeightRounder()
        rounder.ordersByActivation = activationOrder
        rounder.method = rounding == .nearest ? .nearest : rounding == .gptq ? .feedback : .refined
        guard step == 0 else {
            rounder.format = LevelFormat(bits: 8, isSymmetric: true)
            rounder.fixedScale = scale(of: numbers)
            return rounder
        }
        let grid = grid(bits: bitsOf[name] ?? bits)
        rounder.format = grid.format
        rounder.blockSize = takesBlocks && grid.blockSize > 0 ? grid.blockSize : nil
        rounder.criterion = grid.clipping == .mse ? .squaredError : .range
        return rounder
    }

    /// The step in weight units; wider where the largest weight would not fit 8 bits.
    private func scale(of numbers: [Float]) -> Float {
        let largest = Kernels.range(of: numbers.span).bounds.map { max(-$0.lowerBound, $0.upperBound) } ?? 0
        let spread = (LevelSteps.energy(of: numbers.span) / Double(max(numbers.count, 1))).squareRoot()
        let wanted = max(Float(step * spread), largest / LevelSearch.largestValue)
        // A weight of zeros keeps a harmless step of 1.
        return wanted >= Float.leastNormalMagnitude ? wanted : 1
    }

    /// A form of those levels as it is stored.
    func stored(_ form: GroupedIntegers?) -> GroupedIntegers? { step > 0 ? form?.withOneScale : form }
}
