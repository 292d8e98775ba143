/// The average of the smallest and largest values of runs, in which older runs count less.
///
/// `average = sum weight * (1 - weight)^(runs after it) * value / (1 - (1 - weight)^runs)`. What parts of the data give
/// can be joined, in their order, as if it had been one stream.
///
/// - Reference: the moving average of Jacob et al., CVPR 2018, arXiv:1712.05877, section 3.1.
/// - Deviation: divided by the sum of the weights, so that a start of zero does not pull the average of few runs down.
/// - Complexity: O(1) memory, whatever the number of runs.
package struct MovingBounds: Hashable, Sendable {
    /// Weight of a run that is used where none is given.
    package static let usualWeight = 0.01

    private let weight: Double
    private var low = 0.0
    private var high = 0.0
    /// `(1 - weight)^runs`.
    private var rest = 1.0

    /// No run yet; `weight` is that of the last one, above 0 and at most 1.
    package init(weight: Double = usualWeight) { self.weight = weight }

    /// The averages; nil before the first run.
    package var bounds: ClosedRange<Float>? {
        guard rest < 1 else { return nil }
        let total = 1 - rest, lower = Float(low / total), upper = Float(high / total)
        return lower...max(lower, upper)
    }

    /// Adds the next run.
    package mutating func add(_ bounds: ClosedRange<Float>) {
        var run = MovingBounds(weight: weight)
        run.low = weight * Double(bounds.lowerBound)
        run.high = weight * Double(bounds.upperBound)
        run.rest = 1 - weight
        append(run)
    }

    /// Adds the runs of `later`, all after those of this one.
    package mutating func append(_ later: MovingBounds) {
        low = low * later.rest + later.low
        high = high * later.rest + later.high
        rest *= later.rest
    }
}
