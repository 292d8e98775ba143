/// How much worse the candidate's rank correlation with human scores is: `reference - candidate`.
struct RankDrop: ResampledStatistic {
    let reference: RankCorrelation
    let candidate: RankCorrelation
    let sampleCount: Int

    func value(counts: [Int32]) -> Double? {
        guard let r = reference.value(counts: counts), let c = candidate.value(counts: counts) else { return nil }
        return r - c
    }
}
