/// Integer weights whose levels lie on straight lines between knots that are fitted to the weight's distribution.
///
/// The search starts from the power law of `CompandedLevels` and improves knots, scales and codes in turns, each by least
/// squares given the others (`PiecewiseLevels`); with a level at zero that stays, or without, whichever is better. Up to
/// 4 bits the default of 16 pieces leaves every level free. What is stored is that of ``CompandedQuantizer``.
///
/// - Error bound: half the distance of the levels around a weight times its scale; clipping and `gainCorrection` aside.
/// - Complexity: 54 searches for scales over a sample of 2^15 weights at most, and one over all.
/// - Reference: Fang et al., "Post-Training Piecewise Linear Quantization for Deep Neural Networks", ECCV 2020,
///   arXiv:2002.00104, section 3; Lloyd, "Least squares quantization in PCM", IEEE Trans. Inf. Theory 28, 1982.
/// - Deviation: more pieces than two, equally many levels apart; knots by least squares rather than from an assumed
///   distribution, not mirrored at zero; and one table under scales for blocks instead of two regions of a whole tensor.
public struct PiecewiseQuantizer: TableTechnique {
    public static let name = "quantize.piecewise"

    /// Bits of a code, 2 through 8.
    public var bits = 4
    /// Straight lines that the levels lie on, 2 through 64; no more count than there are steps between levels.
    public var pieces = 16
    /// Weights that share a scale, along the axis that a product sums over (along the rows of a table); 0: all of an
    /// output channel, as convolutions always have it.
    public var blockSize = 32
    /// The same for tables, where there are blocks at all; 0: as `blockSize` says.
    public var tableBlockSize = 0
    public var scales = WeightGrid.Scales.float16
    public var clipping = WeightGrid.Clipping.mse
    /// Whether the scales of each channel are stretched so that rounding takes nothing of the channel's gain.
    public var gainCorrection = true
    /// Weights with fewer elements stay float: scales and operators would take what the codes save.
    public var minimumCount = 512

    public init() {}

    public func validate() throws(CompressionError) {
        try validateGrid()
        guard (2...64).contains(pieces) else {
            throw Self.invalid("pieces", "\(pieces) lies outside 2...64.", remedy: "Use 16.")
        }
    }

    public func apply(to piece: inout Workpiece, in context: StageContext) async throws {
        try await encodeByTables(of: &piece, in: context)
    }

    func table(for weights: WeightBlocks, over blocks: [Int], _ fitter: BlockScaleFitter) -> LevelTable {
        let found = [true, false].map { hasZero in
            let start = CompandedLevels.fitted(bits: bits, hasZero: hasZero, to: weights, fitter, over: blocks)
            return PiecewiseLevels(bits: bits, pieces: pieces, hasZero: hasZero)
                .fitted(from: start.levels.table, to: weights, fitter, over: blocks)
        }
        return (found[1].gain > found[0].gain ? found[1] : found[0]).table
    }
}
