import PithModel

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
        case float32, float16
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

    /// The same for the rounding core.
    var format: LevelFormat {
        LevelFormat(bits: bits, isSymmetric: isSymmetric, scaleType: scales == .float16 ? .float16 : .float32)
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
