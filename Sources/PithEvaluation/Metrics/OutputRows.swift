public import PithTensor

/// One output of a model for a batch of samples, seen as rows along its last axis.
///
/// Trailing axes of length one are dropped while more than two remain, so `[N, C, 1, 1]` reads as `[N, C]`.
///
/// | output       | samples | rows a sample | width |
/// | ------------ | ------- | ------------- | ----- |
/// | `[N, C]`     | N       | 1             | C     |
/// | `[N, T, V]`  | N       | T             | V     |
/// | `[N]`        | N       | 1             | 1     |
public struct OutputRows: Sendable {
    /// The numbers in row-major order: `sampleCount * rowsPerSample * width`.
    public let values: [Float]
    /// Number of samples in the batch.
    public let sampleCount: Int
    /// Rows that one sample has.
    public let rowsPerSample: Int
    /// Numbers in a row.
    public let width: Int
    /// Whether the model answered with integers or booleans, such as a class index.
    public let isInteger: Bool

    /// Reads `tensor` as the output of `samples` samples.
    ///
    /// A single sample may have any shape; several must lie along the first axis. `isBatchFixed` says that the graph, not the
    /// data card, has chosen how many samples there are.
    /// - Throws: `EvaluationError` `.invalidOutput` for outputs that are no numbers or are not stacked by sample.
    public init(
        _ tensor: Tensor, samples: Int, isBatchFixed: Bool = false, name: String
    ) throws(EvaluationError) {
        guard let values = tensor.floats() else {
            throw EvaluationError(
                code: .invalidOutput, subject: "output '\(name)'",
                problem: "it holds \(tensor.type.rawValue), not real numbers.",
                remedy: "Name another output in the data card with `output`.")
        }
        var axes = tensor.shape.dimensions
        if axes.first != samples {
            guard samples == 1 else {
                throw EvaluationError(
                    code: .invalidOutput, subject: "output '\(name)'",
                    problem: "its shape \(tensor.shape) does not start with the \(samples) samples of the batch.",
                    remedy: isBatchFixed
                        ? "The graph fixes the first axis of its inputs: where that is not the samples' axis, export the "
                            + "model with one; else name another output with `output`."
                        : "Set `batch: 1` in the data card, or name another output with `output`.")
            }
            axes.insert(1, at: 0)
        }
        while axes.count > 2, axes.last == 1 { axes.removeLast() }
        self.values = values
        sampleCount = samples
        width = axes.count > 1 ? axes[axes.count - 1] : 1
        rowsPerSample = axes.dropFirst().dropLast().reduce(1, *)
        isInteger = tensor.type.isInteger || tensor.type == .bool
    }

    /// Wraps numbers whose layout is known.
    public init(_ values: [Float], sampleCount: Int, rowsPerSample: Int = 1, isInteger: Bool = false) {
        let rows = sampleCount * rowsPerSample
        precondition(rows > 0 && values.count % rows == 0, "\(values.count) numbers do not make \(rows) rows.")
        self.values = values
        self.sampleCount = sampleCount
        self.rowsPerSample = rowsPerSample
        width = values.count / rows
        self.isInteger = isInteger
    }

    /// Number of rows of all samples.
    public var rowCount: Int { sampleCount * rowsPerSample }

    /// Where the numbers of `row` lie in `values`.
    public func range(ofRow row: Int) -> Range<Int> { row * width..<(row + 1) * width }

    /// The numbers of one sample.
    public func sample(_ index: Int) -> ArraySlice<Float> {
        let length = rowsPerSample * width
        return values[index * length..<(index + 1) * length]
    }

    /// The index of the largest number of `row`, the first among equals; nil when the row is empty or holds a NaN.
    public func topClass(ofRow row: Int) -> Int? {
        let range = range(ofRow: row)
        var best: Int?
        for index in range {
            let value = values[index]
            if value.isNaN { return nil }
            if let top = best, values[top] >= value { continue }
            best = index
        }
        return best.map { $0 - range.lowerBound }
    }

    /// Whether `label` is among the `count` largest numbers of `row`; equals count by index, a row with a NaN never
    /// does.
    public func isTop(_ label: Int, ofRow row: Int, among count: Int) -> Bool {
        let range = range(ofRow: row), own = values[range.lowerBound + label]
        var above = 0
        for index in range {
            let value = values[index]
            if value.isNaN { return false }
            if value > own || (value == own && index < range.lowerBound + label) { above += 1 }
        }
        return above < count
    }
}
