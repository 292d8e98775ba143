/// What decides the scores of one class.
struct ClassTally: Sendable, Hashable {
    /// Samples of the class that were taken for it.
    var hits = 0
    /// Samples that were taken for the class.
    var predicted = 0
    /// Samples of the class.
    var support = 0

    /// Precision, recall and F1; a fraction whose denominator is zero counts as 0.
    var scores: ConfusionMatrix.Scores {
        func ratio(_ part: Int, _ whole: Int) -> Double { whole == 0 ? 0 : Double(part) / Double(whole) }
        return ConfusionMatrix.Scores(
            precision: ratio(hits, predicted), recall: ratio(hits, support), f1: ratio(2 * hits, predicted + support))
    }
}
