import PithEvaluation
import PithFormats
import PithModel
import PithTensor

/// Low-bit weights rounded with the help of data, layer by layer in the order they run, on inputs that are rounded already.
///
/// For each convolution and product the wanted outputs are those of the float model; what the layers before it got wrong,
/// and the error of a shortcut that is added to its output, it makes up for as far as it can. Before them come the weights
/// of recurrent layers (`RecurrentRounder`) and, to nearest on grids of the same kind, tables and what else no such layer
/// reads; the ledger says of each why (`LoneReasons`).
///
/// | rounding | what it does |
/// | --- | --- |
/// | nearest | each weight to the nearest level, grids clipped by the squared error that the inputs give weight |
/// | gptq | column by column, each error made up for by the columns still to come |
/// | refined | the same, then coordinate descent and least-squares scales in turns |
///
/// With `inputs: uint8` the inputs are rounded as ``StaticQuantizer`` will round them, so layers make up for that too: what
/// rounding adds lies in all directions of a layer's inputs, the signal mostly in a few, and weights along the others are worth less
/// than the noise that they let through.
///
/// - Complexity: one run of the data over the part of the model before each layer; O(inputs²) memory for a layer.
/// - Reference: Frantar et al., "GPTQ", arXiv:2210.17323; Nagel et al., "Up or down?", arXiv:2004.10568, section 3.3
///   (float targets on rounded inputs); Behdin et al., "QuantEase", arXiv:2309.01885.
/// - Deviation: see ``LayerRounding`` and ``RoundingProblem``.
public struct GPTQQuantizer: GridTechnique, LayerwiseTechnique {
    public static let name = "quantize.gptq"

    /// What is done about the errors of rounding.
    public enum Rounding: String, Codable, Sendable, CaseIterable {
        case nearest, gptq, refined
    }

    /// What the layers read while their weights are rounded.
    public enum Inputs: String, Codable, Sendable, CaseIterable {
        /// What the layers before make, their weights rounded.
        case float
        /// The same in 8 bits, where integer kernels will read it so.
        case uint8
        /// Whichever of the two gives the more accurate integers, on calibration rows.
        case measured
    }

    /// Bits of a level, 2 through 8.
    public var bits = 4
    /// Bits of single weights, by their qualified names; 8 means one symmetric scale for each output channel.
    public var bitsOf: [String: Int] = [:]
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
    /// What the layers read while their weights are rounded; `uint8` for weights that ``StaticQuantizer`` is to take.
    public var inputs = Inputs.float
    /// What is done about integer kernels that overflow, for weights that ``StaticQuantizer`` is to take.
    public var overflow = KernelOverflow.ignored
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
        for (name, bits) in bitsOf.sorted(by: { $0.key < $1.key }) where !(2...8).contains(bits) {
            throw Self.invalid(
                "bitsOf", "\(bits) bits of '\(name)' lie outside 2...8.", remedy: "Give whole numbers from 2 to 8.")
        }
        guard inputs == .float || blockSize == 0 && symmetric else {
            throw Self.invalid(
                "inputs", "\(inputs.rawValue) is for integer kernels, which take no blocks and no zero points.",
                remedy: "Set `blockSize` to 0 and `symmetric` to true, or `inputs` to float.")
        }
        guard overflow == .ignored || blockSize == 0 && symmetric else {
            throw Self.invalid(
                "overflow", "\(overflow.rawValue) is for integer kernels, which take no blocks and no zero points.",
                remedy: "Set `blockSize` to 0 and `symmetric` to true, or `overflow` to ignored.")
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
            try raiseOperatorSet(of: &piece)
            return try await roundAlone(
                &piece, in: context, because: { _ in "there is no calibration data" }, where: { _ in true })
        }
        try raiseOperatorSet(of: &piece)
        var settings = self
        settings.overflow = try overflow.resolved()
        guard inputs == .measured else { return try await settings.roundLayers(of: &piece, with: dataset, in: context) }
        try await settings.roundBothWays(&piece, with: dataset, in: context)
    }

    func remark(on form: any Representation) -> String { "computed in float" }
    var roundsRecurrent: Bool { rounding != .nearest }
    var kind: String { rounding.rawValue }
    static var lone: (remark: String, note: String) { ("nearest rounding", "to nearest") }

    func encodeAlone(
        of piece: inout Workpiece, in context: StageContext, where isChosen: (String) -> Bool
    ) async throws {
        for width in Set(bitsOf.values).union([bits]).sorted() {
            let isOne = { name in isChosen(name) && (bitsOf[name] ?? bits) == width }
            try await nearest(bits: width).encodeSmallTables(of: &piece, in: context, where: isOne)
            try await nearest(bits: width).encodeWeights(of: &piece, in: context, where: isOne)
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

    /// Rows of a matrix that one task rounds.
    private static let rowsAtOnce = 64

    func form(
        of matrix: LayerMatrix, named name: String, _ problems: [RoundingProblem], takesBlocks: Bool, threads: Int
    ) async throws -> GroupedIntegers? {
        let rounder = rounder(for: name, of: matrix, takesBlocks: takesBlocks)
        guard problems.count == 1, let problem = problems.first else {
            return matrix.form(try await Parallel.map(problems, threads: threads) { try rounder.round($0) })
        }
        let work = try LayerRounding(rounder, problem)
        let shares = stride(from: 0, to: matrix.rows, by: Self.rowsAtOnce).map {
            $0..<min($0 + Self.rowsAtOnce, matrix.rows)
        }
        return matrix.form(try await Parallel.map(shares, threads: threads) { work.rounded(rows: $0) })
    }

    /// The rounder that these settings describe, for the weight `name`, which takes blocks or not.
    private func rounder(for name: String, of matrix: LayerMatrix, takesBlocks: Bool) -> WeightRounder {
        var rounder = WeightRounder()
        rounder.ordersByActivation = activationOrder
        rounder.method = rounding == .nearest ? .nearest : rounding == .gptq ? .feedback : .refined
        let grid = grid(bits: bitsOf[name] ?? bits)
        rounder.format = grid.format(for: matrix.numbers.span)
        rounder.blockSize = takesBlocks && grid.blockSize > 0 ? grid.blockSize : nil
        rounder.criterion = grid.clipping == .mse ? .squaredError : .range
        if overflow == .avoided, rounder.blockSize == nil { rounder.pairs = matrix.pairs }
        return rounder
    }
}
