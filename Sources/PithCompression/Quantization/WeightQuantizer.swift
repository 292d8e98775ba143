import PithModel
import PithTensor

/// Integer weights with float arithmetic: a quarter of the bytes, one scale for each output channel.
///
/// Takes the float weights of convolutions, products, recurrent layers and embedding tables, wherever they stand.
/// They are written so that a runtime folds them to floats once when it loads the model (tables are read row by row in
/// integers), so any operator set will do and no layer becomes slower.
///
/// Small tables have a scale for each block of `smallTableBlockSize` weights, and are folded: the error of a row that is read at
/// nearly every position does not average out, and their scales weigh nothing.
///
/// - Error bound: half a step of its group for each weight, scales rounded to half floats and clipping aside.
/// - Reference: Krishnamoorthi, "Quantizing deep convolutional networks for efficient inference", arXiv:1806.08342,
///   section 3.1.
public struct WeightQuantizer: GridTechnique, WeightTechnique {
    public static let name = "quantize.weights"

    /// What has a scale of its own where there are no blocks.
    public enum Granularity: String, Codable, Sendable, CaseIterable {
        /// Each output channel.
        case channel
        /// The weight as a whole: for kernels that take one scale alone.
        case tensor
    }

    /// Bits of a level, 2 through 8.
    public var bits = 8
    /// Weights that share a scale, along the axis that a product sums over (along the rows of a table); 0: all of an
    /// output channel, as convolutions always have it.
    public var blockSize = 0
    /// The same for tables, where there are blocks at all; 0: as `blockSize` says.
    public var tableBlockSize = 0
    /// The same for small tables, the smallest with at most a 64th of the model's weights together, where `blockSize` is 0; 0: one scale
    /// for each row.
    public var smallTableBlockSize = 32
    public var granularity = Granularity.channel
    /// Whether levels lie around zero; if not, each group has a zero point.
    public var symmetric = true
    public var scales = WeightGrid.Scales.float32
    public var clipping = WeightGrid.Clipping.none
    /// Weights with fewer elements stay float: scales and operators would take what the levels save.
    public var minimumCount = 512

    public init() {}

    public func validate() throws(CompressionError) {
        try validateGrid()
        guard smallTableBlockSize == 0 || smallTableBlockSize >= 8 else {
            throw Self.invalid(
                "smallTableBlockSize", "\(smallTableBlockSize) weights do not pay for a scale.",
                remedy: "Use 16, 32, 64, 128, or 0 for none.")
        }
        guard granularity == .channel || blockSize == 0 else {
            throw Self.invalid(
                "granularity", "blocks of \(blockSize) and one scale for the whole tensor can not both be.",
                remedy: "Leave out `blockSize` or `granularity`.")
        }
    }

    public func apply(to piece: inout Workpiece, in context: StageContext) async throws {
        try raiseOperatorSet(of: &piece)
        try await encodeSmallTables(of: &piece, in: context)
        try await encodeWeights(of: &piece, in: context)
    }

    /// Encodes the small tables that `isChosen` accepts, in blocks.
    func encodeSmallTables(
        of piece: inout Workpiece, in context: StageContext, where isChosen: (String) -> Bool = { _ in true }
    ) async throws {
        let small = smallTables(of: piece.model, in: context)
        guard !small.isEmpty else { return }
        var quantizer = self
        quantizer.blockSize = smallTableBlockSize
        quantizer.tableBlockSize = 0
        try await quantizer.encodeWeights(of: &piece, in: context) { small.contains($0) && isChosen($0) }
    }

    /// Small tables have at most the model's weights divided by this, all together.
    private static let smallTablePart = 64

    /// Qualified names of the tables whose rows are cut into blocks though nothing else is.
    private func smallTables(of model: Model, in context: StageContext) -> Set<String> {
        guard smallTableBlockSize > 0, blockSize == 0, granularity == .channel else { return [] }
        var room = ModelFacts(model).parameterCount / WeightQuantizer.smallTablePart
        let tables = verdicts(on: model, in: context).filter { name, tensor, verdict in
            guard case .success(let part) = verdict, part.layer == .table, let axis = part.reduced else { return false }
            return tensor.shape.dimensions[axis] > smallTableBlockSize
        }
        // The smallest first; a model that is all tables keeps rows that are read as integers.
        let fitting = tables.sorted { ($0.tensor.count, $0.name) < ($1.tensor.count, $1.name) }.prefix { _, tensor, _ in
            room -= tensor.count
            return room >= 0
        }
        return Set(fitting.map(\.name))
    }

    func encode(
        _ tensor: Tensor, named name: String, _ part: LayerWeight
    ) throws(CompressionError) -> any Representation {
        guard !grid.isPlain || bits < 8 || granularity == .tensor else {
            return try SymmetricIntegers.encode(tensor, named: name, axis: part.axis, bits: bits)
        }
        let takesBlocks = blockSize > 0 && part.reduced != nil
        let layout =
            granularity == .tensor
            ? WeightRows(whole: tensor.shape)
            : WeightRows(tensor.shape, channels: part.axis, blocksAlong: takesBlocks ? part.reduced : nil)
        var rounder = WeightRounder()
        let numbers = tensor.elements(as: Float.self)
        rounder.format = grid.format(for: numbers.span)
        let size = part.layer == .table && tableBlockSize > 0 ? tableBlockSize : blockSize
        rounder.blockSize = takesBlocks ? size : nil
        rounder.criterion = clipping == .mse ? .squaredError : .range
        let rounded = try rounder.roundToNearest(
            layout.rows(of: numbers), rows: layout.count, columns: layout.columns, named: name)
        guard let form = layout.form(of: rounded) else {
            throw CompressionError(
                code: .unsupportedShape, subject: name, problem: "its shape takes no blocks.",
                remedy: "Set blockSize to 0 for it.")
        }
        return form
    }
}
