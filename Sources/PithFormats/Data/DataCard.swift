/// What a data card says: where inputs and labels come from and how raw bytes become numbers.
///
/// The card is read and its keys are checked here; the files it names are opened by `DatasetBuilder`.
struct DataCard {
    /// One array of one file.
    struct FileReference {
        /// Path as the card writes it, relative to the card.
        let file: String
        /// Array inside an `.npz`.
        let array: String?
        /// Where the card says so, for errors.
        let reader: ConfigurationReader
    }

    /// How pairs of rows are scored.
    struct Pairs {
        /// Array of human scores, in the file of the first input.
        let score: String
        /// Rows i and i + offset are a pair.
        let offset: Int
        let reader: ConfigurationReader
    }

    /// Inputs in the order of the card.
    let inputs: [DataCardInput]
    let labels: FileReference?
    let metric: Dataset.Metric?
    let batchSize: Int?
    let calibration: Range<Int>?
    let evaluation: Range<Int>?
    let output: String?
    let pairs: Pairs?
    /// The keys of the card, for errors.
    let reader: ConfigurationReader

    static let keys = ["inputs", "labels", "metric", "batch", "calibrate", "evaluate", "output", "pairs"]

    /// Reads the card at `path`.
    ///
    /// - Throws: `FormatError` `.missing` or `.invalidCard`, naming the line and the key.
    init(path: String) throws(FormatError) {
        try self.init(YAMLDocument.read(path: path), named: path)
    }

    /// Takes the values of a card; `name` is its file in errors.
    init(_ value: ConfigurationValue, named name: String) throws(FormatError) {
        let reader = try ConfigurationReader(value, named: name)
        try reader.refuseKeys(except: DataCard.keys)
        guard let inputs = try reader.reader("inputs"), !inputs.map.entries.isEmpty else {
            throw reader.failure("inputs", "the card names no inputs.", "Say where each graph input's data is.")
        }
        var list: [DataCardInput] = []
        for entry in inputs.map.entries { list.append(try DataCardInput(entry.key, in: inputs)) }
        self.inputs = list
        self.reader = reader
        labels = try reader.reader("labels").map { (labels) throws(FormatError) in
            try labels.refuseKeys(except: ["file", "array"])
            return try DataCard.file(labels)
        }
        metric = try DataCard.metric(reader)
        batchSize = try reader.integer("batch")
        if let batchSize, batchSize < 1 {
            throw reader.failure("batch", "a batch of \(batchSize) samples can not be run.", "Give 1 or more.")
        }
        calibration = try DataCard.range("calibrate", reader)
        evaluation = try DataCard.range("evaluate", reader)
        output = try reader.string("output")
        pairs = try DataCard.pairs(reader)
        try checkCombinations()
    }

    /// The file that `reader`'s map names.
    static func file(_ reader: ConfigurationReader) throws(FormatError) -> FileReference {
        guard let file = try reader.string("file") else {
            throw reader.failure("file", "it is missing.", "Name the file, relative to the card.")
        }
        return FileReference(file: file, array: try reader.string("array"), reader: reader)
    }

    private static func metric(_ reader: ConfigurationReader) throws(FormatError) -> Dataset.Metric? {
        guard let name = try reader.string("metric") else { return nil }
        guard let metric = Dataset.Metric(rawValue: name) else {
            let known = Dataset.Metric.allCases.map(\.rawValue).joined(separator: ", ")
            throw reader.failure("metric", "the metric '\(name)' is unknown.", "Known metrics: \(known).")
        }
        return metric
    }

    private static func range(_ key: String, _ reader: ConfigurationReader) throws(FormatError) -> Range<Int>? {
        guard let bounds = try reader.integers(key) else { return nil }
        guard bounds.count == 2, bounds[0] >= 0, bounds[0] < bounds[1] else {
            throw reader.failure(
                key, "\(bounds) is no range of at least one row.",
                "Write [first, end] with 0 <= first < end; the end is not part of it.")
        }
        return bounds[0]..<bounds[1]
    }

    private static func pairs(_ reader: ConfigurationReader) throws(FormatError) -> Pairs? {
        guard let pairs = try reader.reader("pairs") else { return nil }
        try pairs.refuseKeys(except: ["score", "offset"])
        guard let score = try pairs.string("score"), let offset = try pairs.integer("offset"), offset > 0 else {
            throw reader.failure(
                "pairs", "it needs `score`, the array of scores, and `offset`, a positive number of rows.",
                "Write `pairs: { score: ARRAY, offset: N }`.")
        }
        return Pairs(score: score, offset: offset, reader: pairs)
    }

    private func checkCombinations() throws(FormatError) {
        if let calibration, let evaluation, calibration.overlaps(evaluation) {
            throw reader.failure(
                "evaluate", "rows \(evaluation) overlap the rows \(calibration) of `calibrate`.",
                "Score only rows that were not calibrated on.")
        }
        if metric == .spearman, pairs == nil {
            throw reader.failure(
                "metric", "spearman compares scores of pairs, and the card has none.",
                "Add `pairs: { score: ARRAY, offset: N }`.")
        }
        if pairs != nil, let metric, metric != .spearman {
            throw reader.failure("pairs", "the metric \(metric.rawValue) has no pairs.", "Use `metric: spearman`.")
        }
        if let carried = inputs.first(where: { $0.carriedFrom != nil }), let batchSize, batchSize != 1 {
            throw reader.failure(
                "batch",
                "input '\(carried.name)' carries state from sample to sample, so \(batchSize) can not run at once.",
                "Use `batch: 1`.")
        }
    }
}
