import PithEvaluation
import PithFormats
import PithTensor

/// Samples held in memory: one input whose first axis counts them.
struct MemorySamples: SampleSource {
    let name: String
    let values: Tensor
    var batchSize: Int?

    init(_ name: String, _ values: Tensor, batchSize: Int? = nil) {
        self.name = name
        self.values = values
        self.batchSize = batchSize
    }

    var metric: Dataset.Metric { .fidelity }
    var evaluationRows: Range<Int> { 0..<(values.shape.dimensions.first ?? 0) }
    var output: String? { nil }
    var carried: [String: String] { [:] }
    var pairOffset: Int? { nil }
    func sampleRows(_ range: Range<Int>) -> [Int] { Array(range) }

    func inputs(rows: [Int]) throws(FormatError) -> [String: Tensor] {
        let all = values.elements(as: Float.self), size = values.count / max(evaluationRows.count, 1)
        let chosen = rows.flatMap { all[$0 * size..<($0 + 1) * size] }
        guard let shape = try? Shape([rows.count] + values.shape.dimensions.dropFirst()) else {
            throw FormatError(code: .corrupt, subject: name, problem: "no shape.", remedy: "Correct the test.")
        }
        return [name: Tensor(chosen, shape: shape)]
    }

    func labels(rows: [Int]) throws(FormatError) -> Tensor? { nil }
    func pairScores(_ range: Range<Int>) throws(FormatError) -> [Double]? { nil }
}
