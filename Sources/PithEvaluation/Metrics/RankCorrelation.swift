/// Spearman's rank correlation with ties averaged: metric `spearman`.
///
/// The Pearson correlation of ranks; numbers that are equal share the mean of their ranks.
///
/// - Complexity: O(n log n) once to sort, then O(n) for each drawing.
/// - Reference: Spearman, American Journal of Psychology 15 (1904); ties as in Kendall, *Rank Correlation Methods*,
///   1948.
public struct RankCorrelation: Sendable {
    private let left: Ranking
    private let right: Ranking

    /// Sorts two lists of equal length; numbers must not be NaN.
    public init(_ left: [Double], _ right: [Double]) {
        precondition(left.count == right.count, "\(left.count) and \(right.count) numbers have no rank correlation.")
        self.left = Ranking(left)
        self.right = Ranking(right)
    }

    /// The correlation of all pairs, from -1 to 1; nil when either side is constant.
    public var value: Double? {
        value(counts: [Int32](repeating: 1, count: left.order.count))
    }

    /// The correlation when pair `i` is taken `counts[i]` times; nil when either side is constant then.
    public func value(counts: [Int32]) -> Double? {
        let total = counts.reduce(0.0) { $0 + Double($1) }, middle = (total + 1) / 2
        let x = left.ranks(counts: counts), y = right.ranks(counts: counts)
        var product = 0.0, squaresX = 0.0, squaresY = 0.0
        for index in counts.indices where counts[index] > 0 {
            let times = Double(counts[index]), dx = x[index] - middle, dy = y[index] - middle
            product += times * dx * dy
            squaresX += times * dx * dx
            squaresY += times * dy * dy
        }
        guard squaresX > 0, squaresY > 0 else { return nil }
        return min(max(product / (squaresX * squaresY).squareRoot(), -1), 1)
    }
}

/// Numbers in ascending order, ready to be ranked with any multiplicities.
private struct Ranking: Sendable {
    let order: [Int]
    /// Ends of the runs of equal numbers in `order`.
    private let ends: [Int]

    init(_ values: [Double]) {
        let order = values.indices.sorted { (values[$0], $0) < (values[$1], $1) }
        self.order = order
        ends = order.indices.filter { $0 + 1 == order.count || values[order[$0]] != values[order[$0 + 1]] }.map {
            $0 + 1
        }
    }

    /// Ranks from 1; equal numbers share the mean rank of all their copies.
    func ranks(counts: [Int32]) -> [Double] {
        var ranks = [Double](repeating: 0, count: order.count), before = 0.0, start = 0
        for end in ends {
            var copies = 0.0
            for position in start..<end { copies += Double(counts[order[position]]) }
            for position in start..<end { ranks[order[position]] = before + (copies + 1) / 2 }
            before += copies
            start = end
        }
        return ranks
    }
}
