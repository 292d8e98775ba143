import PithReader
import Testing

/// What the directory, the frames and the end of a container may not say.
@Suite struct RefusalTests {
    private static func builder() -> ContainerBuilder {
        var builder = ContainerBuilder()
        builder.add("a", .uint8, [3], [1, 2, 3])
        builder.add("b", .float32, [1], [0, 0, 0, 0])
        builder.add("t", .text, [1], [9])
        return builder
    }

    private func refused(_ file: [UInt8], _ code: ReaderError.Code = .corrupt) -> String? {
        let error = #expect(throws: ReaderError.self) { try ContainerReader(file) }
        #expect(error?.code == code)
        return error?.description
    }

    @Test func `a container as it should be is read`() throws {
        let reader = try Self.builder().reader()
        #expect(try reader.bytes(ofFile: "file") == [1, 2, 3, 0, 0, 0, 0, 9])
        #expect(reader.format == "npz" && reader.arrays.map(\.type) == [.uint8, .float32, .text])
    }

    /// What is wrong, the field's number, its content, and a word of the error.
    @Test(
        arguments: [
            ("a field that is missing", 3, [], "missing"), ("an odd field", 13, [1], "not known"),
            ("a format that is no text", 1, [0xFF], "UTF-8"),
            ("a file above its pieces", 3, [1, 1, 65, 9, 3, 0, 3, 1, 4, 2, 1], "leave 1"),
            ("pieces above their file", 3, [1, 1, 65, 7, 3, 0, 3, 1, 4, 2, 1], "longer"),
            ("pieces above their array", 3, [1, 1, 65, 9, 3, 0, 4, 1, 4, 2, 1], "has 3 left"),
            ("a byte in no file", 3, [1, 1, 65, 7, 3, 0, 3, 1, 3, 2, 1], "in no file"),
            ("a piece of no array", 3, [1, 1, 65, 8, 1, 3, 8], "no array 3"),
            ("bytes behind the files", 3, [1, 1, 65, 8, 3, 0, 3, 1, 4, 2, 1, 0], "left over"),
            ("one name twice", 3, [2, 1, 65, 8, 3, 0, 3, 1, 4, 2, 1, 1, 65, 0, 0], "named 'A'"),
            ("a type of 26", 5, [1, 1, 97, 26, 1, 3, 0], "no type 26"),
            ("text of two axes", 5, [1, 1, 97, 0, 2, 3, 1, 0], "2 axes"),
            ("an original that is not there yet", 5, [1, 1, 97, 15, 1, 3, 1], "duplicate"),
            ("an original of another size", 5, [2, 1, 97, 15, 1, 3, 0, 1, 98, 15, 1, 2, 1], "duplicate"),
            ("more elements than can be counted", 5, [1, 1, 97, 15, 2] + huge + huge + [0], "counted"),
            ("an array of 65 axes", 5, [1, 1, 97, 15, 65] + ones(65) + [0], "65 axes"),
            ("an array of more bits than can be counted", 5, [1, 1, 97, 1, 1] + huge + [0], "counted"),
            ("long axes beside one of 0", 5, [1, 1, 97, 15, 3, 0] + huge + [2, 0], "counted"),
            ("an array of nothing", 5, [1, 1, 97, 15, 1, 0, 0], "empty"),
            ("an element in no block", 7, [3, 1, 0, 2, 1, 1, 1, 1, 2, 1], "in no block"),
            ("an element in two blocks", 7, [3, 1, 0, 4, 1, 1, 1, 1, 2, 1], "has 3 left"),
            ("a block of two layouts", 7, [2, 2, 0, 3, 1, 1, 1, 2, 1], "layouts"),
            ("a block of numbers and text", 7, [2, 2, 0, 3, 2, 1, 1, 1, 1], "layouts"),
            ("an empty block", 7, [4, 1, 0, 3, 1, 1, 1, 1, 2, 1, 0], "empty"),
            ("hot text", 12, [1, 2], "text"), ("an array that is hot twice", 12, [2, 0, 0], "twice"),
            ("a hot array that is not there", 12, [1, 3], "no array 3"),
            ("two forms of a name", 10, [2, 1, 119, 1, 107, 1, 0, 0, 0, 1, 119, 1, 107, 1, 0, 0, 0], "named 'w'"),
            (
                "a form of 65 axes", 10, [1, 1, 119, 1, 107, 1, 65] + ones(65) + [0, 0],
                "65 axes"
            ),
            ("a form of a shape past all memory", 10, [1, 1, 119, 1, 107, 15, 2] + huge + [2, 0, 0], "counted"),
            ("a form of too many bits", 10, [1, 1, 119, 1, 107, 1, 1] + huge + [0, 0], "counted"),
            ("a form long beside an axis of 0", 10, [1, 1, 119, 1, 107, 15, 3, 0] + huge + [2, 0, 0], "counted"),
            ("65 axes that are written out", 10, written + [15, 65] + ones(65) + [9], "65 axes"),
            ("a shape past all memory that is written out", 10, written + [15, 3, 0] + huge + [2], "counted"),
            ("text that is written out", 10, written + [0, 1, 1, 9], "Text is written out"),
            ("a setting twice", 10, [1, 1, 119, 1, 107, 1, 0, 2, 1, 115, 1, 1, 115, 1, 0], "Setting 's'"),
            ("a part twice", 10, [1, 1, 119, 1, 107, 1, 0, 0, 2, 1, 112, 1, 0, 1, 112, 1, 0], "Part 'p'"),
            ("a form that stands for text", 10, [1, 1, 119, 1, 107, 0, 0, 0, 0], "stands for text"),
            ("a part that is text", 10, [1, 1, 119, 1, 107, 1, 0, 0, 1, 1, 112, 1, 2], "text"),
            ("a source of 4", 10, [1, 1, 119, 1, 107, 1, 0, 0, 1, 1, 112, 4], "source 4"),
            (
                "4097 bytes that are written out", 10,
                written + [15, 1, 0x81, 0x20] + [UInt8](repeating: 0, count: 4097), "above 4096"
            ),
        ] as [(String, Int, [UInt8], String)]) func `a directory is refused for`(
            _ what: String, _ field: Int, _ content: [UInt8], _ word: String
        )
    {
        var builder = Self.builder()
        builder.fields[field] = content
        let text = refused(builder.frames().file(), field == 13 ? .unsupported : .corrupt)
        #expect(text?.contains(word) == true, "\(text ?? "")")
    }

    /// 2^62, as a number.
    private static let huge: [UInt8] = [UInt8](repeating: 0x80, count: 8) + [0x40]

    /// The shape of so many axes of length 1.
    private static func ones(_ count: Int) -> [UInt8] { [UInt8](repeating: 1, count: count) }

    /// A form, to where the numbers of its part are written out.
    private static let written: [UInt8] = [1, 1, 119, 1, 107, 1, 0, 0, 1, 1, 112, 2]

    @Test func `the longest shapes that can be counted are read, in a form`() throws {
        // 2^60 - 1 bytes take 2^63 - 8 bits; beside an axis of 0 another may be longer.
        for (type, dimensions) in [
            (ElementType.uint8, [1 << 60 - 1]), (.float64, [1 << 57 - 1]), (.float64, [0, 1 << 62]),
            (.uint8, [Int](repeating: 1, count: 64)),
        ] {
            var builder = Self.builder()
            builder.forms = [("w", ContainerBuilder.form("k", type, dimensions))]
            #expect(try builder.reader().forms.map(\.dimensions) == [dimensions])
        }
        var builder = Self.builder()
        builder.forms = [("w", ContainerBuilder.form("k", .uint8, [1 << 60]))]
        #expect(refused(builder.frames().file())?.contains("counted") == true)
    }

    @Test(arguments: 16...20) func `codecs are refused in the directory`(method: UInt8) throws {
        var frames = Self.builder().frames()
        let fields = try frames.fields()
        frames.directory = Bytes.number(fields.count) + Bytes.number(fields.count + 1) + [method] + fields
        #expect(refused(frames.file())?.contains("Method \(method) may not stand in the directory") == true)
    }

    @Test func `methods of later versions are unsupported, in the directory too`() throws {
        var frames = Self.builder().frames()
        let fields = try frames.fields()
        frames.directory = Bytes.number(fields.count) + Bytes.number(fields.count + 1) + [7] + fields
        let text = refused(frames.file(), .unsupported)
        #expect(text?.contains("Method 7 is not known") == true && text?.contains("newer reader") == true)
    }

    @Test func `what is no container is not to be fetched again`() {
        let error = #expect(throws: ReaderError.self) { try ContainerReader([UInt8]("PK is no .pith file".utf8)) }
        #expect(error?.code == .corrupt && error?.remedy == "Check that it is a .pith file.")
    }

    @Test func `a directory above the limit is refused, with 64 bytes for each of its own`() throws {
        let frames = Self.builder().frames(), limit = 64 * (try frames.fields().count)
        #expect(try ContainerReader(frames.file(), maximumByteCount: limit).arrays.count == 3)
        let error = #expect(throws: ReaderError.self) {
            try ContainerReader(frames.file(), maximumByteCount: limit - 1)
        }
        #expect(error?.code == .tooLarge && error?.subject == "directory")
        #expect(error?.problem.contains("\(limit) bytes, above the limit of \(limit - 1)") == true)
    }

    @Test func `fields that may be passed over are, and none stands twice`() throws {
        var builder = Self.builder()
        builder.fields[14] = [1, 2, 3]
        #expect(try builder.reader().arrays.count == 3)
        var frames = builder.frames()
        frames.store(fields: try frames.fields() + [1, 1, 65])
        #expect(refused(frames.file())?.contains("twice") == true)
        frames.store(fields: [1, 5, 65])
        #expect(refused(frames.file())?.contains("announced") == true)
    }

    @Test(arguments: [
        "", "/a", "a/", "a//b", ".", "..", "a/../b", "./a", "a\\b", "a\nb", "a\u{7F}",
    ]) func `a file name that leaves the folder is refused`(name: String) {
        var builder = Self.builder()
        builder.fileName = name
        #expect(refused(builder.frames().file())?.contains("File name") == true)
    }

    @Test(arguments: ["a", "a/b", "..a", "a..", "a b", "ä/ö"]) func `other file names are read`(name: String) throws {
        var builder = Self.builder()
        builder.fileName = name
        #expect(try builder.reader().bytes(ofFile: name).count == 8)
    }

    @Test(arguments: 1...9) func `forms nest eight deep`(depth: Int) throws {
        var form = ContainerBuilder.form("k", .float32, [])
        for _ in 1..<depth { form = ContainerBuilder.form("k", .float32, [], parts: [Bytes.text("p") + [3] + form]) }
        var builder = Self.builder()
        builder.forms = [("w", form)]
        if depth <= 8 {
            #expect(try builder.reader().forms.count == 1)
        } else {
            #expect(refused(builder.frames().file())?.contains("8 deep") == true)
        }
    }

    @Test func `a directory that says to be larger than it can be is refused`() {
        var frames = Self.builder().frames()
        frames.directory = Bytes.number(1 << 26 + 1) + [2, 1, 0]
        #expect(refused(frames.file())?.contains("directory says") == true)
        frames.directory = Bytes.number(1024 + 400 * 8) + [2, 1, 0]
        #expect(refused(frames.file())?.contains("directory says") == true)
    }

    @Test func `frames, the index and the end must fit what they list`() {
        let frames = Self.builder().frames()
        var changed = frames
        changed.blocks.removeLast()
        #expect(refused(changed.file(), .corrupt)?.contains("kind 3 rather than 2") == true)
        changed = frames
        changed.blocks.append([0, 1])
        #expect(refused(changed.file())?.contains("kind 2 rather than 3") == true)
        changed = frames
        changed.index = [3]
        #expect(refused(changed.file())?.contains("index") == true)
        changed.index = [2] + [UInt8](repeating: 0, count: 27)
        #expect(refused(changed.file())?.contains("2 blocks are listed") == true)
        changed = frames
        changed.end = [UInt8](repeating: 0, count: 48)
        #expect(refused(changed.file())?.contains("said to be") == true)
        changed.end = [UInt8](repeating: 0, count: 49)
        #expect(refused(changed.file())?.contains("longer than 48") == true)
        changed = frames
        changed.preamble[8] = 2
        #expect(refused(changed.file(), .unsupported)?.contains("version 2") == true)
        changed.preamble[8] = 1
        changed.preamble[15] = 1
        #expect(refused(changed.file())?.contains("not zeros") == true)
    }

    @Test func `a damaged block is named, with its place and its array`() throws {
        var builder = Self.builder()
        builder.bodies[1] = [1, 2]
        let reader = try builder.reader()
        #expect(try reader.numbers(ofWeight: "a") == [1, 2, 3])
        let error = #expect(throws: ReaderError.self) { try reader.numbers(ofWeight: "b") }
        #expect(error?.subject.hasPrefix("block 1, byte ") == true)
        #expect(error?.subject.hasSuffix(" of the file, array 'b'") == true)
        #expect(error?.problem == "4 bytes are announced, 1 are left. (at byte 1 of 2)")
        builder.bodies[1] = [17, 2]
        let other = #expect(throws: ReaderError.self) { try builder.reader().bytes(ofFile: "file") }
        #expect(other?.code == .unsupported && other?.problem.contains("zstd") == true)
    }
}
