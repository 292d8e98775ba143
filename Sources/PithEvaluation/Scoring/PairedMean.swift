internal import Foundation
internal import PithFormats
internal import PithTensor

/// A mean metric that knows what it is held against in a batch.
protocol BatchMeanMetric: MeanMetric {
    static var metric: Dataset.Metric { get }
    /// What the outputs of this batch are held against.
    static func targets(of scored: ScoredBatch) throws -> Targets
}

/// Scores metrics that are means over samples: `mse`, `mae`, `cosine` and `perplexity`.
struct PairedMean<Metric: BatchMeanMetric>: PairedScorer {
    private var reference = Metric()
    private var candidate: Metric?

    mutating func add(_ scored: ScoredBatch) throws {
        let targets = try Metric.targets(of: scored)
        try reference.add(scored.reference, against: targets)
        guard let outputs = scored.candidate else { return }
        var scores = candidate ?? Metric()
        candidate = nil
        try scores.add(outputs, against: targets)
        candidate = scores
    }

    func result(bootstrap: PairedBootstrap) -> AccuracyReport {
        var report = AccuracyReport(
            metric: Metric.metric, reference: reference.value, candidate: candidate?.value,
            difference: difference(bootstrap), samples: reference.mean.count)
        if Metric.metric == .perplexity {
            report.referencePerplexity = exponent(reference.value)
            report.candidatePerplexity = exponent(candidate?.value)
        }
        return report
    }

    private func exponent(_ value: Double?) -> Double? {
        value.map { exp($0) }.flatMap { $0.isFinite ? $0 : nil }
    }

    private func difference(_ bootstrap: PairedBootstrap) -> PairedDifference? {
        guard let candidate, reference.value != nil, candidate.value != nil else { return nil }
        return PairedDifference(
            MeanDrop(
                reference: reference.mean, candidate: candidate.mean, higherIsBetter: Metric.higherIsBetter),
            bootstrap: bootstrap)
    }
}

extension MeanSquaredError: BatchMeanMetric {
    static var metric: Dataset.Metric { .mse }
    static func targets(of scored: ScoredBatch) throws -> [Float] { try scored.targets() }
}

extension MeanAbsoluteError: BatchMeanMetric {
    static var metric: Dataset.Metric { .mae }
    static func targets(of scored: ScoredBatch) throws -> [Float] { try scored.targets() }
}

extension CosineSimilarity: BatchMeanMetric {
    static var metric: Dataset.Metric { .cosine }

    /// The labels, and without labels the reference's own outputs.
    static func targets(of scored: ScoredBatch) throws -> [Float] {
        guard try scored.source.labels(rows: scored.batch.rows) != nil else { return scored.reference.values }
        return try scored.targets()
    }
}

extension Perplexity: BatchMeanMetric {
    static var metric: Dataset.Metric { .perplexity }

    /// The only integer input with a number for each row of logits; of several the one named `input_ids`, `tokens` or
    /// `ids`.
    static func targets(of scored: ScoredBatch) throws -> Tokens {
        let count = scored.reference.rowCount, samples = scored.reference.sampleCount
        func isTokens(_ tensor: Tensor) -> Bool {
            tensor.type.isInteger && tensor.shape.rank == 2
                && tensor.count * samples == count * tensor.shape.dimensions[0]
        }
        let fitting = scored.batch.inputs.filter { isTokens($0.value) }
        let preferred = ["input_ids", "tokens", "ids"].first { fitting[$0] != nil }
        let name = fitting.count == 1 ? fitting.keys.first : preferred
        guard let name, let ids = fitting[name]?.integers() else {
            throw EvaluationError(
                code: .invalidOutput, subject: "perplexity",
                problem: "\(fitting.count) integer inputs have a token for each of the \(count) rows of logits.",
                remedy:
                    "Perplexity needs logits [samples, tokens, vocabulary] and one token input [samples, "
                    + "tokens], called `tokens` or `input_ids`."
            )
        }
        let mask = name == "attention_mask" ? nil : fitting["attention_mask"]?.integers()
        return Tokens(ids: Array(ids.prefix(count)), mask: mask.map { $0.prefix(count).map { $0 != 0 } })
    }
}
