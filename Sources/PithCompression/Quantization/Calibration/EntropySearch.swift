import Foundation

/// Finds the range of an activation whose distribution loses least when its levels stand for whole groups of values.
///
/// For each magnitude `T` of a row of candidates: `P` is the histogram inside `-T...T` with what lies outside added to
/// its last bins; `Q` is the histogram inside, merged into `groups` groups of neighbouring bins and spread evenly over
/// those bins of a group that `P` has. The `T` with the least `KL(P || Q) = sum P log(P / Q)` wins, the wider of two equal ones.
///
/// - Complexity: O(bins²) / 8.
/// - Reference: Migacz, "8-bit Inference with TensorRT", GTC 2017, S7310; the calibrator `entropy` of ONNX Runtime.
/// - Deviation: one `T` for both signs as there, but only bins between the smallest and largest value are grouped, so a
///   ReLU's output has all groups on its side; values that are exactly zero are left out, as they are exact in every format; groups
///   differ by a bin in width where they do not divide the range, instead of a last one that is wider; every eighth bin ends a candidate.
struct EntropySearch {
    /// Counts of the magnitudes of negative and of other values, without those that are zero.
    private let negative: [Double], positive: [Double]
    private let width: Float
    private let groups: Int

    /// Bins from one candidate to the next.
    private static let stepInBins = 8
    /// What stands for a count of zero in `Q`.
    private static let floor = 1e-4

    init(_ histogram: ActivationHistogram, groups: Int) {
        let half = ActivationHistogram.half
        func used(_ bins: [Int]) -> [Double] {
            bins.prefix((bins.lastIndex { $0 > 0 } ?? -1) + 1).map(Double.init)
        }
        var counts = histogram.bins
        counts[half] -= min(histogram.zeros, counts[half])
        negative = used(Array(counts[..<half]))
        positive = used(Array(counts[half...]))
        width = histogram.width
        self.groups = max(groups, 1)
    }

    /// The best range inside `full`.
    func range(within full: ActivationRange) -> ActivationRange {
        let most = max(negative.count, positive.count)
        var best = (divergence: Double.infinity, range: full)
        for bins in stride(from: most, through: 1, by: -EntropySearch.stepInBins) {
            let low = min(bins, negative.count), high = min(bins, positive.count)
            // Fewer bins than groups would lose nothing at any range.
            guard low + high > groups || bins == most else { break }
            let divergence = divergence(low: low, high: high)
            guard divergence < best.divergence else { continue }
            var range = full
            range.low = max(full.low, -Float(bins) * width)
            range.high = min(full.high, Float(bins) * width)
            best = (divergence, range)
        }
        return best.range
    }

    /// `KL(P || Q)` for a range of so many bins of each sign.
    private func divergence(low: Int, high: Int) -> Double {
        let inside = negative.prefix(low).reversed() + positive.prefix(high)
        guard !inside.isEmpty else { return .infinity }
        var clipped = inside
        clipped[0] += negative.dropFirst(low).reduce(0, +)
        clipped[clipped.count - 1] += positive.dropFirst(high).reduce(0, +)
        var merged = [Double](repeating: 0, count: inside.count)
        for group in 0..<groups {
            let bins = group * inside.count / groups..<(group + 1) * inside.count / groups
            let sum = inside[bins].reduce(0, +), share = clipped[bins].reduce(0.0) { $0 + ($1 > 0 ? 1 : 0) }
            for bin in bins where clipped[bin] > 0 { merged[bin] = max(sum / share, EntropySearch.floor) }
        }
        let total = clipped.reduce(0, +), kept = merged.reduce(0, +)
        guard total > 0, kept > 0 else { return .infinity }
        var divergence = 0.0
        for (count, spread) in zip(clipped, merged) where count > 0 {
            divergence += count / total * log(count / total * kept / spread)
        }
        return divergence
    }
}
