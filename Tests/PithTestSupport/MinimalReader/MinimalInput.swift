/// Bytes that are read from the front.
struct MinimalInput {
    private let bytes: [UInt8]
    private var position = 0
    private var bit = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { position == bytes.count }
    var rest: Int { bytes.count - position }

    /// The byte that is read next; nil at the end.
    var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    mutating func byte() throws -> UInt8 {
        try require(position < bytes.count, "end of bytes")
        defer { position += 1 }
        return bytes[position]
    }

    mutating func take(_ count: Int) throws -> [UInt8] {
        try require(count <= rest, "end of bytes")
        defer { position += count }
        return [UInt8](bytes[position..<position + count])
    }

    mutating func varint() throws -> Int {
        var value = 0
        for shift in stride(from: 0, to: 63, by: 7) {
            let next = try byte()
            value |= Int(next & 0x7F) << shift
            if next < 0x80 { return value }
        }
        throw MinimalReader.Refusal(reason: "number")
    }

    /// The next bits, lowest first; `align` goes to the next whole byte.
    mutating func bits(_ count: Int) throws -> Int {
        var value = 0
        for index in 0..<count {
            try require(position < bytes.count, "end of bits")
            value |= Int(bytes[position] >> UInt8(bit) & 1) << index
            bit += 1
            if bit == 8 { (bit, position) = (0, position + 1) }
        }
        return value
    }

    mutating func align() { if bit > 0 { (bit, position) = (0, position + 1) } }
}
