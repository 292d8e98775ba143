public import PithEvaluation
import PithCompression

/// The result of `evaluate`.
public struct ScoreReport: Encodable, Sendable {
    let model: String
    let reference: String?
    let evaluation: EvaluationReport
    /// The error of each output, where there are several; nil without a reference.
    let outputs: [OutputError]?
    let latency: LatencyReport?

    /// Joins what was measured.
    public init(
        model: String, reference: String?, evaluation: EvaluationReport, outputs: [OutputError]? = nil,
        latency: LatencyReport?
    ) {
        self.model = model
        self.reference = reference
        self.evaluation = evaluation
        self.outputs = outputs
        self.latency = latency
    }

    private enum Key: String, CodingKey {
        case model, reference, outputs, latency
    }

    public func encode(to encoder: any Encoder) throws {
        try evaluation.encode(to: encoder)
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(model, forKey: .model)
        try container.encode(reference, forKey: .reference)
        try container.encodeIfPresent(outputs, forKey: .outputs)
        try container.encode(latency, forKey: .latency)
    }

    /// The scores as text for people.
    public var text: String {
        var lines = evaluation.notes.map { "note: \($0)" }
        if let accuracy = evaluation.accuracy { lines += ScoreText.lines(accuracy) }
        if let fidelity = evaluation.fidelity { lines.append(ScoreText.line(fidelity)) }
        if let outputs {
            let figures = outputs.map { "\($0.name) \($0.sqnrDB.formatted(digits: 2)) dB" }
            lines.append("outputs: scored is '\(evaluation.output)'; " + figures.joined(separator: ", "))
        }
        if let latency { lines.append(ScoreText.line(latency)) }
        guard let classes = evaluation.classes else { return lines.joined(separator: "\n") }
        return lines.joined(separator: "\n") + "\n\n" + table(classes)
    }

    private func table(_ classes: ClassReport) -> String {
        let isPaired = classes.macroCandidate != nil
        var table = TextTable(
            header: ["class", "samples", "precision", "recall", "F1"]
                + (isPaired ? ["after: precision", "recall", "F1"] : []),
            rightAligned: [0, 1, 2, 3, 4, 5, 6, 7])
        func cells(_ scores: ConfusionMatrix.Scores?) -> [String] {
            guard let scores else { return [] }
            return [scores.precision, scores.recall, scores.f1].map { $0.formatted(digits: 4) }
        }
        for entry in classes.entries {
            table.add(["\(entry.index)", "\(entry.support)"] + cells(entry.reference) + cells(entry.candidate))
        }
        let support = classes.entries.reduce(0) { $0 + $1.support }
        table.add(["macro", "\(support)"] + cells(classes.macroReference) + cells(classes.macroCandidate))
        return table.text
    }
}
