import PithModel
import PithTensor

/// How the levels of weights are laid out: bits, groups that share a scale, zero points, the type of scales.
///
/// | stored | bits a weight |
/// | --- | --- |
/// | 8 bits, a scale for each channel | 8 |
/// | 4 bits in blocks of 32, zero points, half-float scales | 4 + (16 + 4) / 32 = 4.63 |
/// | 2 bits likewise | 2 + (16 + 2) / 32 = 2.56 |
///
/// Levels of 3, 5, 6 and 7 bits take that many in a file too.
public struct WeightGrid: Hashable, Sendable {
    /// The type of scales.
    public enum Scales: String, Codable, Sendable, CaseIterable {
        case float32
        /// Half floats, but for weights whose steps they can not hold: those get scales in float32.
        case float16

        /// The steps of a weight for which half floats are used: smaller ones would lie between few numbers, 2^-24 apart.
        private static let steps: ClosedRange<Float> = 0x1p-16...0x1p15

        /// The type for a weight of these numbers in levels of `bits`.
        func type(for numbers: Span<Float>, bits: Int) -> LevelFormat.ScaleType {
            let bounds = Kernels.range(of: numbers).bounds ?? 0...0
            let peak = max(bounds.upperBound, -bounds.lowerBound)
            let isHeld = peak == 0 || Scales.steps.contains(peak / Float(1 << bits - 1))
            return self == .float16 && isHeld ? .float16 : .float32
        }
    }

    /// How the range of a group is chosen.
    public enum Clipping: String, Codable, Sendable, CaseIterable {
        /// The whole range.
        case none
        /// The range with the least squared error.
        case mse
    }

    var bits: Int
    var blockSize: Int
    var isSymmetric: Bool
    var scales: Scales
    var clipping: Clipping

    /// The same for the rounding core, for a weight of these numbers.
    func format(for numbers: Span<Float>) -> LevelFormat {
        LevelFormat(bits: bits, isSymmetric: isSymmetric, scaleType: scales.type(for: numbers, bits: bits))
    }

    /// Whether ``SymmetricIntegers`` makes these levels, as integer kernels take them.
    var isPlain: Bool { blockSize == 0 && isSymmetric && scales == .float32 && clipping == .none }
}

/// A technique that stores weights in levels of few bits, with a scale for each group of them.
protocol PackedTechnique: Technique {
    /// Bits of a level, 2 through 8.
    var bits: Int { get set }
    /// Weights that share a scale, along the axis that a product sums over (along the rows of a table); 0: all of an
    /// output channel, as convolutions always have it.
    var blockSize: Int { get set }
    /// Bits of all levels that the technique may write.
    var widths: [Int] { get }
}

/// A technique with the settings of a ``WeightGrid`` among its own.
protocol GridTechnique: PackedTechnique {
    /// Whether levels lie around zero; if not, each group has a zero point.
    var symmetric: Bool { get set }
    var scales: WeightGrid.Scales { get set }
    var clipping: WeightGrid.Clipping { get set }
}

extension GridTechnique {
    var grid: WeightGrid {
        get {
            WeightGrid(
                bits: bits, blockSize: blockSize, isSymmetric: symmetric, scales: scales, clipping: clipping)
        }
        set {
            bits = newValue.bits
            blockSize = newValue.blockSize
            symmetric = newValue.isSymmetric
            scales = newValue.scales
            clipping = newValue.clipping
        }
    }
}

extension PackedTechnique {
    var widths: [Int] { [bits] }

    func validateGrid() throws(CompressionError) {
        guard (2...8).contains(bits) else {
            throw Self.invalid("bits", "\(bits) lies outside 2...8.", remedy: "Give a whole number from 2 to 8.")
        }
        guard blockSize == 0 || blockSize >= 8 else {
            throw Self.invalid(
                "blockSize", "\(blockSize) weights do not pay for a scale.", remedy: "Use 16, 32, 64, 128, or 0.")
        }
    }

    /// Levels that share a byte need operator set 11.
    ///
    /// - Throws: What ``OpsetUpgrader`` throws for an operator that it can not raise.
    func raiseOperatorSet(of piece: inout Workpiece) throws {
        guard widths.contains(where: { $0 < 8 }), piece.model.opset < 11 else { return }
        try OpsetUpgrader.upgrade(&piece.model, to: 11)
    }
}
