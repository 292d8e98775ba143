/// The mean of `(output - label)^2` over all numbers: metric `mse`, a loss.
///
/// - Complexity: O(numbers) time; one sum a sample, in double precision.
public struct MeanSquaredError: MeanMetric {
    public static let higherIsBetter = false
    public private(set) var mean = SampleMean()

    public init() {}

    /// Counts a batch; `targets` has a number for each number of the outputs, in the same order.
    ///
    /// - Throws: `EvaluationError` `.invalidLabels` when the counts differ.
    public mutating func add(_ outputs: OutputRows, against targets: [Float]) throws(EvaluationError) {
        try Self.check(targets, for: outputs, metric: "mse")
        for sample in 0..<outputs.sampleCount {
            let values = outputs.sample(sample)
            let sum = values.indices.reduce(0.0) { sum, index in
                let error = Double(values[index]) - Double(targets[index])
                return sum + error * error
            }
            mean.append(sum: sum, weight: Double(values.count))
        }
    }
}
