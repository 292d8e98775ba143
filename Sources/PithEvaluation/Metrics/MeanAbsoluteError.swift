/// The mean of `|output - label|` over all numbers: metric `mae`, a loss.
///
/// - Complexity: O(numbers) time; one sum a sample, in double precision.
public struct MeanAbsoluteError: MeanMetric {
    public static let higherIsBetter = false
    public private(set) var mean = SampleMean()

    public init() {}

    /// Counts a batch; `targets` has a number for each number of the outputs, in the same order.
    ///
    /// - Throws: `EvaluationError` `.invalidLabels` when the counts differ.
    public mutating func add(_ outputs: OutputRows, against targets: [Float]) throws(EvaluationError) {
        try Self.check(targets, for: outputs, metric: "mae")
        for sample in 0..<outputs.sampleCount {
            let values = outputs.sample(sample)
            let sum = values.indices.reduce(0.0) { $0 + abs(Double(values[$1]) - Double(targets[$1])) }
            mean.append(sum: sum, weight: Double(values.count))
        }
    }
}
