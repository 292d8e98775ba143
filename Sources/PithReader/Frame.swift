/// A part of the file with a kind, a length and a checksum.
struct Frame: Sendable {
    enum Kind: UInt8 {
        case directory = 1
        case block = 2
        case index = 3
        case end = 4

        /// The most bytes that a body may have.
        var limit: Int {
            switch self {
            case .directory, .index: 1 << 26
            case .block: 1 << 23 + 64
            case .end: 48
            }
        }
    }

    /// Where the body lies in the file.
    let body: Range<Int>
    let checksum: UInt64

    var start: Int { body.lowerBound - 5 }
    var end: Int { body.upperBound + 8 }

    /// Bytes of a frame around its body.
    static let overhead = 13

    /// The frame at byte `offset` of `file`, with its checksum compared.
    init(_ file: [UInt8], at offset: Int, kind: Kind, subject: String) throws(ReaderError) {
        let available = file.count - offset
        guard available >= Self.overhead else {
            throw .truncated(subject, "The file ends after \(file.count) bytes, within this frame.")
        }
        guard file[offset] == kind.rawValue else {
            throw .corrupt(subject, "The frame is of kind \(file[offset]) rather than \(kind.rawValue).")
        }
        var length = 0
        for index in (1...4).reversed() {
            // On machines of 32 bits the shift could overflow.
            guard length <= kind.limit else { break }
            length = length << 8 | Int(file[offset + index])
        }
        guard length <= kind.limit else {
            throw .corrupt(subject, "The frame's body is longer than \(kind.limit) bytes.")
        }
        guard length <= available - Self.overhead else {
            throw .truncated(subject, "The frame has \(length) bytes, the file only \(available - Self.overhead).")
        }
        body = offset + 5..<offset + 5 + length
        checksum = XXHash64.hash(file, offset..<body.upperBound)
        var stored = ByteReader(file, body.upperBound..<body.upperBound + 8, subject: subject)
        guard try stored.little(8) == checksum else {
            throw .corrupt(subject, "The checksum does not match its \(length) bytes.")
        }
    }
}
