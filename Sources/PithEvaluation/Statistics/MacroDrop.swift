/// How much worse the candidate's macro precision, recall or F1 is: `reference - candidate`.
struct MacroDrop: ResampledStatistic {
    private let labels: [Int]
    private let reference: [Int?]
    private let candidate: [Int?]
    private let score: ConfusionMatrix.ScoreName
    private let classCount: Int

    /// Takes a label and two predictions for each sample; classes are numbered anew, so that only those that occur
    /// cost memory.
    init(
        labels: [Int], reference: [Int?], candidate: [Int?], score: ConfusionMatrix.ScoreName
    ) {
        let present = Set(labels + (reference + candidate).compactMap { $0 }).sorted()
        let position = Dictionary(uniqueKeysWithValues: zip(present, present.indices))
        self.labels = labels.compactMap { position[$0] }
        self.reference = reference.map { $0.flatMap { position[$0] } }
        self.candidate = candidate.map { $0.flatMap { position[$0] } }
        self.score = score
        classCount = present.count
    }

    var sampleCount: Int { labels.count }

    func value(counts: [Int32]) -> Double? {
        guard let r = macro(of: reference, counts: counts), let c = macro(of: candidate, counts: counts) else {
            return nil
        }
        return r - c
    }

    /// As `ConfusionMatrix.macro`, without its table of cells: this runs once for each drawing.
    private func macro(of predictions: [Int?], counts: [Int32]) -> Double? {
        var tallies = [ClassTally](repeating: ClassTally(), count: classCount)
        for index in counts.indices where counts[index] > 0 {
            let times = Int(counts[index]), label = labels[index]
            tallies[label].support += times
            guard let predicted = predictions[index] else { continue }
            tallies[predicted].predicted += times
            if predicted == label { tallies[label].hits += times }
        }
        var sum = 0.0, present = 0.0
        for tally in tallies where tally.support > 0 {
            sum += tally.scores[score]
            present += 1
        }
        return present > 0 ? sum / present : nil
    }
}
