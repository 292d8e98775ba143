internal import PithFormats

/// Scores `accuracy`, `accuracy-top5`, `precision`, `recall` and `f1` (macro).
struct PairedClassification: PairedScorer {
    let metric: Dataset.Metric
    private var reference = ClassificationScores()
    private var candidate: ClassificationScores?

    init(metric: Dataset.Metric) { self.metric = metric }

    mutating func add(_ scored: ScoredBatch) throws {
        let labels = try ClassificationScores.classes(from: scored.labels(), samples: scored.batch.rows.count)
        try reference.add(scored.reference, labels: labels)
        guard let outputs = scored.candidate else { return }
        var scores = candidate ?? ClassificationScores()
        candidate = nil
        try scores.add(outputs, labels: labels)
        candidate = scores
    }

    func result(bootstrap: PairedBootstrap) -> AccuracyReport {
        let threshold = reference.threshold
        return AccuracyReport(
            metric: metric, reference: score(reference, threshold),
            candidate: candidate.flatMap { score($0, threshold) },
            difference: difference(threshold, bootstrap), samples: reference.labels.count)
    }

    func classes() -> ClassReport? {
        let threshold = reference.threshold
        return ClassReport(
            reference: reference.confusion(threshold: threshold),
            candidate: candidate?.confusion(threshold: threshold))
    }

    private func score(_ scores: ClassificationScores, _ threshold: Float) -> Double? {
        switch metric {
        case .accuracyTop5:
            let hits = scores.topFiveHits
            return hits.isEmpty ? nil : Double(hits.count { $0 }) / Double(hits.count)
        case .precision, .recall, .f1:
            return scores.confusion(threshold: threshold).macro?[macroScore]
        default: return scores.confusion(threshold: threshold).accuracy
        }
    }

    private var macroScore: ConfusionMatrix.ScoreName {
        switch metric {
        case .precision: .precision
        case .recall: .recall
        default: .f1
        }
    }

    private func difference(_ threshold: Float, _ bootstrap: PairedBootstrap) -> PairedDifference? {
        guard let candidate, !reference.labels.isEmpty else { return nil }
        let labels = reference.labels
        let ours = reference.predictions(threshold: threshold), theirs = candidate.predictions(threshold: threshold)
        switch metric {
        case .accuracyTop5:
            return PairedDifference(
                PairedProportions(reference: reference.topFiveHits, candidate: candidate.topFiveHits))
        case .precision, .recall, .f1:
            return PairedDifference(
                MacroDrop(labels: labels, reference: ours, candidate: theirs, score: macroScore), bootstrap: bootstrap,
                leastMargin: PairedDifference.agreementMargin(samples: labels.count))
        default:
            return PairedDifference(
                PairedProportions(
                    reference: zip(ours, labels).map { $0 == $1 }, candidate: zip(theirs, labels).map { $0 == $1 }))
        }
    }
}
