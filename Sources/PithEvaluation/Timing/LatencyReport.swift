/// Times of a reference and a candidate from one measurement: the `latency` object of JSON results.
public struct LatencyReport: Sendable, Hashable {
    /// Times of the reference.
    public var reference: LatencySummary
    /// Nil when one model was timed alone.
    public var candidate: LatencySummary?
    /// The median over rounds of reference time by candidate time: a second estimate that slow drifts do not reach.
    public var pairedSpeedup: Double?
    /// Threads a run could use.
    public var threads: Int

    /// Creates a report from its parts.
    public init(
        reference: LatencySummary, candidate: LatencySummary? = nil, pairedSpeedup: Double? = nil, threads: Int
    ) {
        self.reference = reference
        self.candidate = candidate
        self.pairedSpeedup = pairedSpeedup
        self.threads = threads
    }

    /// The reference's time by the candidate's, each in the quietest tenth of its rounds: above 1 the candidate is faster.
    ///
    /// Other work on the machine makes some rounds many times slower, and not alike for both; the quiet ones show the
    /// models.
    public var speedup: Double? {
        candidate.map { $0.quietMilliseconds > 0 ? reference.quietMilliseconds / $0.quietMilliseconds : 1 }
    }

    /// Whether both estimates of the speedup lie within 5 % of each other and the times did not scatter; else the machine
    /// was busy.
    public var isSteady: Bool {
        guard let speedup, let pairedSpeedup, let candidate else { return reference.isSteady }
        return max(speedup, pairedSpeedup) <= 1.05 * min(speedup, pairedSpeedup) && reference.isSteady
            && candidate.isSteady
    }

    /// A speedup from here up is not told apart from 1: equal models differ as much by chance.
    public static let equalSpeedup = 0.95

    /// Whether the candidate is slower than the reference by more than chance.
    public var isSlower: Bool { isSteady && (speedup ?? 1) < Self.equalSpeedup }

    /// The speedup that is sure: the less of both estimates, unless the times scattered too much for the second.
    public var sureSpeedup: Double? {
        guard let speedup, let pairedSpeedup else { return nil }
        return isSteady ? min(speedup, pairedSpeedup) : speedup
    }

    /// Whether the sure speedup reaches `factor`; a factor of 1 asks for no more than not to be slower.
    public func reaches(speedup factor: Double) -> Bool {
        sureSpeedup.map { $0 >= (factor == 1 ? Self.equalSpeedup : factor) } ?? false
    }
}

extension LatencyReport: Codable {
    private enum CodingKeys: String, CodingKey {
        case referenceMilliseconds, candidateMilliseconds, speedup, pairedSpeedup, isSteady, threads, reference,
            candidate
    }

    /// Writes every key; what is not known is null.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(reference.medianMilliseconds, forKey: .referenceMilliseconds)
        try container.encode(candidate?.medianMilliseconds, forKey: .candidateMilliseconds)
        try container.encode(speedup, forKey: .speedup)
        try container.encode(pairedSpeedup, forKey: .pairedSpeedup)
        try container.encode(isSteady, forKey: .isSteady)
        try container.encode(threads, forKey: .threads)
        try container.encode(reference, forKey: .reference)
        try container.encode(candidate, forKey: .candidate)
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        reference = try container.decode(LatencySummary.self, forKey: .reference)
        candidate = try container.decodeIfPresent(LatencySummary.self, forKey: .candidate)
        pairedSpeedup = try container.decodeIfPresent(Double.self, forKey: .pairedSpeedup)
        threads = try container.decode(Int.self, forKey: .threads)
    }
}
