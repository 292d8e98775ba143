/// How often each class was taken for each class.
///
/// `precision = hits / predicted`, `recall = hits / support`, `f1 = 2 hits / (predicted + support)`; a fraction
/// whose denominator is zero counts as 0. Macro averages run over the classes that occur among the labels.
///
/// - Complexity: memory O(classes + distinct pairs of label and prediction), whatever the number of samples.
/// - Deviation: scikit-learn averages over classes among labels *or* predictions. The two are equal when every
///   predicted class has a label; otherwise a class that only one of two models predicts would move the average by a
///   jump.
public struct ConfusionMatrix: Sendable, Hashable {
    /// A label with what was predicted for it.
    public struct Cell: Sendable, Hashable {
        /// What the sample is.
        public let label: Int
        /// What it was taken for.
        public let predicted: Int

        /// Creates a cell.
        public init(label: Int, predicted: Int) {
            self.label = label
            self.predicted = predicted
        }
    }

    /// Which score of a class.
    public enum ScoreName: String, Sendable, CaseIterable {
        case precision, recall, f1
    }

    /// Precision, recall and F1 of one class or their macro averages.
    public struct Scores: Sendable, Hashable, Codable {
        /// Part of the predictions of a class that are right.
        public let precision: Double
        /// Part of the samples of a class that are found.
        public let recall: Double
        /// Harmonic mean of the two.
        public let f1: Double

        /// Takes the three scores, each from 0 to 1.
        public init(precision: Double, recall: Double, f1: Double) {
            self.precision = precision
            self.recall = recall
            self.f1 = f1
        }

        /// The score of that name.
        public subscript(name: ScoreName) -> Double {
            switch name {
            case .precision: precision
            case .recall: recall
            case .f1: f1
            }
        }
    }

    /// Number of classes: one more than the largest index seen or stated.
    public private(set) var classCount: Int
    /// Number of samples.
    public private(set) var total = 0
    /// Counts of the pairs that occurred with a valid prediction.
    public private(set) var cells: [Cell: Int] = [:]
    private var tallies: [ClassTally]

    /// Starts with no samples and at least `classCount` classes.
    public init(classCount: Int = 0) {
        self.classCount = classCount
        tallies = Array(repeating: ClassTally(), count: classCount)
    }

    /// Counts `count` samples of class `label`; nil as prediction (a row with a NaN) is wrong for every class.
    public mutating func add(label: Int, predicted: Int?, count: Int = 1) {
        precondition(label >= 0 && predicted ?? 0 >= 0, "A class index must not be negative.")
        let needed = max(label, predicted ?? 0) + 1
        if needed > classCount {
            tallies += Array(repeating: ClassTally(), count: needed - classCount)
            classCount = needed
        }
        total += count
        tallies[label].support += count
        guard let predicted else { return }
        tallies[predicted].predicted += count
        cells[Cell(label: label, predicted: predicted), default: 0] += count
        if predicted == label { tallies[label].hits += count }
    }

    /// The part of the samples whose class was found; nil without samples.
    public var accuracy: Double? {
        total == 0 ? nil : Double(tallies.reduce(0) { $0 + $1.hits }) / Double(total)
    }

    /// Number of samples whose label is `index`.
    public func support(of index: Int) -> Int { tallies[index].support }

    /// Scores of one class.
    public func scores(of index: Int) -> Scores { tallies[index].scores }

    /// Means of the scores over the classes that have labels; nil without samples.
    public var macro: Scores? {
        let present = tallies.filter { $0.support > 0 }.map(\.scores)
        guard !present.isEmpty else { return nil }
        let count = Double(present.count)
        return Scores(
            precision: present.reduce(0) { $0 + $1.precision } / count,
            recall: present.reduce(0) { $0 + $1.recall } / count, f1: present.reduce(0) { $0 + $1.f1 } / count)
    }

    /// The counts as rows of labels and columns of predictions.
    ///
    /// - Complexity: O(classes squared).
    public var rows: [[Int]] {
        var rows = [[Int]](repeating: [Int](repeating: 0, count: classCount), count: classCount)
        for (cell, count) in cells { rows[cell.label][cell.predicted] = count }
        return rows
    }
}
