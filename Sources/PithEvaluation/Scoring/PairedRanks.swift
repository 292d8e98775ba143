internal import PithFormats

/// Scores `spearman`: the cosine between the outputs of a pair's two rows, ranked against human scores.
struct PairedRanks: PairedScorer {
    private var scores: [Double] = []
    private var reference: [Double] = []
    private var candidate: [Double] = []
    /// First halves whose second half has not been run yet, by pair; never more than one group of runs.
    private var waiting: [Int: (reference: ArraySlice<Float>, candidate: ArraySlice<Float>?)] = [:]

    mutating func add(_ scored: ScoredBatch) throws {
        let batch = scored.batch
        for index in batch.rows.indices {
            let (unit, isSecond) = batch.pair(at: index)
            let ours = scored.reference.sample(index), theirs = scored.candidate?.sample(index)
            guard isSecond, let first = waiting.removeValue(forKey: unit) else {
                waiting[unit] = (ours, theirs)
                continue
            }
            reference.append(CosineSimilarity.cosine(first.reference, ours))
            if let theirs, let other = first.candidate { candidate.append(CosineSimilarity.cosine(other, theirs)) }
        }
        guard batch.positions.upperBound == batch.units.count * 2 else { return }
        scores += try humanScores(of: batch.units, from: scored.source)
    }

    func result(bootstrap: PairedBootstrap) -> AccuracyReport {
        let ours = RankCorrelation(reference, scores)
        let theirs = candidate.isEmpty ? nil : RankCorrelation(candidate, scores)
        return AccuracyReport(
            metric: .spearman, reference: ours.value, candidate: theirs?.value,
            difference: theirs.flatMap {
                PairedDifference(
                    RankDrop(reference: ours, candidate: $0, sampleCount: scores.count), bootstrap: bootstrap)
            }, samples: scores.count)
    }

    private func humanScores(of units: Range<Int>, from source: any SampleSource) throws -> [Double] {
        guard let values = try source.pairScores(units) else {
            throw EvaluationError(
                code: .missingLabels, subject: "metric 'spearman'", problem: "the data have no pairs with scores.",
                remedy: "Add `pairs: { score: ARRAY, offset: N }` to the data card.")
        }
        guard values.count == units.count, !values.contains(where: { $0.isNaN }) else {
            throw EvaluationError(
                code: .invalidLabels, subject: "metric 'spearman'",
                problem: "the pairs \(units) do not have a score each that is a number.",
                remedy: "Correct the array that `pairs` names.")
        }
        return values
    }
}
