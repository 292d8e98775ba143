import PithReader
import Testing

/// Rows of arrays, read without what else there is.
@Suite struct RowTests {
    /// Five rows of two half precision numbers in blocks of 2, 5 and 3 elements; a duplicate; rows of three nibbles.
    private static func builder() -> ContainerBuilder {
        var builder = ContainerBuilder()
        builder.add("w", .float16, [5, 2], (0..<10).flatMap { [0, UInt8(0x3C + $0)] })
        builder.add("tied", .int16, [10], builder.items[0].bytes, original: 1)
        builder.add("nibbles", .int4, [4, 3], [0x10, 0x32, 0x54, 0x76, 0x18, 0x32])
        builder.add("one", .uint8, [], [9])
        builder.add("text", .text, [3], [65, 66, 67])
        builder.add("complex", .complex64, [2], [UInt8](repeating: 0, count: 16))
        builder.fields[7] = [7, 1, 0, 2, 1, 0, 5, 1, 0, 3, 1, 2, 6, 1, 3, 1, 1, 4, 3, 1, 5, 4]
        return builder
    }

    private static let bodies: [[UInt8]] = {
        let items = builder().items, w = items[0].bytes
        return [[UInt8](w[..<4]), [UInt8](w[4..<14]), [UInt8](w[14...])] + items[2...].map(\.bytes)
    }()

    /// A reader whose blocks of the given numbers do not decode, below checksums that are right.
    private static func reader(damaged: Set<Int> = []) throws -> ContainerReader {
        var frames = builder().frames()
        frames.blocks = bodies.enumerated().map { number, bytes in damaged.contains(number) ? [0] : [0] + bytes }
        return try ContainerReader(frames.file())
    }

    @Test func `all ranges of rows are those of the whole array`() throws {
        let reader = try Self.reader(), whole = try reader.bytes(ofArrayAt: 0)
        let numbers = try reader.numbers(ofArrayAt: 0)
        #expect(numbers.count == 10)
        for start in 0...5 {
            for end in start...5 {
                #expect(try reader.bytes(ofArrayAt: 0, rows: start..<end) == [UInt8](whole[4 * start..<4 * end]))
                #expect(try reader.numbers(ofArrayAt: 0, rows: start..<end) == [Float](numbers[2 * start..<2 * end]))
                #expect(try reader.bytes(ofArrayAt: 1, rows: start..<end) == [UInt8](whole[2 * start..<2 * end]))
            }
        }
        #expect(try reader.bytes(ofArrayAt: 4, rows: 1..<3) == [66, 67])
        #expect(try reader.bytes(ofArrayAt: 5, rows: 1..<2).count == 8)
    }

    /// Rows of the first array and the blocks that hold some of them.
    @Test(
        arguments: [
            (0..<1, [0]), (1..<3, [1]), (1..<4, [1, 2]), (3..<4, [1, 2]), (4..<5, [2]), (0..<2, [0, 1]),
            (0..<5, [0, 1, 2]), (2..<2, []),
        ] as [(Range<Int>, Set<Int>)]) func `only blocks that hold some of the rows are decoded`(
            _ rows: Range<Int>, _ blocks: Set<Int>
        ) throws
    {
        let others = Set(Self.bodies.indices).subtracting(blocks), whole = try Self.reader()
        let reader = try Self.reader(damaged: others)
        #expect(try reader.bytes(ofArrayAt: 0, rows: rows) == whole.bytes(ofArrayAt: 0, rows: rows))
        #expect(try reader.numbers(ofArrayAt: 0, rows: rows) == whole.numbers(ofArrayAt: 0, rows: rows))
        for block in blocks {
            let damaged = try Self.reader(damaged: [block])
            let error = #expect(throws: ReaderError.self) { try damaged.bytes(ofArrayAt: 0, rows: rows) }
            #expect(error?.code == .corrupt && error?.subject.hasPrefix("block \(block),") == true)
        }
    }

    @Test func `rows that an array does not have are refused in words`() throws {
        let reader = try Self.reader()
        for (array, rows, code, word) in [
            (0, 4..<6, .notFound, "rows 4..<6"), (0, -1..<1, .notFound, "rows -1..<1"),
            (3, 0..<1, .notFound, "shape is []"), (6, 0..<1, .notFound, "array 6"), (-1, 0..<1, .notFound, "array -1"),
            (2, 0..<2, .unsupported, "12 bits"),
        ] as [(Int, Range<Int>, ReaderError.Code, String)] {
            for read in [
                { _ = try reader.bytes(ofArrayAt: array, rows: rows) },
                { _ = try reader.numbers(ofArrayAt: array, rows: rows) },
            ] as [() throws -> Void] {
                let error = #expect(throws: ReaderError.self, performing: read)
                #expect(error?.code == code && error?.description.contains(word) == true, "\(error?.description ?? "")")
            }
        }
        let text = #expect(throws: ReaderError.self) { try reader.numbers(ofArrayAt: 4, rows: 0..<1) }
        #expect(text?.code == .notFound)
        let complex = #expect(throws: ReaderError.self) { try reader.numbers(ofArrayAt: 5, rows: 0..<1) }
        #expect(complex?.code == .unsupported && complex?.problem.contains("complex") == true)
    }
}
