/// Levels on a power law: `sign(u) |u|^(e/16)` over equally spaced `u`.
///
/// | grid | u |
/// | --- | --- |
/// | with zero | `(code - 2^(b-1)) / 2^(b-1)`: from -1 through `1 - 2^(1-b)`, zero among them |
/// | without | `(2 code + 1 - 2^b) / (2^b - 1)`: from -1 through 1, none at zero |
///
/// Exponents are sixteenths, and powers are made of products and square roots alone, which round alike on every processor.
package struct CompandedLevels: Hashable {
    /// Exponents that are searched, in sixteenths: a half through four.
    package static let exponents = 8...64

    package var bits: Int
    /// In sixteenths.
    package var exponent: Int
    package var hasZero: Bool

    /// Describes levels of `bits` bits (1 through 8) and an exponent in sixteenths.
    package init(bits: Int, exponent: Int, hasZero: Bool) {
        self.bits = bits
        self.exponent = exponent
        self.hasZero = hasZero
    }

    /// The table of these levels.
    package var table: LevelTable {
        let count = 1 << bits, half = count / 2
        let numbers = (0..<count).map { code -> Double in
            let place = hasZero ? code - half : 2 * code + 1 - count
            let u = Double(abs(place)) / Double(hasZero ? half : count - 1)
            return place < 0 ? -power(u) : power(u)
        }
        guard let table = LevelTable(numbers) else { preconditionFailure("Powers of ascending numbers ascend.") }
        return table
    }

    private func power(_ base: Double) -> Double {
        var factor = base, result = 1.0, left = exponent % 16
        for _ in 0..<exponent / 16 { result *= base }
        var weight = 8
        while left > 0 {
            factor = factor.squareRoot()
            if left >= weight {
                result *= factor
                left -= weight
            }
            weight /= 2
        }
        return result
    }

    /// The levels that serve `weights` best, and the energy that they explain in `blocks`.
    ///
    /// The error has one minimum over the exponent (PowerQuant, section 3.3), so a search in ever smaller steps finds it:
    /// every half, then a fourth, an eighth and a sixteenth to either side of the best so far.
    ///
    /// - Complexity: 14 rounds over the sample for each grid.
    static func fitted(
        bits: Int, hasZero: Bool, to weights: WeightBlocks, _ fitter: BlockScaleFitter, over blocks: [Int]
    ) -> (levels: CompandedLevels, gain: Double) {
        var best = (levels: CompandedLevels(bits: bits, exponent: 16, hasZero: hasZero), gain: -Double.infinity)
        func consider(_ exponent: Int) {
            guard exponents.contains(exponent) else { return }
            let levels = CompandedLevels(bits: bits, exponent: exponent, hasZero: hasZero)
            let gain = weights.gain(levels.table, fitter, over: blocks)
            if gain > best.gain { best = (levels, gain) }
        }
        for exponent in stride(from: exponents.lowerBound, through: exponents.upperBound, by: 8) { consider(exponent) }
        for step in [4, 2, 1] {
            let middle = best.levels.exponent
            consider(middle - step)
            consider(middle + step)
        }
        return best
    }
}
