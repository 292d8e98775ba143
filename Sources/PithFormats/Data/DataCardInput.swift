/// What a data card says about one input.
struct DataCardInput {
    /// Where the numbers come from.
    enum Source {
        /// An array whose rows are samples, after `axes` and `shape`.
        case file(DataCard.FileReference, axes: [Int]?, shape: [Int]?, Normalization?)
        /// The same numbers for every sample.
        case value(ConfigurationValue)
        /// Zeros of this shape for every sample.
        case zeros([Int])
    }

    /// The graph input's name.
    let name: String
    let source: Source
    /// The graph output whose value it takes after each sample.
    let carriedFrom: String?
    /// The keys of the input, for errors.
    let reader: ConfigurationReader

    static let keys = ["file", "array", "axes", "shape", "scale", "mean", "std", "value", "zeros", "from"]

    /// Reads the input called `name` of a card's `inputs`.
    ///
    /// - Throws: `FormatError` `.invalidCard` for unknown keys and for keys that do not go together.
    init(_ name: String, in inputs: ConfigurationReader) throws(FormatError) {
        guard let reader = try inputs.reader(name) else {
            throw inputs.failure(name, "it is missing.", "Describe the input.")
        }
        self.name = name
        self.reader = reader
        try reader.refuseKeys(except: DataCardInput.keys)
        let kinds = ["file", "value", "zeros"].filter { reader.map[$0] != nil }
        guard kinds.count == 1, let kind = kinds.first else {
            throw inputs.failure(
                name, kinds.isEmpty ? "it says not where its data is." : "it has \(kinds.joined(separator: " and ")).",
                "Give exactly one of `file`, `value` and `zeros`.")
        }
        let companions = ["file": ["array", "axes", "shape", "scale", "mean", "std"], "zeros": ["from"]][kind] ?? []
        for entry in reader.map.entries where entry.key != kind && !companions.contains(entry.key) {
            throw reader.failure(
                entry.key, "it does not go together with `\(kind)`.",
                companions.isEmpty
                    ? "Remove it." : "With `\(kind)` there may be: \(companions.joined(separator: ", ")).")
        }
        carriedFrom = try reader.string("from")
        switch kind {
        case "value": source = .value(reader.map["value"] ?? .null)
        case "zeros": source = .zeros(try reader.integers("zeros") ?? [])
        default:
            source = try .file(
                DataCard.file(reader), axes: reader.integers("axes"), shape: reader.integers("shape"),
                DataCardInput.normalization(reader))
        }
    }

    private static func normalization(_ reader: ConfigurationReader) throws(FormatError) -> Normalization? {
        guard ["scale", "mean", "std"].contains(where: { reader.map[$0] != nil }) else { return nil }
        let scale = Float(try reader.number("scale") ?? 1)
        let mean = try list("mean", reader) ?? [0], std = try list("std", reader) ?? [1]
        guard scale.isFinite else { throw reader.failure("scale", "it is not finite.", "Give a finite number.") }
        guard !std.contains(0) else {
            throw reader.failure("std", "it is zero, and numbers are divided by it.", "Give numbers above zero.")
        }
        guard mean.count == std.count || mean.count == 1 || std.count == 1 else {
            throw reader.failure(
                "std", "it lists \(std.count) numbers, and `mean` lists \(mean.count).", "List one for each channel.")
        }
        return Normalization(scale: scale, mean: mean, std: std)
    }

    private static func list(_ key: String, _ reader: ConfigurationReader) throws(FormatError) -> [Float]? {
        guard let numbers = try reader.numbers(key) else { return nil }
        let floats = numbers.values.map { Float($0) }
        guard floats.allSatisfy(\.isFinite) else {
            throw reader.failure(key, "it has a number that is not finite.", "Give finite numbers.")
        }
        return floats
    }
}
