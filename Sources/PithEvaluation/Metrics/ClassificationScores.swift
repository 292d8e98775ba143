public import PithTensor

/// The classes one model predicts, gathered batch by batch.
///
/// Outputs are `[N, C]` or `[N, C, 1, 1]` (the largest number wins, the first among equals), integers `[N]` (the
/// class itself), or one real number a sample, which decides between class 0 and class 1 by a threshold: .5 when
/// every number of the reference model lies in 0...1, and 0 (a logit) otherwise. A row with a NaN has no prediction
/// and is wrong.
///
/// - Complexity: memory of one prediction a sample.
public struct ClassificationScores: Sendable {
    /// One more than the largest class index that is accepted, so that damaged labels can not claim memory.
    public static let classLimit = 1 << 20

    /// The label of each sample.
    public private(set) var labels: [Int] = []
    /// Whether the label was among the five largest numbers, by sample.
    public private(set) var topFiveHits: [Bool] = []
    /// Number of classes the outputs tell apart.
    public private(set) var classCount = 0
    private var predictions: [Int?] = []
    /// Scores of a model with one real output, by sample; their threshold is known at the end only.
    private var decisions: [Float] = []

    /// Starts without samples.
    public init() {}

    /// Counts a batch; `labels` has one class index for each sample.
    ///
    /// - Throws: `EvaluationError` `.invalidOutput` for outputs of several rows a sample, `.invalidLabels` for a label
    ///   that is no class of the output.
    public mutating func add(_ outputs: OutputRows, labels: [Int]) throws(EvaluationError) {
        guard outputs.rowsPerSample == 1, outputs.width > 0 else {
            throw EvaluationError(
                code: .invalidOutput, subject: "classification",
                problem:
                    "the output has \(outputs.rowsPerSample) rows of \(outputs.width) numbers for each sample, "
                    + "not one row of classes.",
                remedy: "Name the output with the classes in the data card, or use `metric: fidelity`.")
        }
        let isClass = outputs.isInteger && outputs.width == 1
        let classes = outputs.width > 1 ? outputs.width : 2
        if !isClass, let bad = labels.first(where: { $0 >= classes }) {
            throw EvaluationError(
                code: .invalidLabels, subject: "labels",
                problem: "label \(bad) is no class of the output, whose classes are 0..<\(classes).",
                remedy: "Check that the labels belong to this model.")
        }
        classCount = isClass ? classCount : classes
        for (sample, label) in labels.enumerated() { add(outputs, sample: sample, label: label, isClass: isClass) }
        self.labels += labels
    }

    private mutating func add(_ outputs: OutputRows, sample: Int, label: Int, isClass: Bool) {
        if isClass {
            let value = outputs.values[sample]
            let predicted = value >= 0 && value < Float(Self.classLimit) ? Int(value) : nil
            predictions.append(predicted)
            topFiveHits.append(predicted == label)
        } else if outputs.width == 1 {
            decisions.append(outputs.values[sample])
            topFiveHits.append(!outputs.values[sample].isNaN)
        } else {
            predictions.append(outputs.topClass(ofRow: sample))
            topFiveHits.append(outputs.isTop(label, ofRow: sample, among: 5))
        }
    }

    /// What decides between class 0 and class 1 for models with one real output: .5 for probabilities, 0 for logits.
    public var threshold: Float {
        decisions.allSatisfy { $0 >= 0 && $0 <= 1 } ? 0.5 : 0
    }

    /// The predicted class of each sample, nil for none; `threshold` is the reference model's.
    public func predictions(threshold: Float) -> [Int?] {
        decisions.isEmpty ? predictions : decisions.map { $0.isNaN ? nil : $0 > threshold ? 1 : 0 }
    }

    /// Labels against predictions.
    public func confusion(threshold: Float) -> ConfusionMatrix {
        var matrix = ConfusionMatrix(classCount: classCount)
        for (label, predicted) in zip(labels, predictions(threshold: threshold)) {
            matrix.add(label: label, predicted: predicted)
        }
        return matrix
    }

    /// Class indices from a labels tensor `[N]` or `[N, 1]` of integers or whole real numbers.
    ///
    /// - Throws: `EvaluationError` `.invalidLabels` when there is not one for each sample, or one is negative or no
    ///   whole number.
    public static func classes(from labels: Tensor, samples: Int) throws(EvaluationError) -> [Int] {
        func failure(_ problem: String) -> EvaluationError {
            EvaluationError(
                code: .invalidLabels, subject: "labels", problem: problem,
                remedy: "Class labels are one index from 0 up for each sample.")
        }
        guard labels.count == samples else {
            throw failure("\(labels.shape) labels do not give each of \(samples) samples one class.")
        }
        if let integers = labels.integers() {
            if let bad = integers.first(where: { $0 < 0 || $0 >= classLimit }) {
                throw failure("\(bad) is no class index.")
            }
            return integers
        }
        guard let numbers = labels.floats() else {
            throw failure("\(labels.type.rawValue) labels are no class indices.")
        }
        if let bad = numbers.first(where: { !($0 >= 0 && $0 < Float(classLimit) && $0 == $0.rounded()) }) {
            throw failure("\(bad) is no class index.")
        }
        return numbers.map { Int($0) }
    }
}
