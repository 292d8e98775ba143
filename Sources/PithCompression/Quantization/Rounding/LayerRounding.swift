import PithTensor

/// The rounding of one layer, set up once; rows can then be rounded in parts, at the same time.
///
/// `feedback` rounds column after column. With the columns in the order of rounding *last to first* and the curvature there
/// factored as `U D Uᵀ`, `U` lower triangular with ones on its diagonal, the error is
/// `sum over k of D_kk (e_k + sum over i > k of e_i U_ik)²` for `e = target - value`; so column k takes the level nearest to
/// its target plus the errors already made, weighted by `U`. That is GPTQ without the inverse.
///
/// `refined` goes on from there in turns: coordinate descent (each level becomes the best one while the others stand), then
/// all scales of a row at once by least squares. Of all states of a row, the one with the least error is kept, the nearest
/// levels of the fitted grids among them: no method is ever worse than `nearest`.
///
/// - Complexity: O(columns³ / 6) to set up; for each row, `feedback` takes columns² / 2 multiplications, each sweep at most
///   columns², each turn two columns² more. O(columns²) memory, 12 bytes a pair.
/// - Reference: Frantar et al., "GPTQ", arXiv:2210.17323; Chee et al., "QuIP", arXiv:2307.13304, theorem 6 (the same
///   rounding without the inverse); Behdin et al., "QuantEase", arXiv:2309.01885 (coordinate descent).
/// - Deviation: grids are fixed before the first column, by clipping weighted with the diagonal of the curvature.
package struct LayerRounding: Sendable {
    private let rounder: WeightRounder
    private let problem: RoundingProblem
    private let blockSize: Int
    private let importance: [Float]
    /// Column of the weight in each place of the order, the last of which is rounded first; empty for `nearest`.
    private let order: [Int]
    /// `U` in that order, row-major.
    private let factor: [Float]
    private let curvature: [Float]

    /// Sets the rounding of `problem` up.
    ///
    /// - Throws: `CompressionError` `.invalidSetting` for a block size below 1 or a damping too small for the moments.
    package init(_ rounder: WeightRounder, _ problem: RoundingProblem) throws(CompressionError) {
        self.rounder = rounder
        self.problem = problem
        blockSize = try rounder.checkedBlockSize(columns: problem.columns, named: problem.name)
        let diagonal = problem.curvature.diagonal, mean = problem.curvature.meanDiagonal
        importance = diagonal.map { Float($0 / mean) }
        guard rounder.method != .nearest else {
            (order, factor, curvature) = ([], [], [])
            return
        }
        order =
            rounder.ordersByActivation
            ? problem.curvature.diagonal.indices.sorted { (diagonal[$0], -$0) < (diagonal[$1], -$1) }
            : (0..<problem.columns).reversed()
        guard let cholesky = CholeskyFactor(problem.curvature.reordered(order)) else {
            throw RoundingProblem.weakDamping(problem.name)
        }
        let count = problem.columns
        let pivots = (0..<count).map { cholesky.elements[$0 * count + $0] }
        factor = cholesky.elements.indices.map { Float(cholesky.elements[$0] / pivots[$0 % count]) }
        // The error of all rows is scaled alike, so that single precision holds it whatever the unit of the inputs.
        curvature = rounder.method == .refined ? problem.curvature.elements.map { Float($0 / mean) } : []
    }

    /// The levels of some rows; the same whatever the other rows are.
    package func rounded(rows: Range<Int>) -> RoundedWeights {
        precondition(
            !rows.isEmpty && rows.lowerBound >= 0 && rows.upperBound <= problem.rows, "The rows are the weight's.")
        return RoundedWeights(
            joining: stride(from: rows.lowerBound, to: rows.upperBound, by: LaneLayout.lanes).map { first in
                rounded(panel: first..<min(first + LaneLayout.lanes, rows.upperBound))
            })
    }

    /// The levels of at most sixteen rows.
    private func rounded(panel rows: Range<Int>) -> RoundedWeights {
        var grids = GridTable(
            targets: problem.targets, columns: problem.columns, rows: rows, blockSize: blockSize,
            importance: importance,
            fitter: LevelGridFitter(format: rounder.format, criterion: rounder.criterion))
        if let pairs = rounder.pairs { grids.widen(for: pairs, targets: problem.targets, firstRow: rows.lowerBound) }
        let targets = Array(problem.targets[rows.lowerBound * problem.columns..<rows.upperBound * problem.columns])
        let nearest = grids.rounded(targets)
        guard rounder.method != .nearest else { return limited(nearest) }
        var state = RoundingLanes(targets: targets, grids: grids, curvature: problem.curvature)
        state.keepBest(nearest)
        state.round(factor: factor, order: order)
        if rounder.method == .refined {
            for round in 0...rounder.rounds {
                state.descend(curvature: curvature, sweeps: rounder.sweeps)
                if rounder.refitsScales && round < rounder.rounds { state.refitScales(curvature: curvature) }
            }
        }
        return limited(state.best)
    }

    /// The same without pairs that overflow: where errors of other columns are made up for, some levels go further than their targets.
    private func limited(_ rounded: RoundedWeights) -> RoundedWeights {
        rounder.pairs.map { rounded.limited(to: $0) } ?? rounded
    }
}
