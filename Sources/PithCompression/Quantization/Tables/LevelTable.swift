import PithTensor

/// Levels that need not be equally far apart: ascending numbers, the largest magnitude among them 1.
///
/// A weight is `level * scale`, and scales may be negative: a table whose ends differ then serves a group of either sign.
///
/// - Error bound: half the distance of the two levels around a weight, times its scale, where nothing is clipped.
package struct LevelTable: Hashable, Sendable {
    /// The levels, 2 to the power of ``bits``.
    package let levels: [Float]
    /// The middle between each two levels: what lies above it goes to the upper one.
    let thresholds: [Float]
    /// Bits of a code, 1 through 8.
    package let bits: Int

    /// Divides `numbers` by the largest magnitude among them; nil when they do not ascend or lie on one side of zero.
    package init?(_ numbers: [Double]) {
        let bits = numbers.count.trailingZeroBitCount
        guard (1...8).contains(bits), numbers.count == 1 << bits, let low = numbers.first, let high = numbers.last,
            low < 0, high > 0, high.isFinite, low.isFinite
        else { return nil }
        let largest = max(-low, high), levels = numbers.map { Float($0 / largest) }
        guard zip(levels, levels.dropFirst()).allSatisfy({ $0 < $1 }) else { return nil }
        self.levels = levels
        self.bits = bits
        thresholds = zip(levels, levels.dropFirst()).map { ($0 + $1) / 2 }
    }

    /// Whether each level has its opposite, so that the sign of a scale means nothing.
    var isSymmetric: Bool { zip(levels, levels.reversed()).allSatisfy { $0 == -$1 } }

    /// The code of the smallest level above or at zero.
    var codeOfZero: UInt8 { UInt8(levels.firstIndex { $0 >= 0 } ?? 0) }

    /// The levels as the stored form holds them.
    var tensor: Tensor { Tensor(vector: levels) }
}
