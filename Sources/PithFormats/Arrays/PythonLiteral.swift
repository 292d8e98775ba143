/// Reads the few Python literals that an NPY header holds: strings, booleans and tuples of whole numbers.
struct PythonLiteral {
    private let bytes: [UInt8]
    private let name: String
    private var offset = 0

    init(_ text: String, named name: String) {
        bytes = Array(text.utf8)
        self.name = name
    }

    /// Whether only blanks are left.
    var isAtEnd: Bool { bytes[offset...].allSatisfy(PythonLiteral.isBlank) }

    /// Whether `mark` comes next.
    mutating func peek(_ mark: Unicode.Scalar) throws(FormatError) -> Bool {
        while offset < bytes.count, PythonLiteral.isBlank(bytes[offset]) { offset += 1 }
        guard offset < bytes.count else { throw failure("it ends in the middle.") }
        return bytes[offset] == UInt8(ascii: mark)
    }

    /// Moves past `mark` if it comes next.
    mutating func skip(_ mark: Unicode.Scalar) throws(FormatError) -> Bool {
        guard try peek(mark) else { return false }
        offset += 1
        return true
    }

    /// Moves past `mark`, which must come next.
    mutating func expect(_ mark: Unicode.Scalar) throws(FormatError) {
        guard try skip(mark) else { throw failure("'\(mark)' is missing.") }
    }

    /// A quoted string without escapes.
    mutating func string() throws(FormatError) -> String {
        let quote: UInt8 = try peek("\"") ? UInt8(ascii: "\"") : UInt8(ascii: "'")
        guard bytes[offset] == quote else { throw failure("a string is missing.") }
        guard let end = bytes[(offset + 1)...].firstIndex(of: quote) else { throw failure("a string has no end.") }
        let text = bytes[offset + 1..<end]
        guard !text.contains(UInt8(ascii: "\\")) else { throw failure("a string has an escape.") }
        offset = end + 1
        return String(decoding: text, as: UTF8.self)
    }

    /// `True` or `False`.
    mutating func boolean() throws(FormatError) -> Bool {
        let value = try peek("T")
        let word = Array((value ? "True" : "False").utf8)
        guard bytes[offset...].starts(with: word) else { throw failure("True or False is missing.") }
        offset += word.count
        return value
    }

    /// A tuple of numbers that are not negative, such as `(3, 4)`, `(3,)`, `()` or, from Python 2, `(3L,)`.
    mutating func tuple() throws(FormatError) -> [Int] {
        var values: [Int] = []
        try expect("(")
        while try !skip(")") {
            values.append(try number())
            if try !skip(",") {
                try expect(")")
                break
            }
        }
        return values
    }

    private mutating func number() throws(FormatError) -> Int {
        _ = try peek("0")
        let digits = bytes[offset...].prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        guard let value = Int(String(decoding: digits, as: UTF8.self)) else {
            throw failure("an axis length is missing or too large.")
        }
        offset = digits.endIndex
        if offset < bytes.count, bytes[offset] == UInt8(ascii: "L") { offset += 1 }
        return value
    }

    /// An error at the current place.
    func failure(_ problem: String) -> FormatError {
        FormatError(
            code: .corrupt, subject: "\(name), header byte \(offset)",
            problem: "the array header can not be read: \(problem)",
            remedy: FormatError.damaged)
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\t")
            || byte == UInt8(ascii: "\r")
    }
}
