/// How much worse a candidate scores than its reference on the same samples, with a 95 % interval.
///
/// For scores where higher is better: `reference - candidate`. For losses: `(candidate - reference) / reference`. One
/// point of `--max-drop` is .01 of it in both cases, and the promise holds when `upper95` stays below.
public struct PairedDifference: Sendable, Hashable {
    /// How the interval was found.
    public enum Method: String, Sendable, Codable, CaseIterable {
        /// The score interval of paired proportions, see `PairedProportions`.
        case tangoScore = "tango-score"
        /// Redrawn samples, see `PairedBootstrap`.
        case bootstrap = "bootstrap-bca"
    }

    /// The measured difference.
    public let drop: Double
    /// The lower end of the two-sided 95 % interval; nil where the samples do not give one.
    public let lower95: Double?
    /// The upper end; nil where the samples do not give one.
    public let upper95: Double?
    /// How the interval was found.
    public let method: Method

    /// Takes a difference that was measured before.
    public init(drop: Double, lower95: Double?, upper95: Double?, method: Method) {
        self.drop = drop
        self.lower95 = lower95
        self.upper95 = upper95
        self.method = method
    }

    /// The difference of two accuracies.
    public init(_ proportions: PairedProportions) {
        let interval = proportions.interval
        drop = proportions.difference
        lower95 = interval.lower
        upper95 = interval.upper
        method = .tangoScore
    }

    /// The difference that `statistic` computes, its interval redrawn by `bootstrap`; nil where it is not defined.
    ///
    /// The interval reaches at least `leastMargin` to either side of the difference.
    public init?(_ statistic: some ResampledStatistic, bootstrap: PairedBootstrap, leastMargin: Double = 0) {
        guard let drop = statistic.value(counts: [Int32](repeating: 1, count: statistic.sampleCount)), drop.isFinite
        else {
            return nil
        }
        let interval = bootstrap.interval(of: statistic)
        self.drop = drop
        lower95 = interval.map { min($0.lower, drop - leastMargin) }
        upper95 = interval.map { max($0.upper, drop + leastMargin) }
        method = .bootstrap
    }

    /// What `samples` classifications leave open although no prediction differs: `z^2 / (samples + z^2)`.
    ///
    /// Redrawing equal predictions would give an interval of no width; macro scores take this as their least margin.
    public static func agreementMargin(samples: Int) -> Double {
        PairedProportions(referenceOnly: 0, candidateOnly: 0, samples: samples).interval.upper
    }
}
