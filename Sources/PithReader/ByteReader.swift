/// Bytes that are read from the front, with every bound checked.
package struct ByteReader: Sendable {
    let bytes: [UInt8]
    /// What errors name.
    let subject: String
    private let start: Int
    private(set) var position: Int
    let end: Int
    private var bit = 0

    /// Reads `range` of `bytes`, all if it is nil; the range lies within them.
    package init(_ bytes: [UInt8], _ range: Range<Int>? = nil, subject: String) {
        let range = range ?? 0..<bytes.count
        precondition(range.upperBound <= bytes.count, "A reader's range lies within its bytes.")
        self.bytes = bytes
        self.subject = subject
        start = range.lowerBound
        position = start
        end = range.upperBound
    }

    var remaining: Int { end - position }
    var isAtEnd: Bool { position == end }

    func failure(_ problem: String) -> ReaderError {
        .corrupt(subject, "\(problem) (at byte \(position - start) of \(end - start))")
    }

    func require(_ condition: Bool, _ problem: @autoclosure () -> String) throws(ReaderError) {
        if !condition { throw failure(problem()) }
    }

    /// Refuses bytes that nothing has read.
    func finish() throws(ReaderError) {
        try require(isAtEnd, "\(remaining) bytes are left over.")
    }

    // MARK: Bytes

    mutating func byte() throws(ReaderError) -> UInt8 {
        try require(position < end, "The bytes end where one more is needed.")
        defer { position += 1 }
        return bytes[position]
    }

    /// The places of the next `count` bytes.
    mutating func range(_ count: Int) throws(ReaderError) -> Range<Int> {
        try require(count >= 0 && count <= remaining, "\(count) bytes are announced, \(remaining) are left.")
        defer { position += count }
        return position..<position + count
    }

    mutating func take(_ count: Int) throws(ReaderError) -> [UInt8] {
        [UInt8](bytes[try range(count)])
    }

    /// A reader of the next `count` bytes.
    mutating func part(_ count: Int, subject: String? = nil) throws(ReaderError) -> ByteReader {
        ByteReader(bytes, try range(count), subject: subject ?? self.subject)
    }

    /// Goes on behind bytes that were read elsewhere.
    mutating func move(to place: Int) {
        precondition(place >= position && place <= end, "A reader moves forward within its bytes.")
        position = place
    }

    mutating func little(_ count: Int) throws(ReaderError) -> UInt64 {
        var value: UInt64 = 0
        for (index, place) in try range(count).enumerated() { value |= UInt64(bytes[place]) << UInt64(8 * index) }
        return value
    }

    /// Two bytes, the lower first.
    @inline(__always)
    mutating func word() throws(ReaderError) -> UInt16 {
        guard end - position >= 2 else { throw failure("The bytes end where two more are needed.") }
        defer { position += 2 }
        return UInt16(bytes[position + 1]) << 8 | UInt16(bytes[position])
    }

    /// A number in groups of seven bits, of as few bytes as hold it.
    mutating func number() throws(ReaderError) -> Int {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 63, by: 7) {
            let next = try byte()
            value |= UInt64(next & 0x7F) << shift
            guard next < 0x80 else { continue }
            try require(next != 0 || shift == 0, "A number takes more bytes than it needs.")
            guard let number = Int(exactly: value) else { throw failure("\(value) is too large here.") }
            return number
        }
        throw failure("A number takes more than nine bytes.")
    }

    /// The name of a file, an array or a weight.
    mutating func name() throws(ReaderError) -> String { try text(atMost: 4096) }

    /// A kind, or the name of a setting or part.
    mutating func key() throws(ReaderError) -> String { try text(atMost: 64) }

    private mutating func text(atMost limit: Int) throws(ReaderError) -> String {
        let count = try number()
        try require(count <= limit, "A text has \(count) bytes, above \(limit).")
        return try text(count)
    }

    mutating func text(_ count: Int) throws(ReaderError) -> String {
        let place = try range(count), text = String(decoding: bytes[place], as: UTF8.self)
        // Decoding repairs what is wrong, and so changes it.
        try require(text.utf8.elementsEqual(bytes[place]), "A text is not UTF-8.")
        return text
    }

    // MARK: Bits

    /// The next bits, at most 16, the lowest first.
    mutating func bits(_ count: Int) throws(ReaderError) -> Int {
        let last = bit + count
        try require(last <= 8 * remaining, "The bits end where \(count) more are needed.")
        var value = 0, have = -bit, place = position
        while have < count {
            value |= have < 0 ? Int(bytes[place]) >> -have : Int(bytes[place]) << have
            have += 8
            place += 1
        }
        position += last / 8
        bit = last % 8
        return value & (1 << count - 1)
    }

    /// Goes on with the next whole byte; the bits before it are zeros.
    mutating func align() throws(ReaderError) {
        guard bit > 0 else { return }
        try require(bytes[position] >> UInt8(bit) == 0, "Bits that fill up a byte are not zeros.")
        (bit, position) = (0, position + 1)
    }
}
