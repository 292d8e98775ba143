internal import PithModel
internal import PithTensor

/// Opens the files behind a `Dataset` and checks that they fit together and fit the graph.
struct DatasetBuilder {
    let path: String
    let graphInputs: [ValueInfo]

    private(set) var card: DataCard?
    private(set) var columns: [String: SampleColumn] = [:]
    private(set) var constants: [String: Tensor] = [:]
    private(set) var carried: [String: String] = [:]
    private(set) var labels: SampleColumn?
    private(set) var scores: [Double]?
    private(set) var notes: [String] = []
    /// Files that were read besides the one at `path`.
    private(set) var files: [String] = []
    private(set) var sampleCount = 0
    private(set) var metric = Dataset.Metric.fidelity
    /// The column that set `sampleCount`, for errors.
    private(set) var firstSubject: String?

    init(path: String, graphInputs: [ValueInfo]) {
        self.path = path
        self.graphInputs = graphInputs
    }

    // MARK: - A file of arrays

    /// Takes arrays named like the graph's inputs, and `labels`.
    mutating func read(_ archive: NPZArchive) throws(FormatError) {
        for name in archive.names {
            let subject = "\(path), array '\(name)'"
            if let input = graphInputs.first(where: { $0.name == name }) {
                let column = try SampleColumn(
                    archive.tensor(named: name), axes: nil, shape: nil, normalization: nil, type: input.type?.element,
                    subject: subject)
                try add(
                    column, for: input,
                    remedy: "Save it in the graph's shape, or use a data card with `axes` or `shape`.")
            } else if name == "labels" {
                labels = try DatasetBuilder.labels(archive.tensor(named: name), subject)
            } else {
                leaveOut(name)
            }
        }
        if hasClasses { metric = .accuracy } else { noteUnusedLabels() }
    }

    /// Whether the labels are numbers of classes.
    private var hasClasses: Bool { labels.map { $0.array.type.isInteger || $0.array.type == .bool } ?? false }

    private mutating func noteUnusedLabels() {
        guard let labels else { return }
        notes.append(
            "the labels are \(labels.array.type.rawValue), no class indices, and are not used: for numbers use a data card with "
                + "`metric: mse` or `mae`, for one column a class save the index of each sample's class.")
    }

    // MARK: - A data card

    /// Takes what a card says.
    mutating func read(_ card: DataCard) throws(FormatError) {
        self.card = card
        var files = DataFiles(relativeTo: path)
        for input in card.inputs {
            guard let graphInput = graphInputs.first(where: { $0.name == input.name }) else {
                leaveOut(input.name)
                continue
            }
            try read(input, for: graphInput, &files)
        }
        if let reference = card.labels {
            let subject = reference.reader.failure("file", "", "").subject
            labels = try DatasetBuilder.labels(files.tensor(reference), subject)
        }
        if let pairs = card.pairs { scores = try pairScores(pairs, card, &files) }
        self.files = files.paths
        metric = card.metric ?? (card.pairs != nil ? .spearman : hasClasses ? .accuracy : .fidelity)
        if card.metric == nil, metric == .fidelity { noteUnusedLabels() }
    }

    private mutating func read(
        _ input: DataCardInput, for graphInput: ValueInfo, _ files: inout DataFiles
    ) throws(FormatError) {
        carried[input.name] = input.carriedFrom
        switch input.source {
        case .file(let reference, let axes, let shape, let normalization):
            let column = try SampleColumn(
                files.tensor(reference), axes: axes, shape: shape, normalization: normalization,
                type: graphInput.type?.element, subject: input.reader.failure("file", "", "").subject)
            try add(column, for: graphInput, remedy: "Correct `axes` or `shape`.")
        case .value(let value):
            let tensor = try ConstantInput.tensor(value, like: graphInput.type, input.reader)
            try add(tensor, for: graphInput, input.reader.failure("value", "", "").subject)
        case .zeros(let dimensions):
            let tensor = try ConstantInput.zeros(dimensions, type: graphInput.type?.element, input.reader)
            try add(tensor, for: graphInput, input.reader.failure("zeros", "", "").subject)
        }
    }

    private func pairScores(
        _ pairs: DataCard.Pairs, _ card: DataCard, _ files: inout DataFiles
    ) throws(FormatError) -> [Double] {
        let file = card.inputs.lazy.compactMap { input in
            if case .file(let reference, _, _, _) = input.source { reference.file } else { nil }
        }.first
        guard let file else {
            throw pairs.reader.failure("score", "no input names a file to find it in.", "Give an input a `file`.")
        }
        let reference = DataCard.FileReference(file: file, array: pairs.score, reader: pairs.reader)
        let column = try DatasetBuilder.labels(
            files.tensor(reference), pairs.reader.failure("score", "", "").subject, as: .float64)
        guard column.sampleSize == 1 else {
            throw pairs.reader.failure(
                "score", "its array has several numbers a pair.", "Give one score for each pair.")
        }
        return try column.tensor(rows: Array(0..<column.sampleCount)).elements(as: Double.self)
    }

    private mutating func add(
        _ column: SampleColumn, for input: ValueInfo, remedy: String
    ) throws(FormatError) {
        // Which length the first axis has, the batch decides.
        let found = [nil] + column.sampleShape.map { Optional($0) }, wanted = input.type?.dimensions?.count
        try checkShape(found, of: input, column.subject, wanted == found.count - 1 ? Self.noSampleAxis : remedy)
        if firstSubject == nil { (firstSubject, sampleCount) = (column.subject, column.sampleCount) }
        guard column.sampleCount == sampleCount else { throw differing(column.subject, column.sampleCount) }
        columns[input.name] = column
    }

    /// What to do about an input that has one axis less than its data.
    private static let noSampleAxis =
        "An input without an axis for samples is the same for all of them: give it a `value` in a data card (one number "
        + "fills it). A model that has no other inputs takes no samples: export it with a batch axis."

    private mutating func add(_ constant: Tensor, for input: ValueInfo, _ subject: String) throws(FormatError) {
        try checkShape(constant.shape.dimensions.map { Optional($0) }, of: input, subject, "Give the graph's shape.")
        constants[input.name] = constant
    }

    private func checkShape(
        _ found: [Int?], of input: ValueInfo, _ subject: String, _ remedy: String
    ) throws(FormatError) {
        guard let wanted = input.type?.dimensions else { return }
        let fits =
            wanted.count == found.count
            && zip(wanted, found).allSatisfy { wanted, found in
                wanted.length == nil || found == nil || wanted.length == found
            }
        guard !fits else { return }
        let text = { (lengths: [Int?]) in lengths.map { $0.map(String.init) ?? "?" }.joined(separator: "x") }
        throw FormatError(
            code: .invalidCard, subject: subject,
            problem: "the data has the shape \(text(found)), and the graph's input '\(input.name)' takes "
                + "\(text(wanted.map(\.length))) (? is any length).", remedy: remedy)
    }

    private mutating func leaveOut(_ name: String) {
        notes.append("input '\(name)' is left out: the graph has no such input.")
    }

    /// Labels as the file has them; one number a sample loses its other axes.
    private static func labels(
        _ array: Tensor, _ subject: String, as type: ScalarType? = nil
    ) throws(FormatError) -> SampleColumn {
        let sample = array.shape.dimensions.dropFirst()
        return try SampleColumn(
            array, axes: nil, shape: sample.allSatisfy { $0 == 1 } ? [] : Array(sample), normalization: nil,
            type: type ?? array.type, subject: subject)
    }
}
