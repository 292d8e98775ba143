public import PithEvaluation

/// What a run of `compress` did and measured: the JSON it prints.
public struct CompressionReport: Sendable {
    public struct Input: Codable, Sendable, Hashable {
        public var path: String
        public var bytes: Int
        public var parameters: Int
    }

    public struct Output: Codable, Sendable, Hashable {
        public var path: String
        public var bytes: Int
        /// Bits of the output file for each weight of the input.
        public var bitsPerWeight: Double
        public var sha256: String
    }

    public var input: Input
    public var output: Output
    /// Nil without data or labels.
    public var accuracy: AccuracyReport?
    /// Nil without data.
    public var fidelity: FidelityReport?
    public var classes: ClassReport?
    public var latency: LatencyReport?
    /// Wall time of everything, scoring included, from `CompressionOptions.start`.
    public var seconds: Double
    /// Wall time of the final scoring of accuracy, fidelity and latency.
    public var scoringSeconds: Double
    /// Largest resident memory of the process.
    public var peakBytes: Int
    public var recipe: Recipe
    public var decisions: [String: JSONValue]
    public var minimumRuntime: String
    public var verification: Verification
    /// What was found out, and what data would add.
    public var notes: [String]
    public var ledger: [LedgerRow]
}

extension CompressionReport: Encodable {
    private enum Key: String, CodingKey {
        case input, output, accuracy, fidelity, classes, latency, seconds, scoringSeconds, peakBytes, recipe, decisions
        case minimumRuntime, verification, notes, ledger
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(input, forKey: .input)
        try container.encode(output, forKey: .output)
        try container.encode(accuracy, forKey: .accuracy)
        try container.encode(fidelity, forKey: .fidelity)
        try container.encode(classes, forKey: .classes)
        try container.encode(latency, forKey: .latency)
        try container.encode(seconds, forKey: .seconds)
        try container.encode(scoringSeconds, forKey: .scoringSeconds)
        try container.encode(peakBytes, forKey: .peakBytes)
        try container.encode(recipe, forKey: .recipe)
        try container.encode(decisions, forKey: .decisions)
        try container.encode(minimumRuntime, forKey: .minimumRuntime)
        try container.encode(verification, forKey: .verification)
        try container.encode(notes, forKey: .notes)
        try container.encode(ledger, forKey: .ledger)
    }
}
