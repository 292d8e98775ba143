/// Integer weights whose levels follow a power law: fine steps around zero, where most weights are, wide ones further out.
///
/// `w = scale * sign(u) |u|^p` with `u` equally spaced from -1 to 1, by `CompandedLevels`. The exponent is fitted to each
/// weight by squared error, with a level at zero or without, whichever is better; scales may be negative, so that the end
/// of the levels that reaches further serves the larger side of a block. Stored are packed codes, a scale for each block
/// and one table of `2^bits` numbers; a runtime looks them up once, when it loads the model.
///
/// | stored | bits a weight |
/// | --- | --- |
/// | 4 bits in blocks of 32, half-float scales | 4 + 16 / 32 = 4.5, and 64 bytes |
///
/// - Error bound: half the distance of the levels around a weight times its scale; clipping and `gainCorrection` aside.
/// - Complexity: 28 searches for scales over a sample of 2^15 weights, and one over all.
/// - Reference: Yvinec et al., "PowerQuant: Automorphism Search for Non-Uniform Quantization", ICLR 2023,
///   arXiv:2301.09858, section 3 (levels on a power law, its exponent by the reconstruction error).
///   Banner et al., "Post training 4-bit quantization of convolutional networks for rapid-deployment", NeurIPS 2019,
///   arXiv:1810.05723, section 3 (`gainCorrection`: what rounding takes from a channel is given back).
/// - Deviation: an exponent for each weight rather than one for all, scales for blocks with clipping, grids without zero,
///   and activations stay as they are; the exponent here is the inverse of the paper's.
///   Gains by projection on the weight rather than by norms, and no correction of means.
public struct CompandedQuantizer: TableTechnique {
    public static let name = "quantize.companded"

    /// Bits of a code, 2 through 8.
    public var bits = 4
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
    }

    public func apply(to piece: inout Workpiece, in context: StageContext) async throws {
        try await encodeByTables(of: &piece, in: context)
    }

    func table(for weights: WeightBlocks, over blocks: [Int], _ fitter: BlockScaleFitter) -> LevelTable {
        let found = [true, false].map {
            CompandedLevels.fitted(bits: bits, hasZero: $0, to: weights, fitter, over: blocks)
        }
        return (found[1].gain > found[0].gain ? found[1] : found[0]).levels.table
    }
}
