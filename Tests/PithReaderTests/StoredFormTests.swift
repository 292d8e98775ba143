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
        var description: String { "\(kind), \(name)" }

        func reader() throws -> ContainerReader {
            var builder = ContainerBuilder()
            for part in parts { builder.add("w.\(part.name)", part.type, part.dimensions, part.bytes) }
            let names = parts.map { ($0.name, "w.\($0.name)") }
            builder.addForm(
                "w", kind, dimensions, type: type, settings: settings, parts: Dictionary(uniqueKeysWithValues: names))
            return try builder.reader()
        }
    }

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
            settings: ["axis": 1, "block": 3, "padded": 1], parts: [levels, scales([1, 10], [2, 1])],
            numbers: [1, 2, -10, -20]),
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
        Sample(
            name: "bytes", kind: "packed-integers", type: .int8, dimensions: [3], settings: ["bits": 4, "offset": 8],
            parts: [Part("bytes", .uint8, [2], [0xF0, 0x08])], numbers: [-8, 7, 0]),
        // Two bits of 0, 1, 2, 3, 1 in two bytes, one bit of 1, 0, 1, 0, 1 in one: 100, 001, 110, 011, 101.
        Sample(
            name: "runs", kind: "packed-integers", type: .uint8, dimensions: [5], settings: ["bits": 3],
            parts: [
                Part("bits-2", .uint8, [2], [0b01_10_00, 0b11_01]), Part("bits-1", .uint8, [1], [0b10101]),
            ], numbers: [4, 1, 6, 3, 5]),
    ]

    @Test(arguments: samples) func `numbers follow from the parts as the format says`(sample: Sample) throws {
        let reader = try sample.reader()
        #expect(try reader.numbers(ofWeight: "w") == sample.numbers)
        #expect(reader.forms.map(\.kind) == [sample.kind] && reader.forms[0].dimensions == sample.dimensions)
    }

    private static func grouped(
        _ name: String, _ dimensions: [Int] = [2, 3], type: ElementType = .float32, settings: [String: Int] = [:],
        parts: [Part], code: ReaderError.Code = .corrupt
    ) -> Sample {
        Sample(
            name: name, kind: "grouped-integers", type: type, dimensions: dimensions, settings: settings, parts: parts,
            code: code)
    }

    private static func tabled(_ name: String, settings: [String: Int] = [:], parts: [Part]) -> Sample {
        Sample(name: name, kind: "tabled-integers", dimensions: [2, 3], settings: settings, parts: parts)
    }

    private static func sparse(_ name: String, _ dimensions: [Int], _ places: [Int], _ shape: [Int]) -> Sample {
        let bytes = places.flatMap { Bytes.little($0, 8) }, isHuge = dimensions.contains(1 << 40)
        return Sample(
            name: name, kind: "sparse-values", dimensions: dimensions,
            parts: [values, Part("indices", .int64, shape, bytes)],
            code: isHuge && !dimensions.contains(0) ? .unsupported : .corrupt)
    }

    private static func packed(
        _ name: String, type: ElementType = .uint8, settings: [String: Int], parts: [Part]
    ) -> Sample {
        Sample(
            name: name, kind: "packed-integers", type: type, dimensions: [8], settings: settings, parts: parts)
    }

    static let refused = [
        grouped("no scales", parts: [levels]), grouped("no levels", parts: [scales([1])]),
        grouped("another shape", [2, 4], parts: [levels, scales([1])]),
        grouped("too many scales", parts: [levels, scales([1, 2])]),
        grouped("another type", type: .float16, parts: [levels, scales([1])]),
        grouped("an axis past the shape", settings: ["axis": 2], parts: [levels, scales([1])]),
        grouped("a block of nothing", settings: ["axis": 1, "block": 0], parts: [levels, scales([1])]),
        grouped("a block without an axis", settings: ["block": 2], parts: [levels, scales([1])]),
        grouped(
            "padding past all numbers", settings: ["axis": 1, "block": .max, "padded": 1],
            parts: [levels, scales([1, 2], [2, 1])]),
        grouped("more bits than the type has", settings: ["bits": 9], parts: [levels, scales([1])]),
        grouped("levels of 64 bits", [1], parts: [Part("levels", .int64, [1], Bytes.little(1, 8)), scales([1])]),
        grouped(
            "levels that are floats", [1], parts: [Part("levels", .float32, [1], Bytes.little(1, 4)), scales([1])]),
        grouped("zero points of another type", parts: [levels, scales([1]), Part("zero-points", .uint8, [1], [1])]),
        grouped("a shape past all memory", [1 << 40, 1 << 40], parts: [levels, scales([1])], code: .unsupported),
        tabled(
            "a code past its table", settings: ["bits": 1],
            parts: [codes, scales([1]), Part("table", .float32, [2], Bytes.floats([1, 2]))]),
        tabled("a table that is too long", settings: ["bits": 1], parts: [codes, scales([1]), table]),
        tabled("a table of two axes", parts: [codes, scales([1]), Part("table", .float32, [2, 2], table.bytes)]),
        tabled("codes with a sign", parts: [Part("codes", .int2, [2, 3], codes.bytes), scales([1]), table]),
        tabled("zero points", parts: [codes, scales([1]), table, Part("zero-points", .uint2, [1], [1])]),
        Sample(
            name: "an index past its values", kind: "codebook", dimensions: [1],
            parts: [Part("indices", .uint8, [1], [2]), values]),
        Sample(
            name: "halves of single precision", kind: "half-floats", dimensions: [2],
            parts: [Part("numbers", .float32, [2], Bytes.floats([1, 2]))]),
        sparse("a place past the end", [2, 3], [1, 6], [2]), sparse("a place before the start", [2, 3], [1, -1], [2]),
        sparse("one place twice", [2, 3], [4, 4], [2]), sparse("too few places", [2, 3], [4], [1]),
        sparse("coordinates past an axis", [2, 3], [0, 3, 1, 0], [2, 2]),
        sparse("coordinates of three axes", [2, 3], [0, 0, 0, 0, 0, 1], [2, 3]),
        sparse("a shape past all memory", [1 << 40, 1 << 40], [0, 1], [2]),
        sparse("values in a shape of nothing", [1 << 40, 1 << 40, 0], [1 << 39, 1 << 39, 0, 0, 0, 0], [2, 3]),
        packed("no bits", settings: [:], parts: [Part("bytes", .uint8, [1], [1])]),
        packed("three bits in bytes", settings: ["bits": 3], parts: [Part("bytes", .uint8, [3], [1, 2, 3])]),
        packed("too few bytes", settings: ["bits": 2], parts: [Part("bytes", .uint8, [1], [1])]),
        packed(
            "an offset that is no power", type: .int8, settings: ["bits": 1, "offset": 3],
            parts: [Part("bytes", .uint8, [1], [1])]),
        packed(
            "a sign without an offset", type: .int8, settings: ["bits": 1], parts: [Part("bytes", .uint8, [1], [1])]),
        packed("runs that do not add up", settings: ["bits": 2], parts: [Part("bits-1", .uint8, [1], [1])]),
        Sample(name: "never heard of", kind: "spline", dimensions: [2], parts: [values], code: .unsupported),
    ]

    @Test(arguments: refused) func `a form is refused for`(sample: Sample) throws {
        let reader = try sample.reader(),
            error = #expect(throws: ReaderError.self) { try reader.numbers(ofWeight: "w") }
        #expect(error?.code == sample.code && error?.subject == "weight 'w'")
        // The arrays are there all the same.
        for part in sample.parts { #expect(try reader.bytes(ofArray: "w.\(part.name)") == part.bytes) }
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
        builder.add("w.levels", .int8, [1 << 40, 1 << 40, 0], [])
        builder.add("w.scales", .float32, [0], [])
        builder.addForm(
            "w", "grouped-integers", [1 << 40, 1 << 40, 0], settings: ["axis": 2],
            parts: ["levels": "w.levels", "scales": "w.scales"])
        #expect(try builder.reader().numbers(ofWeight: "w") == [])
    }
}
