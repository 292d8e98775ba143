/// The mean over rows of the cosine between output and target along the last axis: metric `cosine`.
///
/// `cosine = sum(x y) / sqrt(sum(x^2) sum(y^2))`. Two rows of zeros have the cosine 1; one row of zeros, or a row
/// with a number that is not finite, has 0.
///
/// - Complexity: O(numbers) time; one sum a sample, in double precision.
public struct CosineSimilarity: MeanMetric {
    public static let higherIsBetter = true
    public private(set) var mean = SampleMean()

    public init() {}

    /// Counts a batch; `targets` has a number for each number of the outputs, in the same order.
    ///
    /// - Throws: `EvaluationError` `.invalidLabels` when the counts differ.
    public mutating func add(_ outputs: OutputRows, against targets: [Float]) throws(EvaluationError) {
        try Self.check(targets, for: outputs, metric: "cosine")
        for sample in 0..<outputs.sampleCount {
            let rows = sample * outputs.rowsPerSample..<(sample + 1) * outputs.rowsPerSample
            let sum = rows.reduce(0.0) { sum, row in
                let range = outputs.range(ofRow: row)
                return sum + Self.cosine(outputs.values[range], targets[range])
            }
            mean.append(sum: sum, weight: Double(rows.count))
        }
    }

    /// The cosine between two rows of equal length, from -1 to 1.
    public static func cosine(_ left: ArraySlice<Float>, _ right: ArraySlice<Float>) -> Double {
        precondition(left.count == right.count, "Rows of \(left.count) and \(right.count) numbers have no cosine.")
        var dot = 0.0, a = 0.0, b = 0.0
        let shift = right.startIndex - left.startIndex
        for index in left.indices {
            let x = Double(left[index]), y = Double(right[index + shift])
            dot += x * y
            a += x * x
            b += y * y
        }
        return cosine(dot: dot, a, b)
    }

    /// The cosine from `sum(x y)`, `sum(x^2)` and `sum(y^2)`.
    static func cosine(dot: Double, _ a: Double, _ b: Double) -> Double {
        guard dot.isFinite, a.isFinite, b.isFinite else { return 0 }
        if a == 0 || b == 0 { return a == b ? 1 : 0 }
        return min(max(dot / (a * b).squareRoot(), -1), 1)
    }
}
