import PithModel
import PithTensor

/// A technique that rounds each weight to a table of levels of its own, with a scale for each group.
protocol TableTechnique: PackedTechnique, WeightTechnique {
    /// The blocks of embedding tables, where there are blocks at all; 0: as `blockSize` says.
    var tableBlockSize: Int { get }
    /// The type of scales.
    var scales: WeightGrid.Scales { get }
    /// How the range of a group is chosen.
    var clipping: WeightGrid.Clipping { get }
    /// Whether each channel keeps its gain.
    var gainCorrection: Bool { get }

    /// The levels for one weight; `blocks` stand for all of its blocks.
    func table(for weights: WeightBlocks, over blocks: [Int], _ fitter: BlockScaleFitter) -> LevelTable
}

extension TableTechnique {
    /// Encodes what a stage's selector accepts, in an operator set that can say it.
    func encodeByTables(of piece: inout Workpiece, in context: StageContext) async throws {
        try raiseOperatorSet(of: &piece)
        try await encodeWeights(of: &piece, in: context)
    }

    func encode(
        _ tensor: Tensor, named name: String, _ part: LayerWeight
    ) throws(CompressionError) -> any Representation {
        let takesBlocks = blockSize > 0 && part.reduced != nil
        let size = part.layer == .table && tableBlockSize > 0 ? tableBlockSize : blockSize
        let layout = WeightRows(tensor.shape, channels: part.axis, blocksAlong: takesBlocks ? part.reduced : nil)
        let numbers = tensor.elements(as: Float.self)
        let weights = try WeightBlocks(
            layout.rows(of: numbers), rows: layout.count, columns: layout.columns,
            blockSize: takesBlocks ? size : nil, named: name)
        // Codes are counted from 0, which is what levels around a stored zero point are.
        let format = LevelFormat(
            bits: bits, isSymmetric: false, scaleType: scales.type(for: numbers.span, bits: bits))
        let fitter = BlockScaleFitter(format: format, clipping: clipping)
        let table = table(for: weights, over: weights.sample(), fitter)
        let rounded = weights.coded(by: table, fitter, keepsGain: gainCorrection)
        guard let form = layout.form(of: rounded, table: table) else {
            throw CompressionError(
                code: .unsupportedShape, subject: name, problem: "its shape takes no blocks.",
                remedy: "Set blockSize to 0 for it.")
        }
        return form
    }
}
