import Foundation
import PithModel
import PithTensor

/// The search for the factors of one activation with which rounding its products errs least.
///
/// `s = mean|x|^a / sqrt(max * min)`; the error of one product is that of its outputs, over what they are:
/// `sum over rows of (q - w) M (q - w)ᵀ / sum of w M wᵀ`, with `q = round(s w) / s` and `M = E[x xᵀ]` (damped as
/// ``RoundingProblem`` does it where few vectors were seen).
///
/// - Complexity: O(*k r n²*) for *k* exponents and products of *r* outputs (256 of them at most) and *n* inputs; memory of
///   three times the moments, and of one product's weights at a time.
package struct ScaleSearch: Sendable {
    /// The best factors, one for each channel of the sink, with the relative errors without and with them.
    struct Outcome: Sendable {
        let factors: [Double]
        let exponent: Double
        let before: Double
        let after: Double
    }

    /// A matrix of a product: `float32`, of two axes.
    struct Matrix: Sendable {
        let name: String
        let tensor: Tensor
        /// The axis of the activation's channels.
        let axis: Int

        /// At most `limit` outputs, evenly spread, as rows of inputs.
        func rows(atMost limit: Int) -> [Float] {
            let columns = tensor.shape.dimensions[axis], count = tensor.shape.dimensions[1 - axis]
            let (row, column) = axis == 1 ? (columns, 1) : (1, count)
            return tensor.withElements(as: Float.self) { numbers in
                var chosen: [Float] = []
                chosen.reserveCapacity(min(count, limit) * columns)
                for output in stride(from: 0, to: count, by: max((count + limit - 1) / limit, 1)) {
                    for input in 0..<columns { chosen.append(numbers[output * row + input * column]) }
                }
                return chosen
            }
        }
    }

    private let grid: WeightGrid
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
        self.grid = grid
    }

    /// The best factors; nil where none makes the error smaller by a hundredth.
    ///
    /// - Throws: `CompressionError` for weights or moments that are not finite; `CancellationError`.
    func best(_ matrices: [Matrix], _ moments: ActivationMoments, _ sink: ScaleSink) throws -> Outcome? {
        let means = sink.gathered(moments.meanMagnitudes)
        let exponents = (1...steps).map { Double($0) / Double(steps) }
        let trials = exponents.compactMap { ScaleSearch.factors(means, $0) }
        guard trials.count == steps, !matrices.isEmpty else { return nil }
        var before = 0.0, after = [Double](repeating: 0, count: steps)
        // One product at a time, since each has a matrix of the moments' size.
        for matrix in matrices {
            let problem = try problem(matrix, moments)
            let norm = problem.errors(of: [Float](repeating: 0, count: problem.weights.count)).reduce(0, +)
            guard norm > 0 else { continue }
            func error(_ factors: [Double]) throws -> Double {
                try Task.checkCancellation()
                return try problem.errors(of: rounded(problem, factors)).reduce(0, +) / norm
            }
            before += try error([Double](repeating: 1, count: sink.origins.count))
            for (place, factors) in trials.enumerated() { after[place] += try error(sink.spread(factors)) }
        }
        var best: Outcome?
        for (place, error) in after.enumerated() where error < best?.after ?? (before * ScaleSearch.enough) {
            best = Outcome(factors: trials[place], exponent: exponents[place], before: before, after: error)
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

    private func problem(_ matrix: Matrix, _ moments: ActivationMoments) throws -> RoundingProblem {
        let columns = moments.products.dimension, weights = matrix.rows(atMost: ScaleSearch.mostRows)
        return try RoundingProblem(
            named: matrix.name, weights: weights, rows: weights.count / columns, columns: columns,
            inputs: moments.products, hasBias: false)
    }

    /// What the weights are after `factors` were multiplied in, rounded, and divided out.
    private func rounded(_ problem: RoundingProblem, _ factors: [Double]) throws -> [Float] {
        let columns = problem.columns
        let scaled = problem.weights.indices.map { Float(Double(problem.weights[$0]) * factors[$0 % columns]) }
        var rounder = WeightRounder()
        rounder.method = .nearest
        rounder.format = grid.format(for: scaled.span)
        rounder.blockSize = grid.blockSize > 0 ? grid.blockSize : nil
        rounder.criterion = grid.clipping == .mse ? .squaredError : .range
        let values = try rounder.roundToNearest(scaled, rows: problem.rows, columns: columns, named: problem.name)
            .values()
        return values.indices.map { Float(Double(values[$0]) / factors[$0 % columns]) }
    }
}
