import PithReader
import Testing

@Suite struct StoredFormTests {
    struct Part: Sendable {
        let name: String
        let type: ElementType
        let dimensions: [Int]
        let bytes: [UInt8]

        init(_ name: String, _ type: ElementType, _ dimensions: [Int], _ bytes: [UInt8]) {
            (self.name, self.type, self.dimensions, self.bytes) = (name, type, dimensions, bytes)
        }
    }

    struct Sample: Sendable, CustomStringConvertible {
        let name: String
        let kind: String
        var type = ElementType.float32
        let dimensions: [Int]
        var settings: [String: Int] = [:]
        let parts: [Part]
        /// What is expected; empty for a form that is refused.
        var numbers: [Float] = []
        var code = ReaderError.Code.corrupt
        /// A word of the error.
        var word = ""
        var description: String { "\(kind), \(name)" }

        func reader() throws -> ContainerReader {
            var builder = ContainerBuilder()
            for part in parts { builder.add("w.\(part.name)", part.type, part.dimensions, part.bytes) }
            let names = parts.map { ($0.name, "w.\($0.name)") }
            builder.addForm(
                "w", kind, dimensions, type: type, settings: settings, parts: Dictionary(uniqueKeysWithValues: names))
            return try builder.reader()
        }

        /// The form as the levels of another, with a scale of 1.
        func packedReader() throws -> ContainerReader {
            var builder = ContainerBuilder()
            for part in parts { builder.add("w.\(part.name)", part.type, part.dimensions, part.bytes) }
            let settings = settings.sorted { $0.key < $1.key }.map { Bytes.text($0.key) + Bytes.number($0.value) }
            let sources = parts.enumerated().map { Bytes.text($1.name) + [1] + Bytes.number($0) }
            let inner = ContainerBuilder.form(kind, type, dimensions, settings: settings, parts: sources)
            builder.forms = [("w", StoredFormTests.outer(dimensions, levels: inner))]
            return try builder.reader()
        }
    }

    /// Grouped integers whose levels are another form, with a scale of 1.
    private static func outer(_ dimensions: [Int], levels: [UInt8]) -> [UInt8] {
        let scale = Bytes.text("scales") + [2, ElementType.float32.rawValue, 0] + Bytes.floats([1])
        return ContainerBuilder.form(
            "grouped-integers", .float32, dimensions, parts: [Bytes.text("levels") + [3] + levels, scale])
    }

    private static func bytes(_ bytes: [UInt8]) -> Part { Part("bytes", .uint8, [bytes.count], bytes) }

    private static func scales(_ values: [Float], _ dimensions: [Int]? = nil) -> Part {
        Part("scales", .float32, dimensions ?? [values.count], Bytes.floats(values))
    }

    private static let levels = Part("levels", .int8, [2, 3], [1, 2, 3, 255, 254, 253])
    private static let codes = Part("codes", .uint2, [2, 3], [0b0010_0100, 0b0100])
    private static let table = Part("table", .float32, [4], Bytes.floats([1, 2, 4, 8]))
    private static let indices = Part("indices", .int64, [2], Bytes.little(1, 8) + Bytes.little(5, 8))
    private static let values = Part("values", .float32, [2], Bytes.floats([7, 9]))

    static let samples = [
        Sample(
            name: "half", kind: "half-floats", dimensions: [2],
            parts: [Part("numbers", .float16, [2], [0, 0x3C, 0, 0xC0])], numbers: [1, -2]),
        Sample(
            name: "one scale", kind: "grouped-integers", dimensions: [2, 3], parts: [levels, scales([2])],
            numbers: [2, 4, 6, -2, -4, -6]),
        Sample(
            name: "rows", kind: "grouped-integers", dimensions: [2, 3], settings: ["axis": 0],
            parts: [levels, scales([2, 10])], numbers: [2, 4, 6, -10, -20, -30]),
        Sample(
            name: "columns with zero points", kind: "grouped-integers", dimensions: [2, 3], settings: ["axis": 1],
            parts: [levels, scales([2, 4, 8]), Part("zero-points", .int8, [3], [1, 0, 255])],
            numbers: [0, 8, 32, -4, -8, -16]),
        Sample(
            name: "blocks of two columns", kind: "grouped-integers", dimensions: [2, 3],
            settings: ["axis": 1, "block": 2], parts: [levels, scales([1, 2, 3, 4], [2, 2])],
            numbers: [1, 2, 6, -3, -6, -12]),
        Sample(
            name: "blocks of two rows", kind: "grouped-integers", dimensions: [2, 3],
            settings: ["axis": 0, "block": 2], parts: [levels, scales([1, 2, 3], [1, 3])],
            numbers: [1, 4, 9, -1, -4, -9]),
        Sample(
            name: "padding", kind: "grouped-integers", dimensions: [2, 2],
            settings: ["axis": 1, "block": 2, "padded": 1],
            parts: [Part("levels", .int8, [2, 2], [1, 2, 255, 254]), scales([1, 10], [2, 1])],
            numbers: [1, 2, -10, -20]),
        Sample(
            name: "padding of three columns", kind: "grouped-integers", dimensions: [1, 3],
            settings: ["axis": 1, "block": 2, "padded": 1],
            parts: [Part("levels", .int8, [1, 4], [1, 2, 3, 99]), scales([1, 10], [1, 2])], numbers: [1, 2, 30]),
        Sample(
            name: "a block without padding", kind: "grouped-integers", dimensions: [1, 3],
            settings: ["axis": 1, "block": 3, "padded": 0],
            parts: [Part("levels", .int8, [1, 3], [1, 2, 3]), scales([2], [1, 1])], numbers: [2, 4, 6]),
        // The last code of each row only pads, and is past the table.
        Sample(
            name: "codes that pad", kind: "tabled-integers", dimensions: [2, 3],
            settings: ["bits": 1, "axis": 1, "block": 2, "padded": 1],
            parts: [
                Part("codes", .uint8, [2, 4], [0, 1, 1, 9, 1, 0, 0, 255]), scales([1, 10, 100, 1000], [2, 2]),
                Part("table", .float32, [2], Bytes.floats([1, 2])),
            ], numbers: [1, 2, 20, 200, 100, 1000]),
        Sample(
            name: "codes", kind: "tabled-integers", dimensions: [2, 3], settings: ["axis": 0],
            parts: [codes, scales([1, 10]), table], numbers: [1, 2, 4, 10, 10, 20]),
        Sample(
            name: "indices", kind: "codebook", dimensions: [3],
            parts: [Part("indices", .uint8, [3], [1, 0, 1]), values], numbers: [9, 7, 9]),
        Sample(
            name: "places", kind: "sparse-values", dimensions: [2, 3], parts: [values, indices],
            numbers: [0, 7, 0, 0, 0, 9]),
        Sample(
            name: "coordinates", kind: "sparse-values", dimensions: [2, 3],
            parts: [values, Part("indices", .int64, [2, 2], [1, 0, 0, 2].flatMap { Bytes.little($0, 8) })],
            numbers: [0, 0, 9, 7, 0, 0]),
    ]

    static let packedSamples = [
        packed(
            "bytes", [3], type: .int8, settings: ["bits": 4, "offset": 8], parts: [bytes([0xF0, 0x08])], [-8, 7, 0]),
        // Two bits of 0, 1, 2, 3, 1 in two bytes, one bit of 1, 0, 1, 0, 1 in one: 100, 001, 110, 011, 101.
        packed(
            "runs", [5], settings: ["bits": 3],
            parts: [Part("bits-2", .uint8, [2], [0b01_10_00, 0b11_01]), Part("bits-1", .uint8, [1], [0b10101])],
            [4, 1, 6, 3, 5]),
    ]

    @Test(arguments: packedSamples) func `packed integers are read as a part, and refused alone`(
        sample: Sample
    ) throws {
        #expect(try sample.packedReader().numbers(ofWeight: "w") == sample.numbers)
        let reader = try sample.reader()
        let error = #expect(throws: ReaderError.self) { try reader.numbers(ofWeight: "w") }
        #expect(error?.code == .unsupported && error?.problem.contains("only a part of other forms") == true)
        #expect(reader.forms[0].type == sample.type)
    }

    @Test(arguments: samples) func `numbers follow from the parts as the format says`(sample: Sample) throws {
        let reader = try sample.reader()
        #expect(try reader.numbers(ofWeight: "w") == sample.numbers)
        #expect(reader.forms.map(\.kind) == [sample.kind] && reader.forms[0].dimensions == sample.dimensions)
    }

    private static func grouped(
        _ name: String, _ dimensions: [Int] = [2, 3], type: ElementType = .float32, settings: [String: Int] = [:],
        parts: [Part] = [levels, scales([1])], code: ReaderError.Code = .corrupt, _ word: String
    ) -> Sample {
        Sample(
            name: name, kind: "grouped-integers", type: type, dimensions: dimensions, settings: settings, parts: parts,
            code: code, word: word)
    }

    private static func tabled(_ name: String, settings: [String: Int] = [:], parts: [Part], _ word: String) -> Sample {
        Sample(name: name, kind: "tabled-integers", dimensions: [2, 3], settings: settings, parts: parts, word: word)
    }

    private static func sparse(
        _ name: String, _ dimensions: [Int], _ places: [Int], _ shape: [Int], type: ElementType = .float32,
        values: Part = values, code: ReaderError.Code = .corrupt, _ word: String
    ) -> Sample {
        let bytes = places.flatMap { Bytes.little($0, 8) }
        return Sample(
            name: name, kind: "sparse-values", type: type, dimensions: dimensions,
            parts: [values, Part("indices", .int64, shape, bytes)], code: code, word: word)
    }

    private static func packed(
        _ name: String, _ dimensions: [Int] = [8], type: ElementType = .uint8, settings: [String: Int], parts: [Part],
        _ numbers: [Float] = [], word: String = ""
    ) -> Sample {
        Sample(
            name: name, kind: "packed-integers", type: type, dimensions: dimensions, settings: settings, parts: parts,
            numbers: numbers, word: word)
    }

    static let refusedGrouped = [
        grouped("no scales", parts: [levels], "'scales' is missing"),
        grouped("no levels", parts: [scales([1])], "'levels' is missing"),
        grouped("another shape", [2, 4], "not 8 numbers"),
        grouped("too many scales", parts: [levels, scales([1, 2])], "not 1 numbers"),
        grouped("another type", type: .float16, "not for float32"),
        grouped("an axis past the shape", settings: ["axis": 2], "no axis 2"),
        grouped("a block of nothing", settings: ["axis": 1, "block": 0], "A block has 0 numbers"),
        grouped("a block longer than its axis", settings: ["axis": 1, "block": 4], "4 numbers, on an axis of 3"),
        grouped(
            "a block of three on an axis of two", [2, 2], settings: ["axis": 1, "block": 3, "padded": 1],
            parts: [levels, scales([1, 10], [2, 1])], "3 numbers, on an axis of 2"),
        grouped("a block of two on an axis of 0", [2, 0], settings: ["axis": 1, "block": 2], "on an axis of 0"),
        grouped("a block without an axis", settings: ["block": 2], "'block' stands without 'axis'"),
        grouped("padding without a block", settings: ["axis": 1, "padded": 1], "'padded' stands without 'block'"),
        grouped("no padding without a block", settings: ["padded": 0], "'padded' stands without 'block'"),
        grouped("padding of two", settings: ["axis": 1, "block": 2, "padded": 2], "'padded' is 2"),
        grouped("an axis above 2^48", [1 << 48 + 1], settings: ["axis": 0], "above 2^48"),
        grouped("an axis above 2^48 beside one of 0", [0, 1 << 48 + 1], settings: ["axis": 1], "above 2^48"),
        grouped(
            "padding past all numbers", settings: ["axis": 1, "block": .max, "padded": 1],
            parts: [levels, scales([1, 2], [2, 1])], "on an axis of 3"),
        grouped("more bits than the type has", settings: ["bits": 9], "9 bits do not fit int8"),
        grouped(
            "levels of 64 bits", [1], parts: [Part("levels", .int64, [1], Bytes.little(1, 8)), scales([1])],
            "cannot be of type int64"),
        grouped(
            "levels that are floats", [1], parts: [Part("levels", .float32, [1], Bytes.little(1, 4)), scales([1])],
            "cannot be of type float32"),
        grouped(
            "zero points of another type", parts: [levels, scales([1]), Part("zero-points", .uint8, [1], [1])],
            "'zero-points' cannot be of type uint8"),
        grouped("a shape past the limit", [1 << 40, 1 << 10], code: .tooLarge, "above the limit"),
        grouped("a setting of its own", settings: ["groups": 1], "no setting 'groups'"),
        grouped("a part of its own", parts: [levels, scales([1]), table], "no part 'table'"),
    ]

    static let refusedOthers = [
        tabled(
            "a code past its table", settings: ["bits": 1],
            parts: [codes, scales([1]), Part("table", .float32, [2], Bytes.floats([1, 2]))], "Code 2 is past the 2"),
        tabled(
            "a table that is too long", settings: ["bits": 1], parts: [codes, scales([1]), table], "not 2 numbers"),
        tabled(
            "a table of two axes", parts: [codes, scales([1]), Part("table", .float32, [2, 2], table.bytes)],
            "more than one axis"),
        tabled(
            "codes with a sign", parts: [Part("codes", .int2, [2, 3], codes.bytes), scales([1]), table],
            "cannot be of type int2"),
        tabled(
            "zero points", parts: [codes, scales([1]), table, Part("zero-points", .uint2, [1], [1])],
            "no part 'zero-points'"),
        Sample(
            name: "an index past its values", kind: "codebook", dimensions: [1],
            parts: [Part("indices", .uint8, [1], [2]), values], word: "past its 2 values"),
        Sample(
            name: "a setting", kind: "codebook", dimensions: [1], settings: ["bits": 1],
            parts: [Part("indices", .uint8, [1], [1]), values], word: "no setting 'bits'"),
        Sample(
            name: "halves of single precision", kind: "half-floats", dimensions: [2],
            parts: [Part("numbers", .float32, [2], Bytes.floats([1, 2]))], word: "cannot be of type float32"),
        Sample(
            name: "a scale", kind: "half-floats", dimensions: [1],
            parts: [Part("numbers", .float16, [1], [0, 0x3C]), scales([1])], word: "no part 'scales'"),
        sparse("a place past the end", [2, 3], [1, 6], [2], "at 6 of 6"),
        sparse("a place before the start", [2, 3], [1, -1], [2], "at -1 of 6"),
        sparse("one place twice", [2, 3], [4, 4], [2], "Two values are placed at 4"),
        sparse("too few places", [2, 3], [4], [1], "do not place 2 values"),
        sparse("coordinates past an axis", [2, 3], [0, 3, 1, 0], [2, 2], "placed outside"),
        sparse("coordinates of three axes", [2, 3], [0, 0, 0, 0, 0, 1], [2, 3], "do not place 2 values"),
        sparse("a shape past the limit", [1 << 40, 1 << 10], [0, 1], [2], code: .tooLarge, "above the limit"),
        sparse("values in a shape of nothing", [1 << 40, 1 << 20, 0], [1, 1, 0, 0, 0, 0], [2, 3], "are placed in"),
        sparse(
            "values of two axes", [2, 3], [0, 1], [2], values: Part("values", .float32, [2, 1], values.bytes),
            "not one axis"),
        sparse(
            "values of another type", [2, 3], [0, 1], [2], values: Part("values", .uint8, [2], [1, 2]),
            "'values' cannot be of type uint8"),
        sparse(
            "values of four bits", [2, 3], [0, 1], [2], type: .int4, values: Part("values", .int4, [2], [0x21]),
            "below eight bits"),
        sparse(
            "complex values", [2, 3], [0], [1], type: .complex64,
            values: Part("values", .complex64, [1], Bytes.floats([1, 2])), code: .unsupported, "complex"),
        Sample(
            name: "a setting", kind: "sparse-values", dimensions: [2, 3], settings: ["axis": 0],
            parts: [values, indices], word: "no setting 'axis'"),
        Sample(
            name: "never heard of", kind: "spline", dimensions: [2], settings: ["knots": 3], parts: [values],
            code: .unsupported, word: "'spline' cannot be read"),
    ]

    @Test(arguments: refusedGrouped + refusedOthers) func `a form is refused for`(sample: Sample) throws {
        let reader = try sample.reader()
        let error = #expect(throws: ReaderError.self) { try reader.numbers(ofWeight: "w") }
        #expect(error?.code == sample.code && error?.subject == "weight 'w'")
        #expect(error?.problem.contains(sample.word) == true, "\(error?.problem ?? "")")
        // The arrays are there all the same.
        for part in sample.parts { #expect(try reader.bytes(ofArray: "w.\(part.name)") == part.bytes) }
    }

    static let refusedPacked = [
        packed("no bits", settings: [:], parts: [bytes([1])], word: "0 bits"),
        packed("nine bits", settings: ["bits": 9], parts: [bytes([1])], word: "9 bits"),
        packed("three bits in bytes", settings: ["bits": 3], parts: [bytes([1, 2, 3])], word: "do not fill bytes"),
        packed("too few bytes", settings: ["bits": 2], parts: [bytes([1])], word: "not 2 numbers"),
        packed(
            "an offset that is no power", type: .int8, settings: ["bits": 1, "offset": 3], parts: [bytes([1])],
            word: "the offset 3"),
        packed(
            "a sign without an offset", type: .int8, settings: ["bits": 1], parts: [bytes([1])], word: "not for uint8"),
        packed(
            "runs that do not add up", settings: ["bits": 2], parts: [Part("bits-1", .uint8, [1], [1])],
            word: "do not make 2 bits"),
        packed(
            "more runs than bits", settings: ["bits": 1],
            parts: [Part("bits-1", .uint8, [1], [1]), Part("bits-2", .uint8, [2], [1, 1])], word: "do not make 1 bits"),
        packed("nothing to read from", settings: ["bits": 1], parts: [], word: "do not make 1 bits"),
        packed(
            "bytes and runs", settings: ["bits": 1], parts: [bytes([1]), Part("bits-1", .uint8, [1], [1])],
            word: "both 'bytes' and 'bits-1'"),
        packed("a setting", settings: ["bits": 1, "axis": 0], parts: [bytes([1])], word: "no setting 'axis'"),
        packed(
            "a run of 8", settings: ["bits": 8], parts: [Part("bits-8", .uint8, [8], [1, 2, 3, 4, 5, 6, 7, 8])],
            word: "no part 'bits-8'"),
    ]

    @Test(arguments: refusedPacked) func `packed integers are refused for`(sample: Sample) throws {
        let reader = try sample.packedReader()
        let error = #expect(throws: ReaderError.self) { try reader.numbers(ofWeight: "w") }
        #expect(error?.code == .corrupt && error?.subject == "weight 'w'")
        #expect(error?.problem.contains(sample.word) == true, "\(error?.problem ?? "")")
    }

    @Test(
        arguments: [
            ("codebook", .corrupt, "does not stand for integers"), ("half-floats", .corrupt, "does not stand"),
            ("spline", .unsupported, "'spline' cannot be read"),
        ] as [(String, ReaderError.Code, String)]) func `levels cannot be a form without integers`(
            _ kind: String, _ code: ReaderError.Code, _ word: String
        ) throws
    {
        var builder = ContainerBuilder()
        builder.forms = [("w", Self.outer([2], levels: ContainerBuilder.form(kind, .int8, [2])))]
        let error = #expect(throws: ReaderError.self) { try builder.reader().numbers(ofWeight: "w") }
        #expect(error?.code == code && error?.problem.contains(word) == true)
    }

    @Test func `parts are named by their arrays, at any depth`() throws {
        var builder = ContainerBuilder()
        for name in ["a", "b", "c"] { builder.add(name, .uint8, [1], [1]) }
        let deep = ContainerBuilder.form("k", .int8, [], parts: [Bytes.text("y") + [1, 0]])
        let inner = ContainerBuilder.form(
            "k", .int8, [1], parts: [Bytes.text("bytes") + [1, 2], Bytes.text("rest") + [2, 15, 0, 9]])
        builder.forms = [
            (
                "w",
                ContainerBuilder.form(
                    "k", .int8, [1],
                    parts: [
                        Bytes.text("levels") + [3] + inner, Bytes.text("scales") + [1, 0],
                        Bytes.text("x") + [3] + deep,
                        Bytes.text("x.y") + [1, 1],
                    ])
            )
        ]
        #expect(try builder.reader().forms[0].parts == ["levels.bytes": 2, "scales": 0, "x.y": 1])
        builder.forms = [("w", ContainerBuilder.form("k", .int8, [1]))]
        #expect(try builder.reader().forms[0].parts.isEmpty)
    }

    @Test func `forms of forms and numbers that are written out are read`() throws {
        var builder = ContainerBuilder()
        builder.add("w.bytes", .uint8, [2], [0xF0, 0x08])
        let inner = ContainerBuilder.form(
            "packed-integers", .int8, [3], settings: [Bytes.text("bits") + [4], Bytes.text("offset") + [8]],
            parts: [Bytes.text("bytes") + [1, 0]])
        let scale = [2, ElementType.float32.rawValue] + Bytes.list([[1]]) + Bytes.floats([0.5])
        builder.forms = [
            (
                "w",
                ContainerBuilder.form(
                    "grouped-integers", .float32, [3],
                    parts: [Bytes.text("levels") + [3] + inner, Bytes.text("scales") + scale])
            )
        ]
        #expect(try builder.reader().numbers(ofWeight: "w") == [-4, 3.5, 0])
    }

    @Test func `a weight of no numbers is read, however long its other axes are`() throws {
        var builder = ContainerBuilder()
        builder.add("other", .uint8, [1], [1])
        let nothing = [2, ElementType.int8.rawValue] + Bytes.list([1 << 40, 1 << 20, 0].map(Bytes.number))
        let axis = [Bytes.text("axis") + [2], Bytes.text("block") + [1]]
        builder.forms = [
            (
                "w",
                ContainerBuilder.form(
                    "grouped-integers", .float32, [1 << 40, 1 << 20, 0], settings: axis,
                    parts: [
                        Bytes.text("levels") + nothing,
                        Bytes.text("scales") + [2, ElementType.float32.rawValue, 1, 0],
                    ])
            )
        ]
        #expect(try builder.reader().numbers(ofWeight: "w") == [])
    }
}
