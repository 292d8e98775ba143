/// Reads JSON from bytes, one value after the other, with the names of an object as they stand there.
///
/// Foundation's decoder makes one of names that Unicode calls equivalent, so arrays would be lost.
///
/// - Reference: RFC 8259.
struct JSONScanner {
    private let bytes: [UInt8]
    private var offset = 0

    /// Why the bytes are not the JSON that is looked for.
    struct Failure: Error {
        /// Where in the bytes.
        let offset: Int
    }

    /// Values inside each other, at most.
    private static let mostLevels = 128

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Reads an object; `member` reads the value of each name.
    mutating func object(_ member: (String, inout JSONScanner) throws(Failure) -> Void) throws(Failure) {
        try expect("{")
        guard !skip("}") else { return }
        repeat {
            let name = try string()
            try expect(":")
            try member(name, &self)
        } while skip(",")
        try expect("}")
    }

    /// Reads an array; `element` reads each value.
    mutating func array(_ element: (inout JSONScanner) throws(Failure) -> Void) throws(Failure) {
        try expect("[")
        guard !skip("]") else { return }
        repeat { try element(&self) } while skip(",")
        try expect("]")
    }

    /// Reads a list of whole numbers.
    mutating func integers() throws(Failure) -> [Int] {
        var found: [Int] = []
        try array { (scanner) throws(Failure) in found.append(try scanner.integer()) }
        return found
    }

    /// Reads a whole number without fraction and exponent.
    mutating func integer() throws(Failure) -> Int {
        guard let number = Int(word()) else { throw failure }
        return number
    }

    /// Reads a text.
    mutating func string() throws(Failure) -> String {
        try expect("\"")
        var content: [UInt8] = []
        while true {
            let byte = try take()
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: content, as: UTF8.self) else { throw failure }
                return text
            case UInt8(ascii: "\\"): try unescape(into: &content)
            case 0..<32: throw failure
            default: content.append(byte)
            }
        }
    }

    /// Passes over any value.
    mutating func skipValue(level: Int = 0) throws(Failure) {
        guard level < Self.mostLevels else { throw failure }
        skipSpace()
        switch offset < bytes.count ? bytes[offset] : 0 {
        case UInt8(ascii: "{"):
            try object { (_, scanner) throws(Failure) in try scanner.skipValue(level: level + 1) }
        case UInt8(ascii: "["): try array { (scanner) throws(Failure) in try scanner.skipValue(level: level + 1) }
        case UInt8(ascii: "\""): _ = try string()
        default:
            let word = word()
            guard ["true", "false", "null"].contains(word) || Double(word) != nil else { throw failure }
        }
    }

    /// Makes sure that nothing but space is left.
    mutating func finish() throws(Failure) {
        skipSpace()
        guard offset == bytes.count else { throw failure }
    }

    // MARK: Bytes

    private var failure: Failure { Failure(offset: offset) }

    private mutating func take() throws(Failure) -> UInt8 {
        guard offset < bytes.count else { throw failure }
        defer { offset += 1 }
        return bytes[offset]
    }

    private mutating func skipSpace() {
        while offset < bytes.count, Self.isSpace(bytes[offset]) { offset += 1 }
    }

    private mutating func skip(_ mark: Unicode.Scalar) -> Bool {
        skipSpace()
        guard offset < bytes.count, bytes[offset] == UInt8(ascii: mark) else { return false }
        offset += 1
        return true
    }

    private mutating func expect(_ mark: Unicode.Scalar) throws(Failure) {
        guard skip(mark) else { throw failure }
    }

    /// The letters, digits and signs that come next.
    private mutating func word() -> String {
        skipSpace()
        let start = offset
        while offset < bytes.count, offset - start < 64, Self.isOfWord(bytes[offset]) { offset += 1 }
        return String(decoding: bytes[start..<offset], as: UTF8.self)
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 }

    private static func isOfWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "E"),
            UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."):
            true
        default: false
        }
    }

    private mutating func unescape(into content: inout [UInt8]) throws(Failure) {
        let mark = try take()
        switch mark {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return content.append(mark)
        case UInt8(ascii: "b"): return content.append(8)
        case UInt8(ascii: "f"): return content.append(12)
        case UInt8(ascii: "n"): return content.append(10)
        case UInt8(ascii: "r"): return content.append(13)
        case UInt8(ascii: "t"): return content.append(9)
        case UInt8(ascii: "u"): break
        default: throw failure
        }
        var units = [try unit()]
        if UTF16.isLeadSurrogate(units[0]) {
            guard try take() == UInt8(ascii: "\\"), try take() == UInt8(ascii: "u") else { throw failure }
            units.append(try unit())
        }
        guard let text = String(validating: units, as: UTF16.self) else { throw failure }
        content += Array(text.utf8)
    }

    private mutating func unit() throws(Failure) -> UInt16 {
        var digits: [UInt8] = []
        for _ in 0..<4 { digits.append(try take()) }
        let text = String(decoding: digits, as: UTF8.self)
        guard text.utf8.first != UInt8(ascii: "+"), let unit = UInt16(text, radix: 16) else { throw failure }
        return unit
    }
}
