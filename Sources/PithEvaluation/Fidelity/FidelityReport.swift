/// How close a candidate's outputs are to the reference's: the `fidelity` object of JSON results.
public struct FidelityReport: Sendable, Hashable {
    /// Numbers that are infinite or no numbers.
    public struct NonFinite: Sendable, Hashable, Codable {
        /// Those of the reference.
        public var reference: Int
        /// Those of the candidate.
        public var candidate: Int

        /// Takes the counts of both models.
        public init(reference: Int, candidate: Int) {
            self.reference = reference
            self.candidate = candidate
        }
    }

    /// Signal to quantization noise ratio in decibels, within -200...200; equal outputs have 200.
    public var sqnrDB: Double
    /// Mean cosine along the last axis.
    public var cosine: Double
    /// Part of the rows with the same top class; null for rows of one number.
    public var agreement: Double?
    /// Mean Kullback-Leibler divergence in nats; null for rows of one number.
    public var kl: Double?
    /// Rows compared: samples times the rows each has.
    public var rows: Int
    /// Numbers that are not finite.
    public var nonFinite: NonFinite

    /// Creates a report from its values.
    public init(sqnrDB: Double, cosine: Double, agreement: Double?, kl: Double?, rows: Int, nonFinite: NonFinite) {
        self.sqnrDB = sqnrDB
        self.cosine = cosine
        self.agreement = agreement
        self.kl = kl
        self.rows = rows
        self.nonFinite = nonFinite
    }
}

extension FidelityReport: Codable {
    private enum CodingKeys: String, CodingKey { case sqnrDB, cosine, agreement, kl, rows, nonFinite }

    /// Writes every key; what is not known is null.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(sqnrDB, forKey: .sqnrDB)
        try container.encode(cosine, forKey: .cosine)
        try container.encode(agreement, forKey: .agreement)
        try container.encode(kl, forKey: .kl)
        try container.encode(rows, forKey: .rows)
        try container.encode(nonFinite, forKey: .nonFinite)
    }
}
