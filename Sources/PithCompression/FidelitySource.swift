package import PithEvaluation
package import PithFormats
package import PithTensor

/// A source's samples without its labels: only outputs are compared.
package struct FidelitySource: SampleSource {
    private let base: any SampleSource
    private let batch: Int?

    /// The samples of `base`, `batch` at a time where `base` does not say.
    package init(_ base: any SampleSource, batch: Int? = nil) { (self.base, self.batch) = (base, batch) }

    package var metric: Dataset.Metric { .fidelity }
    package var evaluationRows: Range<Int> { base.evaluationRows }
    package var batchSize: Int? { base.batchSize ?? batch }
    package var output: String? { base.output }
    package var carried: [String: String] { base.carried }
    package var pairOffset: Int? { base.pairOffset }
    package func sampleRows(_ range: Range<Int>) -> [Int] { base.sampleRows(range) }
    package func inputs(rows: [Int]) throws(FormatError) -> [String: Tensor] { try base.inputs(rows: rows) }
    package func labels(rows: [Int]) throws(FormatError) -> Tensor? { nil }
    package func pairScores(_ range: Range<Int>) throws(FormatError) -> [Double]? { nil }
}
