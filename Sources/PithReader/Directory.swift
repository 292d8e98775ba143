/// What a container holds and where, as its first frame lists it.
package struct Directory: Sendable {
    /// A run of an array: bytes of a file's piece, or elements of a block's segment.
    struct Run: Sendable {
        let array: Int
        /// Where in the array it begins.
        let start: Int
        let count: Int
        var end: Int { start + count }
    }

    /// The elements of a block.
    struct Block: Sendable {
        let segments: [Run]
        let elementCount: Int
    }

    /// The most bytes of a part of the directory, and the most elements of a block.
    static let blockLimit = 1 << 20

    /// The most bytes of memory that opening takes for each byte of the directory.
    ///
    /// Measured at 50 for blocks of one element (3 bytes each), 44 for arrays without axes (4 bytes), 40 for forms that
    /// nest 8 deep and have a setting and an axis each; the rest is for what was not thought of.
    static let memoryFactor = 64

    let format: String
    let arrays: [ArrayEntry]
    let files: [FileEntry]
    /// The pieces of each file.
    let pieces: [[Run]]
    let blocks: [Block]
    let forms: [StoredForm]
    let formNames: [String]

    /// Reads the directory in the body of the first frame, if it takes no more than `maximumByteCount`.
    init(_ file: [UInt8], _ body: Range<Int>, maximumByteCount: Int) throws(ReaderError) {
        let fields = try Self.fields(try Self.text(file, body, maximumByteCount: maximumByteCount))
        var reader = try Self.field(1, "format", fields)
        format = try reader.text(reader.remaining)
        reader = try Self.field(5, "arrays", fields)
        var arrays = try Self.arrays(&reader)
        reader = try Self.field(12, "hot arrays", fields)
        try Self.markHot(&arrays, &reader)
        self.arrays = arrays
        reader = try Self.field(3, "files", fields)
        (files, pieces) = try Self.files(&reader, arrays)
        reader = try Self.field(7, "blocks", fields)
        blocks = try Self.blocks(&reader, arrays)
        reader = try Self.field(10, "stored forms", fields)
        (forms, formNames) = try Self.forms(&reader, arrays)
    }

    /// What errors call a block whose frame is at byte `offset` of the file.
    func subject(ofBlock number: Int, at offset: Int) -> String {
        let segments = blocks[number].segments, name = segments.first.map { arrays[$0.array].name } ?? ""
        let more = segments.count > 1 ? " and \(segments.count - 1) more" : ""
        return "block \(number), byte \(offset) of the file, array '\(name)'\(more)"
    }

    // MARK: Fields

    /// The bytes of the directory, which its frame holds in parts that are coded as blocks are.
    package static func text(
        _ file: [UInt8], _ body: Range<Int>, maximumByteCount: Int = .max
    ) throws(ReaderError) -> [UInt8] {
        var input = ByteReader(file, body, subject: "directory, byte 16 of the file")
        let count = try input.number()
        try input.require(
            count <= 1 << 26 && count <= 1024 + 400 * body.count, "The directory says to have \(count) bytes.")
        let (memory, isOver) = count.multipliedReportingOverflow(by: memoryFactor)
        guard !isOver && memory <= maximumByteCount else {
            throw .tooLarge("directory", byteCount: isOver ? nil : memory, limit: maximumByteCount)
        }
        let decoder = BlockDecoder.directory
        var bytes: [UInt8] = []
        while bytes.count < count {
            let part = try input.part(try input.number())
            bytes += try decoder.decoded(part, count: min(count - bytes.count, blockLimit))
        }
        try input.finish()
        return bytes
    }

    private static func fields(_ bytes: [UInt8]) throws(ReaderError) -> [Int: ByteReader] {
        var input = ByteReader(bytes, subject: "directory"), fields: [Int: ByteReader] = [:]
        while !input.isAtEnd {
            let number = try input.number(), content = try input.part(try input.number())
            if [1, 3, 5, 7, 10, 12].contains(number) {
                try input.require(fields.updateValue(content, forKey: number) == nil, "Field \(number) stands twice.")
            } else if number % 2 == 1 {
                throw ReaderError(
                    code: .unsupported, subject: "directory", problem: "Field \(number) is not known to this reader.",
                    remedy: "Use a newer reader.")
            }
        }
        return fields
    }

    /// The content of a field; for those that may be missing, an empty list.
    private static func field(
        _ number: Int, _ name: String, _ fields: [Int: ByteReader]
    ) throws(ReaderError) -> ByteReader {
        let subject = "directory, \(name)"
        if let field = fields[number] {
            return ByteReader(field.bytes, field.position..<field.end, subject: subject)
        }
        if number % 2 == 0 { return ByteReader([0], subject: subject) }
        throw .corrupt(subject, "Field \(number) is missing.")
    }
}
