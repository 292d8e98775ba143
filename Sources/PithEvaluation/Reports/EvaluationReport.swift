/// What an evaluation found: the objects `accuracy` and `fidelity` of JSON results with their details.
public struct EvaluationReport: Sendable, Hashable {
    /// The score and its drop; null for `metric: fidelity` and where there is nothing to hold outputs against.
    public var accuracy: AccuracyReport?
    /// How close the candidate's outputs are; null without a candidate.
    public var fidelity: FidelityReport?
    /// Scores of each class, for classification; null otherwise.
    public var classes: ClassReport?
    /// The output that was scored.
    public var output: String
    /// Samples in a run.
    public var batch: Int
    /// Rows run through each model.
    public var rows: Int
    /// What a reader should know about the figures.
    public var notes: [String]

    /// Creates a report from its parts.
    public init(
        accuracy: AccuracyReport? = nil, fidelity: FidelityReport? = nil, classes: ClassReport? = nil, output: String,
        batch: Int, rows: Int, notes: [String] = []
    ) {
        self.accuracy = accuracy
        self.fidelity = fidelity
        self.classes = classes
        self.output = output
        self.batch = batch
        self.rows = rows
        self.notes = notes
    }
}

extension EvaluationReport: Codable {
    private enum CodingKeys: String, CodingKey { case accuracy, fidelity, classes, output, batch, rows, notes }

    /// Writes every key; what is not known is null.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(accuracy, forKey: .accuracy)
        try container.encode(fidelity, forKey: .fidelity)
        try container.encode(classes, forKey: .classes)
        try container.encode(output, forKey: .output)
        try container.encode(batch, forKey: .batch)
        try container.encode(rows, forKey: .rows)
        try container.encode(notes, forKey: .notes)
    }
}
