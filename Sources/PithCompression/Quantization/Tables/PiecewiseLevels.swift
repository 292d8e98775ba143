import PithTensor

/// Levels between a few knots, by linear interpolation over their codes.
///
/// With `a` the shares that the knots have in each level (two that are not 0 and add up to 1), levels are `t = a v`. For fixed
/// codes and scales the squared error is a quadratic of the knots `v`, least where `(aᵀ D a) v = aᵀ b`, with `D` the sums of
/// scale² over the weights of each level and `b` those of `scale * w`. Codes and scales are then found anew.
///
/// | grid | knots |
/// | --- | --- |
/// | with zero | the ends, zero (which stays), and equally many codes apart between them |
/// | without | the ends, and equally many codes apart between them |
///
/// As many pieces as levels less one make every level a knot: Lloyd's quantizer under a scale for each block.
struct PiecewiseLevels {
    let bits: Int
    let hasZero: Bool
    /// Shares of the knots in each level, without the knot at zero.
    private let shares: [[(knot: Int, share: Double)]]
    private let knots: Int

    init(bits: Int, pieces: Int, hasZero: Bool) {
        self.bits = bits
        self.hasZero = hasZero
        let count = 1 << bits, half = count / 2
        var positions: [Double] = []
        func append(from start: Int, to end: Int, _ pieces: Int) {
            let used = min(pieces, end - start)
            for piece in 0..<used { positions.append(Double(start) + Double((end - start) * piece) / Double(used)) }
        }
        if hasZero {
            append(from: 0, to: half, max(pieces / 2, 1))
            append(from: half, to: count - 1, max(pieces / 2, 1))
        } else {
            append(from: 0, to: count - 1, pieces)
        }
        positions.append(Double(count - 1))
        let zero = hasZero ? positions.firstIndex(of: Double(half)) : nil
        let kept = positions.indices.filter { $0 != zero }
        let numbers = Dictionary(uniqueKeysWithValues: kept.enumerated().map { ($0.element, $0.offset) })
        shares = (0..<count).map { code in
            let right = max(positions.firstIndex { $0 >= Double(code) } ?? 0, 1)
            let width = positions[right] - positions[right - 1], share = (Double(code) - positions[right - 1]) / width
            return [(right - 1, 1 - share), (right, share)].compactMap { knot, share in
                numbers[knot].map { (knot: $0, share: share) }
            }
        }
        knots = kept.count
    }

    /// Turns of fitting knots, and scales with codes.
    private static let rounds = 12
    /// A turn that explains less more of the energy than this is the last.
    private static let leastGain = 1e-6

    /// The table that serves `weights` best, starting from `table`, and the energy that it explains in `blocks`.
    ///
    /// - Complexity: 13 rounds over the sample at most.
    func fitted(
        from table: LevelTable, to weights: WeightBlocks, _ fitter: BlockScaleFitter, over blocks: [Int]
    ) -> (table: LevelTable, gain: Double) {
        var current = table, sums = LevelSums(of: weights, table, fitter, over: blocks)
        var best = (table: table, gain: sums.gain)
        for round in 0..<PiecewiseLevels.rounds {
            guard let next = refitted(current, sums) else { break }
            sums = LevelSums(of: weights, next, fitter, over: blocks)
            current = next
            let improvement = sums.gain - best.gain
            if improvement > 0 { best = (next, sums.gain) }
            // The first turn leaves the power law for lines, and may lose before later ones gain.
            if round > 0, improvement < PiecewiseLevels.leastGain * sums.gain { break }
        }
        return best
    }

    /// The knots fitted to the codes and scales that `table` gave; nil where they make no table.
    private func refitted(_ table: LevelTable, _ sums: LevelSums) -> LevelTable? {
        let anchor = sums.squares.reduce(0, +) / Double(sums.squares.count) * 1e-6
        var system = [Double](repeating: 0, count: knots * knots), right = [Double](repeating: 0, count: knots)
        for (code, parts) in shares.enumerated() {
            // Levels that nothing is rounded to stay where they are.
            let square = sums.squares[code] + anchor
            let product = sums.products[code] + anchor * Double(table.levels[code])
            for part in parts {
                right[part.knot] += part.share * product
                for other in parts { system[part.knot * knots + other.knot] += part.share * other.share * square }
            }
        }
        guard let factor = CholeskyFactor(SymmetricMatrix(dimension: knots, elements: system)) else { return nil }
        let values = factor.solvingRows(right)
        return LevelTable(shares.map { parts in parts.reduce(0) { $0 + $1.share * values[$1.knot] } })
    }
}

/// What the weights of each level say about where it should lie.
private struct LevelSums {
    /// Sums of scale² for each code.
    private(set) var squares: [Double]
    /// Sums of scale * weight for each code.
    private(set) var products: [Double]
    /// The energy that the table explains.
    private(set) var gain = 0.0

    init(of weights: WeightBlocks, _ table: LevelTable, _ fitter: BlockScaleFitter, over blocks: [Int]) {
        squares = [Double](repeating: 0, count: table.levels.count)
        products = squares
        var codes = [UInt8](repeating: 0, count: weights.blockSize)
        let numbers = weights.values.span
        for block in blocks {
            let part = numbers.extracting(weights.range(block)), fit = fitter.fit(part, table)
            gain += fit.gain
            guard fit.scale != 0 else { continue }
            Kernels.tableCodes(part, thresholds: table.thresholds, scale: fit.scale, into: &codes, at: 0)
            for index in 0..<part.count {
                squares[Int(codes[index])] += Double(fit.scale) * Double(fit.scale)
                products[Int(codes[index])] += Double(fit.scale) * Double(part[index])
            }
        }
    }
}
