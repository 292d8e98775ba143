public import PithEvaluation

/// Candidates beside their reference: the JSON that `compare` prints.
public struct ComparisonReport: Sendable {
    /// The model that all others are held against.
    public struct Reference: Sendable, Hashable {
        public var path: String
        public var bytes: Int
        /// Floating-point numbers among its constants.
        public var parameters: Int
        public var minimumRuntime: String
        /// Median time of one sample, measured beside the candidates.
        public var milliseconds: Double?
        /// Largest resident memory of a process that loads the model and runs one sample; null where not measured.
        public var peakBytes: Int?
        /// Its score on the data; null without a metric.
        public var score: Double?
        /// Means over the classes; null where there are none.
        public var macro: ConfusionMatrix.Scores?
    }

    /// Precision, recall and F1 as means over the classes.
    public struct Macro: Sendable, Hashable, Encodable {
        public var reference: ConfusionMatrix.Scores
        public var candidate: ConfusionMatrix.Scores
    }

    /// One output of a candidate.
    public struct Output: Sendable, Hashable, Encodable {
        /// Its name in the reference.
        public var name: String
        /// Signal-to-noise ratio in dB over all evaluation rows.
        public var sqnrDB: Double
    }

    /// One candidate's figures.
    public struct Entry: Sendable {
        /// As it was given: a path, or the name of a recipe.
        public var name: String
        /// Whether a recipe made it.
        public var isRecipe: Bool
        public var bytes: Int
        /// The reference's bytes by the candidate's.
        public var ratio: Double
        /// Bits of the file for each parameter of the reference.
        public var bitsPerWeight: Double
        public var minimumRuntime: String
        public var fidelity: FidelityReport?
        /// Null where the data have no metric.
        public var accuracy: AccuracyReport?
        /// Means over the classes; null where there are none.
        public var macro: Macro?
        public var latency: LatencyReport?
        /// As for the reference.
        public var peakBytes: Int?
        /// Every output that can be compared, where there are several.
        public var outputs: [Output]
        public var layers: LayerReport
        public var notes: [String]
    }

    public var reference: Reference
    /// Path of the data; null when inputs were made up.
    public var data: String?
    /// In the order they were given.
    public var candidates: [Entry]
    public var notes: [String]
    /// Wall time of everything.
    public var seconds: Double
}

extension ComparisonReport: Encodable {
    private enum Key: String, CodingKey { case reference, data, isMadeUp, candidates, notes, seconds }

    /// Writes every key; what is not known is null.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(reference, forKey: .reference)
        try container.encode(data, forKey: .data)
        try container.encode(data == nil, forKey: .isMadeUp)
        try container.encode(candidates, forKey: .candidates)
        try container.encode(notes, forKey: .notes)
        try container.encode(seconds, forKey: .seconds)
    }
}

extension ComparisonReport.Reference: Encodable {
    private enum Key: String, CodingKey {
        case path, bytes, parameters, minimumRuntime, milliseconds, peakBytes, score, macro
    }

    /// Writes every key; what is not known is null.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(path, forKey: .path)
        try container.encode(bytes, forKey: .bytes)
        try container.encode(parameters, forKey: .parameters)
        try container.encode(minimumRuntime, forKey: .minimumRuntime)
        try container.encode(milliseconds, forKey: .milliseconds)
        try container.encode(peakBytes, forKey: .peakBytes)
        try container.encode(score, forKey: .score)
        try container.encode(macro, forKey: .macro)
    }
}

extension ComparisonReport.Entry: Encodable {
    private enum Key: String, CodingKey {
        case name, kind, bytes, ratio, bitsPerWeight, minimumRuntime, fidelity, accuracy, macro, latency, peakBytes
        case outputs, weakest, layers, notes
    }

    /// Writes every key; what is not known is null.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(name, forKey: .name)
        try container.encode(isRecipe ? "recipe" : "model", forKey: .kind)
        try container.encode(bytes, forKey: .bytes)
        try container.encode(ratio, forKey: .ratio)
        try container.encode(bitsPerWeight, forKey: .bitsPerWeight)
        try container.encode(minimumRuntime, forKey: .minimumRuntime)
        try container.encode(fidelity, forKey: .fidelity)
        try container.encode(accuracy, forKey: .accuracy)
        try container.encode(macro, forKey: .macro)
        try container.encode(latency, forKey: .latency)
        try container.encode(peakBytes, forKey: .peakBytes)
        try container.encode(outputs, forKey: .outputs)
        try container.encode(layers.weakest, forKey: .weakest)
        try container.encode(layers, forKey: .layers)
        try container.encode(notes, forKey: .notes)
    }
}
