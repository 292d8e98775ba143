/// A slow and plain reader of `.pith` files, written from `Documentation/Format.md` alone.
///
/// It shares no code with Pith's own reader, so the two agree only where both follow the page.
public struct MinimalReader {
    /// What is wrong with a file.
    public struct Refusal: Error {
        public let reason: String
    }

    /// A file as it was packed.
    public struct File: Equatable {
        public let name: String
        public let bytes: [UInt8]

        /// Names some bytes.
        public init(name: String, bytes: [UInt8]) {
            self.name = name
            self.bytes = bytes
        }
    }

    /// An array as the directory lists it.
    public struct Array {
        public let name: String
        /// 0 for text.
        public let type: Int
        public let dimensions: [Int]
        public let original: Int?
        public var bytes: [UInt8]
    }

    public private(set) var kind = ""
    public private(set) var files: [File] = []
    public private(set) var arrays: [Array] = []
    /// Weights in stored forms, with their numbers.
    public private(set) var weights: [MinimalForm.Weight] = []
    /// Names of arrays that come first.
    public private(set) var hot: [String] = []
    private var forms: [(name: String, form: MinimalForm)] = []

    private static let preamble: [UInt8] = [0x89, 0x50, 0x49, 0x54, 0x48, 0x0D, 0x0A, 0x1A, 1, 0, 0, 0, 0, 0, 0, 0]

    /// Reads a whole container.
    ///
    /// - Throws: `Refusal` when it is not exactly as the page says.
    public init(_ file: [UInt8]) throws {
        try require(file.starts(with: Self.preamble), "preamble")
        var offset = 16
        let directory = try Self.frame(file, &offset, kind: 1)
        try parse(try Self.text(directory.body))
        var listed: [UInt8] = []
        for block in blocks {
            let frame = try Self.frame(file, &offset, kind: 2)
            listed += Self.varint(frame.body.count) + file[frame.end - 8..<frame.end]
            try place(block, frame.body)
        }
        let indexStart = offset, index = try Self.frame(file, &offset, kind: 3)
        try require(index.body == Self.varint(blocks.count) + listed, "index")
        let end = try Self.frame(file, &offset, kind: 4)
        let root = MinimalHash.sha256(
            Self.preamble + file[16..<directory.end] + file[indexStart..<index.end])
        let expected = Self.little(indexStart) + Self.little(index.end - indexStart) + root
        try require(end.body == expected && offset == file.count, "end")
        try finish()
        weights = try forms.map { try $0.form.weight(named: $0.name, arrays) }
    }

    // MARK: Frames

    private static func frame(
        _ file: [UInt8], _ offset: inout Int, kind: UInt8
    ) throws -> (body: [UInt8], end: Int) {
        let start = offset
        try require(file.count - start >= 13 && file[start] == kind, "frame")
        let length = (1...4).reduce(0) { $0 | Int(file[start + $1]) << (8 * ($1 - 1)) }
        try require(length <= file.count - start - 13, "frame length")
        let end = start + 5 + length
        let sum = MinimalHash.xxh64([UInt8](file[start..<end]))
        try require([UInt8](file[end..<end + 8]) == little(Int(bitPattern: UInt(sum))), "checksum")
        offset = end + 8
        return ([UInt8](file[start + 5..<end]), offset)
    }

    private static func text(_ body: [UInt8]) throws -> [UInt8] {
        var input = MinimalInput(body), bytes: [UInt8] = []
        let count = try input.varint()
        while bytes.count < count {
            let part = try input.take(try input.varint())
            bytes += try MinimalBlock(width: 1, isRotated: false).decoded(part, min(count - bytes.count, 1 << 20))
        }
        try require(input.isAtEnd, "directory")
        return bytes
    }

    static func varint(_ value: Int) -> [UInt8] {
        value < 0x80 ? [UInt8(value)] : [UInt8(value & 0x7F) | 0x80] + varint(value >> 7)
    }

    private static func little(_ value: Int) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: UInt(bitPattern: value) >> UInt(8 * $0)) }
    }

    // MARK: Directory

    private struct Segment {
        let array: Int
        let count: Int
    }

    private struct Entry {
        let name: String
        let byteCount: Int
        let pieces: [Segment]
    }

    private var entries: [Entry] = []
    private var blocks: [[Segment]] = []

    private mutating func parse(_ bytes: [UInt8]) throws {
        var input = MinimalInput(bytes), fields: [Int: [UInt8]] = [:]
        while !input.isAtEnd {
            let number = try input.varint()
            fields[number] = try input.take(try input.varint())
            try require(number % 2 == 0 || [1, 3, 5, 7].contains(number), "field")
        }
        kind = String(decoding: fields[1] ?? [], as: UTF8.self)
        var list = MinimalInput(fields[5] ?? [])
        for _ in 0..<(try list.varint()) { arrays.append(try Self.array(&list)) }
        list = MinimalInput(fields[3] ?? [])
        for _ in 0..<(try list.varint()) {
            let name = String(decoding: try list.take(try list.varint()), as: UTF8.self), size = try list.varint()
            entries.append(Entry(name: name, byteCount: size, pieces: try Self.segments(&list)))
        }
        list = MinimalInput(fields[7] ?? [])
        for _ in 0..<(try list.varint()) { blocks.append(try Self.segments(&list)) }
        list = MinimalInput(fields[10] ?? [0])
        for _ in 0..<(try list.varint()) {
            let name = String(decoding: try list.take(try list.varint()), as: UTF8.self)
            forms.append((name, try MinimalForm(&list, depth: 1)))
        }
        try require(list.isAtEnd && Set(forms.map(\.name)).count == forms.count, "forms")
        list = MinimalInput(fields[12] ?? [0])
        for _ in 0..<(try list.varint()) { hot.append(arrays[try list.varint()].name) }
        try require(list.isAtEnd && Set(hot).count == hot.count, "hot arrays")
    }

    private static func array(_ list: inout MinimalInput) throws -> Array {
        let name = String(decoding: try list.take(try list.varint()), as: UTF8.self), type = Int(try list.byte())
        let dimensions = try (0..<(try list.varint())).map { _ in try list.varint() }, original = try list.varint()
        return Array(
            name: name, type: type, dimensions: dimensions, original: original == 0 ? nil : original - 1, bytes: [])
    }

    private static func segments(_ list: inout MinimalInput) throws -> [Segment] {
        try (0..<(try list.varint())).map { _ in Segment(array: try list.varint(), count: try list.varint()) }
    }

    // MARK: Blocks

    /// Bytes of an element and whether it is rotated, by type code.
    private static func layout(_ type: Int) -> (width: Int, isRotated: Bool) {
        switch type {
        case 1, 24: (4, true)
        case 2, 25: (8, true)
        case 3, 4: (2, true)
        case 12, 16: (2, false)
        case 13, 17: (4, false)
        case 14, 18: (8, false)
        default: (1, false)
        }
    }

    private mutating func place(_ segments: [Segment], _ body: [UInt8]) throws {
        let (width, isRotated) = Self.layout(arrays[segments[0].array].type)
        let count = segments.reduce(0) { $0 + $1.count }
        let bytes = try MinimalBlock(width: width, isRotated: isRotated).decoded(body, count)
        var start = 0
        for segment in segments {
            arrays[segment.array].bytes += bytes[start..<start + segment.count * width]
            start += segment.count * width
        }
    }

    private mutating func finish() throws {
        for index in arrays.indices {
            if let original = arrays[index].original { arrays[index].bytes = arrays[original].bytes }
        }
        var used = [Int](repeating: 0, count: arrays.count)
        for entry in entries {
            var bytes: [UInt8] = []
            for piece in entry.pieces {
                let start = used[piece.array], source = arrays[piece.array].bytes
                try require(piece.count <= source.count - start, "piece")
                bytes += source[start..<start + piece.count]
                used[piece.array] += piece.count
            }
            try require(bytes.count == entry.byteCount, "file")
            files.append(File(name: entry.name, bytes: bytes))
        }
    }
}

func require(_ condition: Bool, _ reason: String) throws {
    if !condition { throw MinimalReader.Refusal(reason: reason) }
}
