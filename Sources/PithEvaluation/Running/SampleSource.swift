public import PithFormats
public import PithTensor

/// Where samples and their labels come from: a `Dataset`, or arrays in memory.
public protocol SampleSource: Sendable {
    /// What the samples are scored by.
    var metric: Dataset.Metric { get }
    /// Rows (or pairs) to score.
    var evaluationRows: Range<Int> { get }
    /// Samples in a run as the data card says; nil: what the graph allows.
    var batchSize: Int? { get }
    /// The output that is scored; nil: the graph's first.
    var output: String? { get }
    /// Graph inputs that take an output of the sample before, by input.
    var carried: [String: String] { get }
    /// Distance between the two rows of a pair; nil: rows are samples of their own.
    var pairOffset: Int? { get }
    /// Rows to run for a range: the range itself, or the first halves of its pairs and then the second halves.
    func sampleRows(_ range: Range<Int>) -> [Int]
    /// Input tensors of the rows, stacked along the first axis; inputs that are the same for every sample as they are.
    func inputs(rows: [Int]) throws(FormatError) -> [String: Tensor]
    /// Labels of the rows, nil without labels.
    func labels(rows: [Int]) throws(FormatError) -> Tensor?
    /// Human scores of the pairs, nil without pairs.
    func pairScores(_ range: Range<Int>) throws(FormatError) -> [Double]?
}

extension Dataset: SampleSource {}
