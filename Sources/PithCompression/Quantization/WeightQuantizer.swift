import PithModel
import PithTensor

/// Integer weights with float arithmetic: a quarter of the bytes, one scale for each output channel.
///
/// Takes the float weights of convolutions, products, recurrent layers and embedding tables, wherever they stand.
/// They are written so that a runtime folds them to floats once when it loads the model (tables are read row by row in
/// integers), so any operator set will do and no layer becomes slower.
///
/// - Error bound: half a step of its channel for each weight; see `GroupedIntegers`.
/// - Reference: Krishnamoorthi, "Quantizing deep convolutional networks for efficient inference", arXiv:1806.08342,
///   section 3.1.
public struct WeightQuantizer: GridTechnique {
    public static let name = "quantize.weights"

    /// Bits of a level, 2 through 8.
    public var bits = 8
    /// Weights that share a scale, along the axis that a product sums over (along the rows of a table); 0: all of an
    /// output channel, as convolutions always have it.
    public var blockSize = 0
    /// The same for tables; 0: as `blockSize` says.
    public var tableBlockSize = 0
    /// Whether levels lie around zero; if not, each group has a zero point.
    public var symmetric = true
    public var scales = WeightGrid.Scales.float32
    public var clipping = WeightGrid.Clipping.none
    /// Weights with fewer elements stay float: scales and operators would take what the levels save.
    public var minimumCount = 512

    public init() {}

    public func validate() throws(CompressionError) {
        try validateGrid()
    }

    public func apply(to piece: inout Workpiece, in context: StageContext) async throws {
        try await apply(to: &piece, in: context, besides: [])
    }

    /// Rounds all weights but those of the main graph that are named.
    func apply(to piece: inout Workpiece, in context: StageContext, besides others: Set<String>) async throws {
        try raiseOperatorSet(of: &piece)
        var choices: [Choice] = []
        piece.model.graph.forEachGraph { graph, path in
            let readers = graph.weightReaders()
            for weight in graph.weights {
                let name = path.qualified(weight.name)
                guard let tensor = weight.dense, tensor.type.isFloatingPoint, !others.contains(name) else { continue }
                switch verdict(on: tensor, named: name, readers: readers[weight.name] ?? [], context.selector) {
                case .success(let part): choices.append(Choice(name: name, tensor: tensor, part: part))
                case .failure(let reason):
                    piece.reasons[name] = piece.reasons[name] ?? "kept: \(reason.text)"
                    if reason.isRefusal { piece.refusals.append("\(name): \(reason.text)") }
                }
            }
        }
        context.progress("rounding \(choices.count) weights")
        let settings = self
        let results = try await Parallel.map(choices, threads: context.threads) { choice in
            try settings.encode(choice)
        }
        var forms: [String: GroupedIntegers] = [:]
        for (choice, result) in zip(choices, results) {
            switch result {
            case .success(let encoded):
                forms[choice.name] = encoded.form
                piece.encodings[choice.name] = encoded.account
                piece.unhandled[choice.name] = nil
            case .failure(let error):
                piece.reasons[choice.name] = "kept: \(error.problem)"
                piece.refusals.append("\(choice.name): \(error.problem)")
            }
        }
        piece.model.graph.updateEachGraph { graph, path in
            let readers = graph.weightReaders()
            for name in graph.weights.names {
                guard let form = forms[path.qualified(name)] else { continue }
                let isTable = readers[name]?.allSatisfy { $0.part?.layer == .table && !$0.isNested } ?? false
                graph.weights[name]?.form = .encoded(form)
                graph.weights[name]?.execution = isTable && form.hasByteRows ? .integer : .folded
            }
        }
    }

    private struct Choice: Sendable {
        let name: String
        let tensor: Tensor
        let part: LayerWeight
    }

    /// Why a weight stays as it is.
    private struct Reason: Error {
        let text: String
        /// Whether the recipe wanted it otherwise.
        var isRefusal = false
    }

    private func verdict(
        on tensor: Tensor, named name: String, readers: [WeightReader], _ selector: Selector
    ) -> Result<LayerWeight, Reason> {
        guard selector.accepts(weight: name, count: tensor.count, readers: readers) else {
            return .failure(Reason(text: "the recipe leaves it out"))
        }
        guard tensor.count >= minimumCount else {
            return .failure(Reason(text: "\(tensor.count) values are too few to gain anything"))
        }
        let parts = readers.compactMap(\.part)
        guard let part = parts.min(by: { $0.axis < $1.axis }) else {
            let operations = Set(readers.map(\.operation)).sorted().joined(separator: ", ")
            let isKnown = readers.allSatisfy(\.isStandard)
            return .failure(
                Reason(
                    text:
                        "read by \(operations), \(isKnown ? "not as the weight of a layer" : "an operator that is not known")",
                    isRefusal: !isKnown))
        }
        guard tensor.type == .float32 else {
            return .failure(
                Reason(text: "only float32 weights are rounded, it is \(tensor.type.rawValue)", isRefusal: true))
        }
        return .success(part)
    }

    private func encode(
        _ choice: Choice
    ) throws -> Result<(form: GroupedIntegers, account: Workpiece.Encoding), CompressionError> {
        do throws(CompressionError) {
            let form = try form(of: choice)
            let account = Workpiece.Encoding(
                technique: Self.name, sqnrDB: form.sqnrDB(against: choice.tensor), note: "computed in float")
            return .success((form, account))
        } catch {
            return .failure(error)
        }
    }

    private func form(of choice: Choice) throws(CompressionError) -> GroupedIntegers {
        guard !grid.isPlain || bits < 5 else {
            return try SymmetricIntegers.encode(choice.tensor, named: choice.name, axis: choice.part.axis, bits: bits)
        }
        let takesBlocks = blockSize > 0 && choice.part.reduced != nil
        let layout = WeightRows(
            choice.tensor.shape, channels: choice.part.axis, blocksAlong: takesBlocks ? choice.part.reduced : nil)
        var rounder = WeightRounder()
        rounder.format = grid.format
        let size = choice.part.layer == .table && tableBlockSize > 0 ? tableBlockSize : blockSize
        rounder.blockSize = takesBlocks ? size : nil
        rounder.criterion = clipping == .mse ? .squaredError : .range
        let rounded = try rounder.roundToNearest(
            layout.rows(of: choice.tensor.elements(as: Float.self)), rows: layout.count, columns: layout.columns,
            named: choice.name)
        guard let form = layout.form(of: rounded) else {
            throw CompressionError(
                code: .unsupportedShape, subject: choice.name, problem: "its shape takes no blocks.",
                remedy: "Set blockSize to 0 for it.")
        }
        return form
    }
}

extension GroupedIntegers {
    /// Whether `Gather` can take rows out of the levels, each with one scale.
    fileprivate var hasByteRows: Bool {
        grouping == .channel(axis: 0) && levels.type.bitWidth >= 8 && zeroPoints == nil && scales.type == .float32
    }
}
