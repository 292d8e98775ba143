import PithReader
import Testing

@Suite struct NumberTests {
    struct Sample: Sendable, CustomStringConvertible {
        let type: ElementType
        let bytes: [UInt8]
        let numbers: [Float]
        var description: String { "\(type)" }
    }

    static let samples = [
        Sample(type: .float32, bytes: [0, 0, 0x80, 0x3F, 0, 0, 0x20, 0xC0], numbers: [1, -2.5]),
        Sample(type: .float64, bytes: [0, 0, 0, 0, 0, 0, 0xF8, 0xBF], numbers: [-1.5]),
        Sample(
            type: .float16, bytes: [0, 0x3C, 1, 0, 0xFF, 0x7B, 0, 0xFC, 0, 0x80],
            numbers: [1, 0x1p-24, 65504, -.infinity, -0.0]),
        Sample(type: .bfloat16, bytes: [0x80, 0x3F, 0x20, 0xC0], numbers: [1, -2.5]),
        Sample(type: .float8E4M3FN, bytes: [0x38, 0x7E, 0x01, 0x81, 0xB8], numbers: [1, 448, 0x1p-9, -0x1p-9, -1]),
        Sample(type: .float8E4M3FNUZ, bytes: [0x40, 0x7F, 0x01, 0xC0], numbers: [1, 240, 0x1p-10, -1]),
        Sample(
            type: .float8E5M2, bytes: [0x3C, 0x7B, 0x7C, 0xFC, 0x01],
            numbers: [1, 57344, .infinity, -.infinity, 0x1p-16]),
        Sample(type: .float8E5M2FNUZ, bytes: [0x40, 0x7F, 0x01], numbers: [1, 57344, 0x1p-17]),
        Sample(type: .float8E8M0, bytes: [127, 0, 254], numbers: [1, 0x1p-127, 0x1p127]),
        Sample(
            type: .float4E2M1, bytes: [0x10, 0x32, 0x54, 0x76, 0xF9], numbers: [0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.5, -6]),
        Sample(type: .int8, bytes: [0x80, 0x7F, 0xFF], numbers: [-128, 127, -1]),
        Sample(type: .int16, bytes: [0, 0x80, 0xFF, 0x7F], numbers: [-32768, 32767]),
        Sample(type: .int32, bytes: [0, 0, 0, 0x80], numbers: [-0x1p31]),
        Sample(type: .int64, bytes: [0, 0, 0, 0, 0, 0, 0, 0x80], numbers: [-0x1p63]),
        Sample(type: .uint8, bytes: [0, 255], numbers: [0, 255]),
        Sample(type: .uint16, bytes: [0xFF, 0xFF], numbers: [65535]),
        Sample(type: .uint32, bytes: [0, 0, 0, 0x80], numbers: [0x1p31]),
        Sample(type: .uint64, bytes: [0, 0, 0, 0, 0, 0, 0, 0x80], numbers: [0x1p63]),
        Sample(type: .int4, bytes: [0x87, 0x0F], numbers: [7, -8, -1]),
        Sample(type: .uint4, bytes: [0x87, 0x0F], numbers: [7, 8, 15]),
        Sample(type: .int2, bytes: [0b1110_0100, 0b10], numbers: [0, 1, -2, -1, -2]),
        Sample(type: .uint2, bytes: [0b1110_0100, 0b10], numbers: [0, 1, 2, 3, 2]),
        Sample(type: .bool, bytes: [0, 1], numbers: [0, 1]),
    ]

    @Test(arguments: samples) func `numbers of every type have their values`(sample: Sample) throws {
        var builder = ContainerBuilder()
        builder.add("w", sample.type, [sample.numbers.count], sample.bytes)
        let reader = try builder.reader(), numbers = try reader.numbers(ofWeight: "w")
        #expect(numbers.map(\.bitPattern) == sample.numbers.map(\.bitPattern))
        #expect(try reader.bytes(ofArray: "w") == sample.bytes)
        #expect(reader.arrays[0].byteCount == sample.bytes.count)
    }

    /// Codes that are no numbers.
    @Test(
        arguments: [
            (ElementType.float8E4M3FN, [0x7F, 0xFF]), (.float8E4M3FNUZ, [0x80]), (.float8E5M2, [0x7D, 0xFF]),
            (.float8E5M2FNUZ, [0x80]), (.float8E8M0, [0xFF]), (.float16, [1, 0x7C]), (.bfloat16, [0xC0, 0x7F]),
        ] as [(ElementType, [UInt8])]) func `what is not a number stays that`(_ type: ElementType, _ bytes: [UInt8])
        throws
    {
        var builder = ContainerBuilder()
        builder.add("w", type, [bytes.count * 8 / type.bitCount], bytes)
        #expect(try builder.reader().numbers(ofWeight: "w").allSatisfy { $0.isNaN })
    }

    @Test func `type codes and sizes are those of the format`() {
        #expect(ElementType.allCases.map(\.rawValue) == [UInt8](0...25))
        #expect(ElementType.allCases.filter { $0.bitCount < 8 }.map(\.rawValue) == [10, 19, 20, 21, 22])
        #expect([ElementType.float32, .float64, .complex64, .complex128].map(\.bitCount) == [32, 64, 64, 128])
    }

    @Test func `complex numbers, text and unknown names are refused in words`() throws {
        var builder = ContainerBuilder()
        builder.add("c", .complex64, [1], [0, 0, 0, 0, 0, 0, 0, 0])
        builder.add("t", .text, [3], [1, 2, 3])
        let reader = try builder.reader()
        #expect(try reader.bytes(ofArray: "c").count == 8 && reader.bytes(ofArray: "t") == [1, 2, 3])
        func code(_ work: () throws(ReaderError) -> Void) -> ReaderError.Code? {
            #expect(throws: ReaderError.self, performing: work)?.code
        }
        #expect(code { () throws(ReaderError) in _ = try reader.numbers(ofWeight: "c") } == .unsupported)
        #expect(code { () throws(ReaderError) in _ = try reader.numbers(ofWeight: "t") } == .notFound)
        #expect(code { () throws(ReaderError) in _ = try reader.bytes(ofArray: "x") } == .notFound)
        #expect(code { () throws(ReaderError) in _ = try reader.bytes(ofFile: "x") } == .notFound)
        #expect(code { () throws(ReaderError) in _ = try reader.bytes(ofArrayAt: 2) } == .notFound)
        #expect(code { () throws(ReaderError) in _ = try reader.numbers(ofArrayAt: -1) } == .notFound)
        #expect(code { () throws(ReaderError) in _ = try reader.numbers(ofFormAt: 0) } == .notFound)
    }

    @Test func `of two arrays of one name the first is found, both by number`() throws {
        var builder = ContainerBuilder()
        builder.add("w", .uint8, [2], [1, 2])
        builder.add("w", .uint8, [2], [3, 4])
        builder.add("tied", .int8, [2, 1], [3, 4], original: 2)
        builder.hot = [1]
        let reader = try builder.reader()
        #expect(try reader.numbers(ofWeight: "w") == [1, 2] && reader.numbers(ofArrayAt: 1) == [3, 4])
        #expect(try reader.bytes(ofArraysAt: [2, 0, 2]) == [[3, 4], [1, 2], [3, 4]])
        #expect(try reader.bytes(ofFile: "file") == [1, 2, 3, 4, 3, 4])
        #expect(reader.arrays.map(\.isHot) == [false, true, false] && reader.arrays[2].original == 1)
    }

    @Test func `numbers are found before text of the same name`() throws {
        var builder = ContainerBuilder()
        builder.add("w", .text, [3], [1, 2, 3])
        builder.add("w", .uint8, [2], [8, 9])
        builder.add("t", .text, [1], [7])
        let reader = try builder.reader()
        #expect(try reader.bytes(ofArray: "w") == [8, 9] && reader.numbers(ofWeight: "w") == [8, 9])
        #expect(try reader.bytes(ofArray: "t") == [7])
    }

    @Test func `what is above the limit is refused before memory is taken`() throws {
        var builder = ContainerBuilder()
        builder.add("w", .float32, [4096], [UInt8](repeating: 0, count: 16384))
        let small = try builder.reader(maximumByteCount: 16383), large = try builder.reader(maximumByteCount: 16384)
        #expect(try large.numbers(ofWeight: "w").count == 4096 && large.bytes(ofFile: "file").count == 16384)
        #expect(try small.bytes(ofArrayAt: 0, rows: 1..<4096).count == 16380)
        for read in [
            { _ = try small.numbers(ofWeight: "w") }, { _ = try small.bytes(ofArray: "w") },
            { _ = try small.bytes(ofFile: "file") }, { _ = try small.bytes(ofArrayAt: 0, rows: 0..<4096) },
        ] as [() throws -> Void] {
            #expect(#expect(throws: ReaderError.self, performing: read)?.code == .tooLarge)
        }
    }

    @Test func `names that are equivalent and have other bytes are those of two arrays`() throws {
        var builder = ContainerBuilder()
        builder.add("\u{e9}", .uint8, [2], [1, 2])
        builder.add("e\u{301}", .uint8, [2], [3, 4])
        let reader = try builder.reader()
        #expect(try reader.bytes(ofArray: "\u{e9}") == [1, 2])
        #expect(try reader.bytes(ofArray: "e\u{301}") == [3, 4])
        #expect(try reader.numbers(ofWeights: ["e\u{301}", "\u{e9}"]) == [[3, 4], [1, 2]])
        #expect(throws: ReaderError.self) { try reader.bytes(ofArray: "e") }
    }
}
