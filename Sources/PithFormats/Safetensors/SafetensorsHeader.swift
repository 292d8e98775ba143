internal import PithTensor

/// The header of a safetensors file: where each tensor lies, as JSON behind its length.
///
/// - Reference: safetensors format description of its repository: 8 bytes of length, JSON of at most 100 MB, tensors.
struct SafetensorsHeader {
    /// One tensor of the file.
    struct Entry {
        let name: String
        let type: ScalarType
        let shape: Shape
        /// Bytes in the file.
        let range: Range<Int>
        /// The file's name of a type that is not known: the bytes are listed as they are.
        let foreignType: String?
    }

    let entries: [Entry]

    /// What a header has that is no tensor.
    static let metadata = "__metadata__"

    /// Longest header that is read.
    static let limit = 100_000_000

    private struct Record {
        var dtype = ""
        var shape: [Int] = []
        var offsets: [Int] = []

        /// Reads the three fields, which must all be there, and passes over others.
        init(_ scanner: inout JSONScanner) throws(JSONScanner.Failure) {
            var found: Set<String> = []
            try scanner.object { (key, scanner) throws(JSONScanner.Failure) in
                found.insert(key)
                switch key {
                case "dtype": dtype = try scanner.string()
                case "shape": shape = try scanner.integers()
                case "data_offsets": offsets = try scanner.integers()
                default: try scanner.skipValue()
                }
            }
            guard found.isSuperset(of: ["dtype", "shape", "data_offsets"]) else { throw JSONScanner.Failure(offset: 0) }
        }
    }

    private static let types: [String: ScalarType] = [
        "F64": .float64, "F32": .float32, "F16": .float16, "BF16": .bfloat16, "F8_E4M3": .float8e4m3fn,
        "F8_E5M2": .float8e5m2, "F8_E8M0": .float8e8m0, "I64": .int64, "I32": .int32, "I16": .int16, "I8": .int8,
        "U64": .uint64, "U32": .uint32, "U16": .uint16, "U8": .uint8, "BOOL": .bool, "C64": .complex64,
    ]

    /// Types that are read and not written: few readers know them.
    private static let furtherTypes: [String: ScalarType] = [
        "F4": .float4e2m1, "F8_E4M3FNUZ": .float8e4m3fnuz, "F8_E5M2FNUZ": .float8e5m2fnuz,
    ]

    /// The format's name of an element type; nil when it has none.
    static func name(of type: ScalarType) -> String? { types.first { $0.value == type }?.key }

    /// Reads the header of the file in `bytes`; `name` names it in errors.
    ///
    /// - Throws: `FormatError` `.truncated` or `.corrupt` when the header contradicts itself or the file; `.unsupported`
    ///   for a header above the limit.
    init(_ bytes: Storage, named name: String) throws(FormatError) {
        var cursor = ByteCursor(bytes, named: name)
        let length = try cursor.large("the length of its header")
        guard length <= SafetensorsHeader.limit else {
            throw FormatError(
                code: .unsupported, subject: "\(name), byte 0",
                problem: "its header has \(length) bytes, above 100 MB.",
                remedy: FormatError.damaged)
        }
        let text = try cursor.take(length)
        let records: [(name: String, record: Record)]
        do { records = try SafetensorsHeader.records(text.withBytes { $0.bytes }) } catch {
            throw FormatError(
                code: .corrupt, subject: "\(name), byte \(8 + error.offset)",
                problem: "its header is not the JSON it should be.", remedy: FormatError.damaged)
        }
        var entries: [Entry] = []
        for (key, record) in records {
            entries.append(try SafetensorsHeader.entry(key, record, start: 8 + length, end: bytes.byteCount, name))
        }
        self.entries = entries
    }

    /// What the header says of each tensor, in its order.
    private static func records(
        _ header: [UInt8]
    ) throws(JSONScanner.Failure) -> [(name: String, record: Record)] {
        var scanner = JSONScanner(header), records: [(name: String, record: Record)] = []
        try scanner.object { (name, scanner) throws(JSONScanner.Failure) in
            guard name != metadata else { return try scanner.skipValue() }
            records.append((name, try Record(&scanner)))
        }
        try scanner.finish()
        return records
    }

    private static func entry(
        _ key: String, _ record: Record, start: Int, end: Int, _ file: String
    ) throws(FormatError) -> Entry {
        let subject = "\(file), tensor '\(key)'"
        let type = types[record.dtype] ?? furtherTypes[record.dtype]
        let shape: Shape
        do { shape = try Shape(record.shape) } catch {
            throw FormatError(code: .corrupt, subject: subject, problem: error.problem, remedy: error.remedy)
        }
        guard record.offsets.count == 2 else {
            throw FormatError(
                code: .corrupt, subject: subject,
                problem: "it has \(record.offsets.count) offsets, not a start and an end.", remedy: FormatError.damaged)
        }
        guard 0 <= record.offsets[0], record.offsets[0] <= record.offsets[1],
            record.offsets[1] <= end - start,
            type.map({ $0.byteCount(of: shape.count) == record.offsets[1] - record.offsets[0] }) ?? true
        else {
            throw FormatError(
                code: .corrupt, subject: subject,
                problem: "its bytes \(record.offsets) do not fit its shape \(shape) or the file's \(end - start).",
                remedy: FormatError.damaged)
        }
        let range = start + record.offsets[0]..<start + record.offsets[1]
        return Entry(
            name: key, type: type ?? .uint8, shape: type == nil ? .vector(range.count) : shape, range: range,
            foreignType: type == nil ? record.dtype : nil)
    }
}
