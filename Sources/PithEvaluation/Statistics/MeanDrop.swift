/// How much worse the candidate's mean is: `reference - candidate`, and for losses `(candidate - reference) /
/// reference`.
struct MeanDrop: ResampledStatistic {
    let reference: SampleMean
    let candidate: SampleMean
    let higherIsBetter: Bool

    var sampleCount: Int { reference.count }

    func value(counts: [Int32]) -> Double? {
        var r = 0.0, c = 0.0, weightR = 0.0, weightC = 0.0
        for index in counts.indices where counts[index] > 0 {
            let times = Double(counts[index])
            r += times * reference.sums[index]
            c += times * candidate.sums[index]
            weightR += times * reference.weights[index]
            weightC += times * candidate.weights[index]
        }
        guard weightR > 0, weightC > 0 else { return nil }
        return Self.drop(reference: r / weightR, candidate: c / weightC, higherIsBetter: higherIsBetter)
    }

    /// The drop between two scores; nil for a reference loss of zero that the candidate misses.
    static func drop(reference: Double, candidate: Double, higherIsBetter: Bool) -> Double? {
        if higherIsBetter { return reference - candidate }
        if reference > 0 { return (candidate - reference) / reference }
        return candidate == reference ? 0 : nil
    }
}
