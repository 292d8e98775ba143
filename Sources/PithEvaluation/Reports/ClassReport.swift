/// Precision, recall and F1 of each class, and which classes were taken for which.
public struct ClassReport: Sendable, Hashable {
    /// Scores of one class.
    public struct Entry: Sendable, Hashable, Codable {
        /// The class.
        public var index: Int
        /// Samples with this label.
        public var support: Int
        /// What the reference makes of it.
        public var reference: ConfusionMatrix.Scores
        /// Null without a candidate.
        public var candidate: ConfusionMatrix.Scores?
    }

    /// The most classes whose whole table of confusions is written.
    public static let largestTable = 100
    /// Classes that have labels or predictions, in order.
    public var entries: [Entry]
    /// The reference's means over the classes with labels.
    public var macroReference: ConfusionMatrix.Scores?
    /// The candidate's means over the classes with labels.
    public var macroCandidate: ConfusionMatrix.Scores?
    /// Counts by label (row) and prediction (column); null for more than `largestTable` classes.
    public var confusionReference: [[Int]]?
    /// The same for the candidate.
    public var confusionCandidate: [[Int]]?

    /// Tells what two matrices hold.
    public init(reference: ConfusionMatrix, candidate: ConfusionMatrix?) {
        let count = max(reference.classCount, candidate?.classCount ?? 0)
        let used = Set(
            (Array(reference.cells.keys) + Array((candidate?.cells ?? [:]).keys)).flatMap { [$0.label, $0.predicted] })
        let none = ConfusionMatrix.Scores(precision: 0, recall: 0, f1: 0)
        entries = (0..<count).compactMap { index in
            let support = index < reference.classCount ? reference.support(of: index) : 0
            guard support > 0 || used.contains(index) else { return nil }
            return Entry(
                index: index, support: support,
                reference: index < reference.classCount ? reference.scores(of: index) : none,
                candidate: candidate.map { index < $0.classCount ? $0.scores(of: index) : none })
        }
        macroReference = reference.macro
        macroCandidate = candidate?.macro
        confusionReference = reference.classCount > Self.largestTable ? nil : reference.rows
        confusionCandidate = candidate.flatMap { $0.classCount > Self.largestTable ? nil : $0.rows }
    }
}

extension ClassReport: Codable {}
