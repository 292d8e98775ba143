public import PithFormats

/// The score of a model on labelled data, and how much worse a candidate scores: the `accuracy` object of JSON results.
///
/// Accuracies are fractions of one; `perplexity` is scored in nats a token. A score that is not finite is null, and
/// then so are `drop` and `dropUpper95`: a promise about it can not be kept.
public struct AccuracyReport: Sendable, Hashable {
    /// What is scored.
    public var metric: Dataset.Metric
    /// The reference's score; null where it is not finite.
    public var reference: Double?
    /// The candidate's score; null without a candidate and where it is not finite.
    public var candidate: Double?
    /// How much worse the candidate is, see `PairedDifference`; null without a candidate.
    public var difference: PairedDifference?
    /// Samples (or pairs) scored.
    public var samples: Int
    /// The exponent of the reference's loss for metric `perplexity`; null otherwise.
    public var referencePerplexity: Double?
    /// The exponent of the candidate's loss for metric `perplexity`; null otherwise.
    public var candidatePerplexity: Double?

    /// Creates a report from its values.
    public init(
        metric: Dataset.Metric, reference: Double?, candidate: Double? = nil, difference: PairedDifference? = nil,
        samples: Int
    ) {
        self.metric = metric
        self.reference = reference
        self.candidate = candidate
        self.difference = difference
        self.samples = samples
    }

    /// `reference - candidate`, and for losses `(candidate - reference) / reference`.
    public var drop: Double? { difference?.drop }
    /// The upper end of the two-sided 95 % interval of `drop`.
    public var dropUpper95: Double? { difference?.upper95 }

    /// Whether the drop stays below `points` hundredths with 95 % confidence; false where it is not known.
    public func keeps(maximumDropPoints points: Double) -> Bool {
        dropUpper95.map { $0 < points / 100 } ?? false
    }
}

extension AccuracyReport: Codable {
    private enum CodingKeys: String, CodingKey {
        case metric, reference, candidate, drop, dropLower95, dropUpper95, interval, samples, referencePerplexity,
            candidatePerplexity
    }

    /// Writes every key; what is not known is null.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(metric, forKey: .metric)
        try container.encode(reference, forKey: .reference)
        try container.encode(candidate, forKey: .candidate)
        try container.encode(drop, forKey: .drop)
        try container.encode(difference?.lower95, forKey: .dropLower95)
        try container.encode(dropUpper95, forKey: .dropUpper95)
        try container.encode(difference?.method, forKey: .interval)
        try container.encode(samples, forKey: .samples)
        guard metric == .perplexity else { return }
        try container.encode(referencePerplexity, forKey: .referencePerplexity)
        try container.encode(candidatePerplexity, forKey: .candidatePerplexity)
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        metric = try container.decode(Dataset.Metric.self, forKey: .metric)
        reference = try container.decodeIfPresent(Double.self, forKey: .reference)
        candidate = try container.decodeIfPresent(Double.self, forKey: .candidate)
        samples = try container.decode(Int.self, forKey: .samples)
        referencePerplexity = try container.decodeIfPresent(Double.self, forKey: .referencePerplexity)
        candidatePerplexity = try container.decodeIfPresent(Double.self, forKey: .candidatePerplexity)
        guard let drop = try container.decodeIfPresent(Double.self, forKey: .drop),
            let method = try container.decodeIfPresent(PairedDifference.Method.self, forKey: .interval)
        else { return }
        difference = PairedDifference(
            drop: drop, lower95: try container.decodeIfPresent(Double.self, forKey: .dropLower95),
            upper95: try container.decodeIfPresent(Double.self, forKey: .dropUpper95), method: method)
    }
}
