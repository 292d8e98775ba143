internal import PithFormats
internal import PithTensor

/// One run of both models, ready to be scored.
struct ScoredBatch {
    let reference: OutputRows
    let candidate: OutputRows?
    let batch: Batch
    let source: any SampleSource

    /// The batch's labels.
    ///
    /// - Throws: `EvaluationError` `.missingLabels`, and what the source throws.
    func labels() throws -> Tensor {
        guard let labels = try source.labels(rows: batch.rows) else {
            throw EvaluationError(
                code: .missingLabels, subject: "metric '\(source.metric.rawValue)'",
                problem: "the data have no labels.",
                remedy: "Add `labels` to the data, or use `metric: fidelity`.")
        }
        return labels
    }

    /// The batch's labels as numbers.
    func targets() throws -> [Float] {
        let labels = try labels()
        guard let numbers = labels.floats() else {
            throw EvaluationError(
                code: .invalidLabels, subject: "labels",
                problem: "they hold \(labels.type.rawValue), not real numbers.",
                remedy: "Give labels as numbers.")
        }
        return numbers
    }
}

/// Scores a reference and perhaps a candidate on the same samples, batch by batch.
protocol PairedScorer: Sendable {
    /// Counts a run.
    mutating func add(_ scored: ScoredBatch) throws
    /// The scores with their paired difference.
    func result(bootstrap: PairedBootstrap) -> AccuracyReport
    /// Scores of each class, for classification only.
    func classes() -> ClassReport?
}

extension PairedScorer {
    func classes() -> ClassReport? { nil }
}
