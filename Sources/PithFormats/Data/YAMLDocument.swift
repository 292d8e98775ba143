internal import PithTensor
internal import Yams

/// YAML text to plain values and back; the only place that knows the YAML library.
///
/// Plain scalars follow the core schema of YAML 1.2: `true`, `null`, `12`, `0x1f`, `1e-3`, `.inf` mean what they look
/// like,
/// `yes` and `12:30` are text. Tags, several documents and more than a few aliases are refused.
///
/// - Reference: YAML 1.2.2, section 10.3.
package enum YAMLDocument {
    /// Longest text in bytes.
    package static let largestByteCount = 1 << 20
    /// Most values in one document, aliases counted as often as they are used.
    static let mostValues = 100_000
    /// Deepest nesting of lists and maps.
    static let deepestNesting = 64
    /// Most aliases: each may multiply what came before, so a few are harmless and many are not.
    static let mostAliases = 8

    /// Reads the YAML (or JSON) file at `path`.
    ///
    /// - Throws: `FormatError` `.missing` when it can not be opened, `.invalidCard` when it is no YAML or too large.
    package static func read(path: String) throws(FormatError) -> ConfigurationValue {
        let bytes = try MappedFile.bytes(of: path)
        guard bytes.byteCount <= largestByteCount, let text = bytes.utf8Text else {
            throw FormatError(
                code: .invalidCard, subject: path, problem: "it is no text of at most \(largestByteCount) bytes.",
                remedy: "Give a YAML file.")
        }
        return try parse(text, named: path)
    }

    /// Reads one YAML document; `name` is its file in errors.
    ///
    /// - Throws: `FormatError` `.invalidCard` with the line where the text stops being YAML, or becomes too large or
    ///   deep.
    package static func parse(_ text: String, named name: String) throws(FormatError) -> ConfigurationValue {
        try checkAliases(of: text, named: name)
        let root: Node?
        // The library keeps the address of the text, which texts of up to 15 bytes do not have.
        let padded = text.utf8.count < 16 ? text + "\n" + String(repeating: " ", count: 16) : text
        do { root = try Parser(yaml: padded, resolver: .basic).singleRoot() } catch {
            throw failure(name, error as? YamlError)
        }
        guard let root else { return .null }
        var reader = YAMLNodeReader(name: name)
        return try reader.value(of: root, depth: 0)
    }

    /// Writes `value` as YAML that `parse` turns into the same value.
    ///
    /// Maps are written in blocks, lists without maps in one line.
    ///
    /// - Throws: `FormatError` `.unwritable` when the library refuses it.
    package static func text(of value: ConfigurationValue) throws(FormatError) -> String {
        do {
            return try Yams.serialize(node: YAMLNodeWriter.node(of: value), width: -1, allowUnicode: true)
        } catch {
            throw FormatError(
                code: .unwritable, subject: "YAML", problem: "the values can not be written (\(error)).",
                remedy: "Use text without control characters.")
        }
    }

    /// Refuses text with more aliases than can do harm; the library would follow each of them.
    ///
    /// The count is of marks that could be aliases, in text that could have anchors, so it never misses one.
    private static func checkAliases(of text: String, named name: String) throws(FormatError) {
        let bytes = Array(text.utf8)
        guard bytes.contains(UInt8(ascii: "&")) else { return }
        let marks = bytes.indices.dropLast().filter { bytes[$0] == UInt8(ascii: "*") && bytes[$0 + 1] > 32 }
        guard marks.count <= mostAliases else {
            throw FormatError(
                code: .invalidCard, subject: name,
                problem: "it uses more than \(mostAliases) aliases.", remedy: "Write the values out.")
        }
    }

    private static func failure(_ name: String, _ error: YamlError?) -> FormatError {
        let (problem, mark): (String, Mark?) =
            switch error {
            case .scanner(_, let problem, let mark, _): (problem, mark)
            case .parser(_, let problem, let mark, _): (problem, mark)
            case .composer(_, let problem, let mark, _): (problem, mark)
            case .duplicatedKeysInMapping(let keys, let context):
                ("the key '\(keys.first ?? "")' stands in one map twice", context.mark)
            default: ("it can not be read as text", nil)
            }
        return FormatError(
            code: .invalidCard, subject: mark.map { "\(name), line \($0.line)" } ?? name,
            problem: "it is not YAML: \(problem).",
            remedy: "Correct the text at that line; indent with blanks, not tabs.")
    }
}
