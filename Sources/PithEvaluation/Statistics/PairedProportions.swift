/// Two models that each got every sample right or wrong: how far their accuracies may lie apart.
///
/// Only the samples on which they differ count: `b` that the reference alone got right, `c` that the candidate alone
/// got right, of `n`. The difference is `d = (b - c) / n`. The interval holds every `d` with `|T(d)| <= z`, where
/// `T(d) = (b - c - n d) / sqrt(n (2 q + d (1 - d)))` and `q` is the likeliest probability of `c` given `d`, the
/// positive root of `2 n q^2 - (b + c - (2 n - b + c) d) q - c d (1 - d) = 0`.
///
/// Without any differing sample the upper end is `z^2 / (n + z^2)`: silence of `n` samples proves no more.
///
/// - Complexity: O(1): two bisections.
/// - Reference: Tango, "Equivalence test and confidence interval for the difference in proportions for the
///   paired-sample design", Statistics in Medicine 17 (1998); recommended for small samples by Fagerland, Lydersen
///   and Laake, ibid. 33 (2014).
public struct PairedProportions: Sendable, Hashable {
    /// Samples only the reference got right.
    public let referenceOnly: Int
    /// Samples only the candidate got right.
    public let candidateOnly: Int
    /// All samples.
    public let samples: Int

    /// Takes counts; the two parts must fit into `samples`, which must not be zero.
    public init(referenceOnly: Int, candidateOnly: Int, samples: Int) {
        precondition(
            samples > 0 && referenceOnly >= 0 && candidateOnly >= 0 && referenceOnly + candidateOnly <= samples,
            "\(referenceOnly) and \(candidateOnly) are no parts of \(samples) samples.")
        self.referenceOnly = referenceOnly
        self.candidateOnly = candidateOnly
        self.samples = samples
    }

    /// Counts where two lists of equal length differ.
    public init(reference: [Bool], candidate: [Bool]) {
        precondition(reference.count == candidate.count, "Paired samples come in equal numbers.")
        let pairs = zip(reference, candidate)
        self.init(
            referenceOnly: pairs.count { $0 && !$1 }, candidateOnly: pairs.count { !$0 && $1 }, samples: reference.count
        )
    }

    /// The accuracy of the reference less that of the candidate.
    public var difference: Double { Double(referenceOnly - candidateOnly) / Double(samples) }

    /// The two-sided 95 % interval of the difference.
    public var interval: (lower: Double, upper: Double) {
        (limit(at: Normal.z95, from: -1, to: difference), limit(at: -Normal.z95, from: difference, to: 1))
    }

    /// The difference in a range on which the statistic falls through `target`.
    private func limit(at target: Double, from low: Double, to high: Double) -> Double {
        var low = low, high = high
        while true {
            let middle = (low + high) / 2
            guard middle > low, middle < high else { return middle }
            if statistic(middle) > target { low = middle } else { high = middle }
        }
    }

    /// `T(d)`; it falls as `d` grows.
    private func statistic(_ d: Double) -> Double {
        let n = Double(samples), b = Double(referenceOnly), c = Double(candidateOnly)
        let linear = (2 * n - b + c) * d - b - c, constant = -c * d * (1 - d)
        let root = max(linear * linear - 8 * n * constant, 0).squareRoot()
        // The form of the root that adds numbers of one sign loses no digits.
        let q = linear > 0 ? -2 * constant / (linear + root) : (root - linear) / (4 * n)
        let variance = n * (2 * q + d * (1 - d)), distance = b - c - n * d
        if variance > 0 { return distance / variance.squareRoot() }
        return distance == 0 ? 0 : distance * .infinity
    }
}
