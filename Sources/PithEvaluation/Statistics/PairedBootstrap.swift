internal import PithTensor

/// A number computed from samples that can be drawn again.
public protocol ResampledStatistic: Sendable {
    /// Number of samples (rows or pairs).
    var sampleCount: Int { get }
    /// The number when sample `i` is taken `counts[i]` times; nil where it is not defined.
    func value(counts: [Int32]) -> Double?
}

/// The paired bootstrap: both models are scored on the same redrawn samples, which gives an interval of their
/// difference.
///
/// Samples are drawn with replacement from a seeded generator. The interval is the bias-corrected and accelerated one
/// (BCa): its ends are the quantiles `P(z0 + (z0 + z) / (1 - a (z0 + z)))` of the drawings, with the median bias `z0`
/// and the acceleration `a` from a jackknife that leaves out one of at most 200 groups of samples at a time.
///
/// - Complexity: O((drawings + groups) x samples) time, O(samples) memory. The same seed gives the same interval.
/// - Reference: Efron, "Better bootstrap confidence intervals", Journal of the American Statistical Association 82
///   (1987).
public struct PairedBootstrap: Sendable, Hashable {
    /// Fewest samples an interval is given for: drawings of fewer say too little.
    public static let minimumSamples = 10
    /// Number of drawings.
    public var resamples: Int
    /// Seed of the generator.
    public var seed: UInt64

    /// Creates a bootstrap of `resamples` drawings (at least 100).
    public init(resamples: Int = 2000, seed: UInt64 = 0) {
        precondition(resamples >= 100, "\(resamples) drawings are too few for the ends of a 95 % interval.")
        self.resamples = resamples
        self.seed = seed
    }

    /// The two-sided 95 % interval of `statistic`.
    ///
    /// Nil below `minimumSamples`, and where the statistic is not defined for all samples or for more than one
    /// drawing in twenty.
    public func interval(of statistic: some ResampledStatistic) -> (lower: Double, upper: Double)? {
        let count = statistic.sampleCount
        guard count >= Self.minimumSamples,
            let whole = statistic.value(counts: [Int32](repeating: 1, count: count)), whole.isFinite
        else { return nil }
        let drawn = drawings(of: statistic).sorted()
        guard drawn.count * 20 >= resamples * 19, let least = drawn.first, let most = drawn.last else { return nil }
        guard least < most else { return (min(least, whole), max(most, whole)) }
        let below = Double(drawn.count { $0 < whole }) + Double(drawn.count { $0 == whole }) / 2
        let edge = 0.5 / Double(drawn.count)
        let bias = Normal.quantile(min(max(below / Double(drawn.count), edge), 1 - edge))
        let acceleration = acceleration(of: statistic)
        func end(_ z: Double) -> Double {
            let shifted = bias + z, scale = 1 - acceleration * shifted
            return Self.quantile(of: drawn, at: Normal.probability(below: scale > 0 ? bias + shifted / scale : z))
        }
        return (end(-Normal.z95), end(Normal.z95))
    }

    /// The statistic of each drawing, where it is defined.
    private func drawings(of statistic: some ResampledStatistic) -> [Double] {
        var generator = SplitMix64(seed: seed)
        let count = statistic.sampleCount
        return (0..<resamples).compactMap { _ in
            var counts = [Int32](repeating: 0, count: count)
            for _ in 0..<count { counts[Self.index(below: count, from: &generator)] += 1 }
            return statistic.value(counts: counts).flatMap { $0.isFinite ? $0 : nil }
        }
    }

    /// The high half of a product: even to within `count / 2^64`, and the same on every version of Swift.
    private static func index(below count: Int, from generator: inout SplitMix64) -> Int {
        Int(generator.next().multipliedFullWidth(by: UInt64(count)).high)
    }

    /// `sum(u^3) / (6 sum(u^2)^1.5)` over the influence `u` of each group; 0 where it is not defined.
    private func acceleration(of statistic: some ResampledStatistic) -> Double {
        let count = statistic.sampleCount, groups = min(count, 200)
        var values: [Double] = []
        for group in 0..<groups {
            var counts = [Int32](repeating: 1, count: count)
            for index in stride(from: group, to: count, by: groups) { counts[index] = 0 }
            if let value = statistic.value(counts: counts), value.isFinite { values.append(value) }
        }
        guard !values.isEmpty else { return 0 }
        let mean = values.reduce(0, +) / Double(values.count)
        let squares = values.reduce(0) { $0 + (mean - $1) * (mean - $1) }
        let cubes = values.reduce(0) { $0 + (mean - $1) * (mean - $1) * (mean - $1) }
        return squares > 0 ? cubes / (6 * squares * squares.squareRoot()) : 0
    }

    /// The value at `part` of a sorted list, on the line between its neighbours.
    static func quantile(of sorted: [Double], at part: Double) -> Double {
        let position = min(max(part, 0), 1) * Double(sorted.count - 1), index = Int(position)
        guard index + 1 < sorted.count else { return sorted[sorted.count - 1] }
        return sorted[index] + (position - Double(index)) * (sorted[index + 1] - sorted[index])
    }
}
