import Foundation
import PithModel
import PithTensor

/// The search for the factors of one activation with which rounding its products errs least.
///
/// `s = mean|x|^a / sqrt(max * min)`; the error of one product is that of its outputs, over what they are:
/// `sum over rows of (q - w) M (q - w)ᵀ / sum of w M wᵀ`, with `q = round(s w) / s` and `M = E[x xᵀ]` (damped as
/// ``RoundingProblem`` does it where few vectors were seen).
///
/// - Complexity: O(*k r n²*) for *k* exponents and products of *r* outputs (256 of them at most) and *n* inputs.
package struct ScaleSearch: Sendable {
    /// The best factors, one for each channel of the sink, with the relative errors without and with them.
    struct Outcome: Sendable {
        let factors: [Double]
        let exponent: Double
        let before: Double
        let after: Double
    }

    private let rounder: WeightRounder
    private let steps: Int

    /// Output channels of a product that are rounded to compare exponents.
    private static let mostRows = 256
    /// Channels are raised no more than this above those that are hardly there.
    private static let smallestMean = 1e-4
    /// What the error must fall to, of what it was.
    private static let enough = 0.99

    /// A search over `steps` exponents above zero, with the grids of the stage that follows.
    init(grid: WeightGrid, steps: Int) {
        self.steps = steps
        var rounder = WeightRounder()
        rounder.method = .nearest
        rounder.format = grid.format
        rounder.blockSize = grid.blockSize > 0 ? grid.blockSize : nil
        rounder.criterion = grid.clipping == .mse ? .squaredError : .range
        self.rounder = rounder
    }

    /// The best factors; nil where none makes the error smaller by a hundredth.
    ///
    /// - Throws: `CompressionError` for weights or moments that are not finite; `CancellationError`.
    func best(
        _ matrices: [(name: String, rows: [Float])], _ moments: ActivationMoments, _ sink: ScaleSink
    ) throws -> Outcome? {
        let problems = try matrices.map { try problem($0.name, $0.rows, moments) }
        guard !problems.isEmpty else { return nil }
        let norms = problems.map { problem in
            problem.errors(of: [Float](repeating: 0, count: problem.weights.count)).reduce(0, +)
        }
        func error(_ factors: [Double]) throws -> Double {
            try Task.checkCancellation()
            var total = 0.0
            for (problem, norm) in zip(problems, norms) where norm > 0 {
                total += try problem.errors(of: rounded(problem, factors)).reduce(0, +) / norm
            }
            return total
        }
        let before = try error([Double](repeating: 1, count: sink.origins.count))
        let means = sink.gathered(moments.meanMagnitudes)
        var best: Outcome?
        for step in 1...steps {
            let exponent = Double(step) / Double(steps)
            guard let factors = ScaleSearch.factors(means, exponent) else { return nil }
            let after = try error(sink.spread(factors))
            if after < best?.after ?? (before * ScaleSearch.enough) {
                best = Outcome(factors: factors, exponent: exponent, before: before, after: after)
            }
        }
        return best
    }

    /// `mean^a`, with the largest and the smallest as far from 1; nil where no channel is ever used.
    package static func factors(_ means: [Double], _ exponent: Double) -> [Double]? {
        guard let largest = means.max(), largest > 0, largest.isFinite else { return nil }
        let raised = means.map { pow(max($0, largest * smallestMean), exponent) }
        guard let high = raised.max(), let low = raised.min(), low > 0 else { return nil }
        return raised.map { $0 / (high * low).squareRoot() }
    }

    private func problem(_ name: String, _ rows: [Float], _ moments: ActivationMoments) throws -> RoundingProblem {
        let columns = moments.products.dimension, count = rows.count / columns
        let step = (count + ScaleSearch.mostRows - 1) / ScaleSearch.mostRows
        let chosen = stride(from: 0, to: count, by: max(step, 1)).flatMap { rows[$0 * columns..<($0 + 1) * columns] }
        return try RoundingProblem(
            named: name, weights: chosen, rows: chosen.count / columns, columns: columns, inputs: moments.products,
            hasBias: false)
    }

    /// What the weights are after `factors` were multiplied in, rounded, and divided out.
    private func rounded(_ problem: RoundingProblem, _ factors: [Double]) throws -> [Float] {
        let columns = problem.columns
        let scaled = problem.weights.indices.map { Float(Double(problem.weights[$0]) * factors[$0 % columns]) }
        let values = try rounder.roundToNearest(scaled, rows: problem.rows, columns: columns, named: problem.name)
            .values()
        return values.indices.map { Float(Double(values[$0]) / factors[$0 % columns]) }
    }
}
