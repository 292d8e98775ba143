public import PithModel
public import PithTensor

/// Samples to calibrate on and samples to score, read from an `.npz` or a data card.
///
/// Files stay mapped (or inflated as raw bytes); only the rows asked for are rearranged, normalized and cast, so the
/// memory taken is the raw arrays and one batch. `value = (raw * scale - mean) / std`, each step rounded to float32.
public struct Dataset: Sendable {
    /// What a score measures; the raw value is its name in cards and reports, and never changes.
    public enum Metric: String, Sendable, Codable, CaseIterable {
        case accuracy
        case accuracyTop5 = "accuracy-top5"
        case f1, precision, recall, mse, mae, cosine, perplexity, spearman, fidelity

        /// Whether it compares outputs with labels; the others compare with the original, the input or human scores.
        public var needsLabels: Bool {
            switch self {
            case .accuracy, .accuracyTop5, .f1, .precision, .recall, .mse, .mae: true
            case .cosine, .perplexity, .spearman, .fidelity: false
            }
        }

        /// Whether its labels are class indices.
        public var isClassification: Bool { needsLabels && self != .mse && self != .mae }
    }

    /// The `.npz` or data card.
    public let path: String
    /// Every file that was read: the `.npz` or data card, then those that the card names, in its order.
    public let files: [String]
    /// What scores measure.
    public let metric: Metric
    /// Rows to calibrate on, half-open; with pairs they count pairs; empty when there are none.
    public let calibrationRows: Range<Int>
    /// Rows to score, half-open, never overlapping `calibrationRows`; with pairs they count pairs.
    public let evaluationRows: Range<Int>
    /// Samples per run as the card says; nil to use what the graph allows.
    public private(set) var batchSize: Int?
    /// The graph output that is scored, as the card says; nil for the graph's first.
    public let output: String?
    /// Graph inputs that take a graph output of the sample before, by input name; `inputs(rows:)` gives their first
    /// value.
    public let carried: [String: String]
    /// Rows i and i + offset form pair i; nil without pairs.
    public let pairOffset: Int?
    /// What was left out and why, in sentences.
    public private(set) var notes: [String]
    /// Number of samples in the files.
    public let sampleCount: Int

    let columns: [String: SampleColumn]
    private let constants: [String: Tensor]
    private let labelColumn: SampleColumn?
    private let scores: [Double]?

    /// Opens a `.npz` or a data card (YAML) for a graph with these required inputs.
    ///
    /// - Throws: `FormatError` `.missing` when a file, array or input is not there; `.invalidCard` when the card or the
    ///   arrays do not fit together or the graph; otherwise as the readers do.
    /// - Complexity: O(bytes of compressed arrays); stored arrays stay on disk.
    public init(path: String, graphInputs: [ValueInfo]) throws(FormatError) {
        let bytes = try MappedFile.bytes(of: path)
        var builder = DatasetBuilder(path: path, graphInputs: graphInputs)
        if ZIPArchive.matches(bytes) {
            try builder.read(NPZArchive(ZIPArchive(bytes, named: path)))
        } else {
            try builder.read(DataCard(path: path))
        }
        try self.init(builder)
    }

    private init(_ builder: DatasetBuilder) throws(FormatError) {
        let ranges = try builder.finish()
        path = builder.path
        files = [builder.path] + builder.files
        metric = builder.metric
        calibrationRows = ranges.calibration
        evaluationRows = ranges.evaluation
        batchSize = builder.card?.batchSize
        output = builder.card?.output
        carried = builder.carried
        pairOffset = builder.card?.pairs?.offset
        notes = builder.notes
        sampleCount = builder.sampleCount
        columns = builder.columns
        constants = builder.constants
        labelColumn = builder.labels
        scores = builder.scores
    }

    /// The same samples in runs of one, which `note` explains.
    public func oneByOne(note: String) -> Dataset {
        var copy = self
        copy.batchSize = 1
        copy.notes.append(note)
        return copy
    }

    /// Rows to run for a range: the range itself, or with pairs the first halves and then the second halves.
    public func sampleRows(_ range: Range<Int>) -> [Int] {
        Array(range) + (pairOffset.map { offset in range.map { $0 + offset } } ?? [])
    }

    /// Input tensors of the given rows, stacked along axis 0, converted and cast to the graph's input types.
    ///
    /// Inputs that are the same for every sample (`value`, `zeros`) come as they are, not stacked.
    ///
    /// - Throws: `FormatError` `.missing` for a row past the end, `.invalidCard` for a number that does not fit an
    ///   integer input.
    /// - Complexity: O(*n*) for the numbers of these rows, in time and memory.
    public func inputs(rows: [Int]) throws(FormatError) -> [String: Tensor] {
        try check(rows)
        var result = constants
        for (name, column) in columns { result[name] = try column.tensor(rows: rows) }
        return result
    }

    /// Labels of rows (class indices or regression targets) as the file's numbers; nil without labels.
    ///
    /// One number per sample has the shape `[rows]`, several keep their axes.
    ///
    /// - Throws: `FormatError` `.missing` for a row past the end.
    public func labels(rows: [Int]) throws(FormatError) -> Tensor? {
        try check(rows)
        return try labelColumn?.tensor(rows: rows)
    }

    /// Human scores of pairs; nil without pairs.
    ///
    /// - Throws: `FormatError` `.missing` for a pair past the end.
    public func pairScores(_ range: Range<Int>) throws(FormatError) -> [Double]? {
        guard let scores else { return nil }
        guard range.lowerBound >= 0, range.upperBound <= scores.count else {
            throw pastEnd("pairs", range, scores.count)
        }
        return Array(scores[range])
    }

    private func check(_ rows: [Int]) throws(FormatError) {
        guard let lowest = rows.min(), let highest = rows.max() else { return }
        guard lowest >= 0, highest < sampleCount else { throw pastEnd("rows", lowest..<highest + 1, sampleCount) }
    }

    private func pastEnd(_ what: String, _ range: Range<Int>, _ count: Int) -> FormatError {
        FormatError(
            code: .missing, subject: path, problem: "\(what) \(range) were asked for, and there are \(count).",
            remedy: "Ask for \(what) below \(count).")
    }
}
