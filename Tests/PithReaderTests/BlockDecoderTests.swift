import PithReader
import Testing

@Suite struct BlockDecoderTests {
    private func decoded(_ body: [UInt8], _ count: Int, width: Int = 1, isRotated: Bool = false) throws -> [UInt8] {
        try BlockDecoder(width: width, isRotated: isRotated).decoded(ByteReader(body, subject: "block"), count: count)
    }

    @Test func `the worked example of the specification is eight numbers`() throws {
        let body: [UInt8] = [0x03, 0x02, 0x00, 0x11, 0x02, 0x01, 0x00, 0x05, 0x07]
        #expect(try decoded(body, 8) == [5, 0, 0, 0, 7, 0, 0, 0])
    }

    struct Sample: Sendable {
        let name: String
        let body: [UInt8]
        var count = 4
        var width = 1
        var isRotated = false
        let bytes: [UInt8]
    }

    static let samples = [
        Sample(name: "stored", body: [0, 1, 2, 3, 4], bytes: [1, 2, 3, 4]),
        Sample(name: "constant", body: [1, 1, 2], count: 3, width: 2, bytes: [1, 2, 1, 2, 1, 2]),
        Sample(name: "planes", body: [2, 1, 1, 9, 0, 1, 2], count: 2, width: 2, bytes: [1, 9, 2, 9]),
        // -2 is C000 in half precision; its sign goes to the lowest bit: 8001.
        Sample(name: "rotated", body: [2, 1, 1, 0x80, 1, 1], count: 1, width: 2, isRotated: true, bytes: [0, 0xC0]),
        // Two classes in runs of two, of classes 1 and 0: the elements of class 0 come first.
        Sample(name: "parts", body: [2, 2, 2, 0b01, 5, 0, 3, 4, 1, 8], bytes: [8, 8, 3, 4]),
        Sample(name: "palette", body: [4, 1, 7, 0, 8, 0, 0, 1, 0], count: 2, width: 2, bytes: [8, 0, 7, 0]),
        // One sequence: two literals, a copy of 0 + 4 bytes from two before; one literal is left.
        Sample(
            name: "repeats", body: [5, 4, 1, 3, 2, 1, 0, 1, 2, 3, 0, 2, 0, 0, 2], count: 7,
            bytes: [1, 2, 1, 2, 1, 2, 3]),
        Sample(name: "sparse", body: [3, 1, 0, 0, 1, 1, 5], count: 9, bytes: [0, 0, 0, 0, 0, 0, 0, 0, 5]),
    ]

    @Test(arguments: samples) func `each method gives its elements`(sample: Sample) throws {
        let bytes = try decoded(sample.body, sample.count, width: sample.width, isRotated: sample.isRotated)
        #expect(bytes == sample.bytes)
    }

    @Test(arguments: samples) func `bytes that are missing or left over are refused`(sample: Sample) throws {
        for end in 0..<sample.body.count {
            #expect(throws: ReaderError.self) {
                try decoded([UInt8](sample.body[..<end]), sample.count, width: sample.width)
            }
        }
        #expect(throws: ReaderError.self) { try decoded(sample.body + [0], sample.count, width: sample.width) }
    }

    /// What is wrong, a body of eight elements, their width, and a word of the error.
    @Test(
        arguments: [
            ("levels of two bytes", [6, 1, 8, 1, 1], 2, "Levels stand in a block of elements of 2"),
            (
                "a sparse block in a sparse block", [3, 1, 0, 1, 3, 1, 0, 1, 0, 5], 1,
                "Method 3 stands in a sparse block"
            ),
            ("a later method in a sparse block", [3, 1, 0, 1, 7, 5], 1, "Method 7 stands in a sparse block"),
            ("a codec in a sparse block", [3, 1, 0, 1, 17, 5], 1, "Method 17 stands in a sparse block"),
            ("no elements that are not zero", [3, 0, 1, 0, 0], 1, "0 of 8 elements"),
            ("more set bits than elements", [3, 1, 0, 3, 0, 5], 1, "2 bits are set for 1"),
            ("more elements than places", [3, 9, 0, 255, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 1, "9 of 8 elements"),
            (
                "repeats where no plane may have them", [2, 1, 4, 0, 8, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8], 1,
                "Plane mode 4"
            ),
            ("classes where there are none", [2, 1, 3, 0], 1, "Plane mode 3"),
            ("parts of parts", [2, 2, 4, 2, 5, 5, 0, 0, 0, 0, 1, 1], 1, "Plane mode 5"),
            ("no classes at all", [2, 0, 1, 1], 1, "0 classes"),
            ("17 classes", [2, 17, 1, 1, 1], 1, "17 classes"),
            ("a class that does not occur", [2, 2, 4, 0, 1, 1], 1, "no elements"),
            ("a class above the number of classes", [2, 3, 4, 0b1100, 1, 1], 1, "class 3 of 3"),
            ("bits that fill up a byte", [2, 2, 4, 0b110, 1, 1], 1, "fill up"),
            ("runs longer than the block", [2, 2, 9, 0, 1, 1], 1, "9 of 8 elements"),
            ("runs of nothing", [2, 2, 0, 0, 1, 1], 1, "0 of 8 elements"),
            ("a number of more bytes than it needs", [2, 2, 0x84, 0, 2, 1, 1], 1, "more bytes than it needs"),
            ("a number past its palette", [4, 0, 7, 0, 0, 1, 0, 0, 0, 0, 0, 0], 1, "Element 1 of a palette of 1"),
            ("a repeat of what is not there", [5, 4, 1, 4, 2, 1, 0, 1, 2, 3, 4, 0, 4, 0, 0, 5], 1, "reaches 5 bytes"),
            ("a repeat past the end", [5, 4, 1, 4, 2, 1, 0, 1, 2, 3, 4, 0, 4, 1, 0, 1], 1, "make more than 8"),
            ("literals that are not there", [5, 4, 1, 4, 2, 1, 0, 1, 2, 3, 4, 0, 5, 0, 0, 1], 1, "more literals"),
            ("65 states", [2, 1, 2, 1, 7], 1, "2^7 states"),
            ("levels of 2 states", [6, 2, 8, 1, 1, 0], 1, "2 states"),
            ("levels with no sums", [6, 1, 8, 1, 0, 0], 1, "0 sums"),
            ("levels with 32 sums", [6, 1, 8, 1, 32, 0], 1, "32 sums"),
            ("row classes that add up to too much", [6, 1, 4, 1, 2, 1, 1, 1, 1, 0], 1, "add up to 2"),
        ] as [(String, [UInt8], Int, String)]) func `a block is refused for`(
            _ what: String, _ body: [UInt8], _ width: Int, _ word: String
        )
    {
        let error = #expect(throws: ReaderError.self) { try decoded(body, 8, width: width) }
        #expect(error?.code == .corrupt && error?.subject == "block")
        #expect(error?.problem.contains(word) == true, "\(error?.problem ?? "")")
    }

    @Test(arguments: [7, 15, 21, 255]) func `methods that do not exist yet ask for a newer reader`(_ method: UInt8) {
        let error = #expect(throws: ReaderError.self) { try decoded([method, 0, 0, 0, 0, 0, 0, 0, 0], 8) }
        #expect(error?.code == .unsupported && error?.problem == "Method \(method) is not known to this reader.")
        #expect(error?.remedy == "Use a newer reader.")
    }

    @Test(arguments: 16...20) func `codecs are named as unsupported, with what to do`(_ method: UInt8) {
        let error = #expect(throws: ReaderError.self) { try decoded([method, 0], 8) }
        #expect(error?.code == .unsupported && error?.remedy.contains("pith pack") == true)
    }

    /// First and last value, and bits for each between; the words and states would follow.
    @Test(
        arguments: [
            // The highest frequency that can be written is 2^11 + 2^11 - 1 = 4095: one below the sum.
            ("one value alone", [5, 5, 0xFC, 0x7F], "add up to 4095"),
            ("first above last", [6, 5, 0, 0, 0, 0], "from 6 to 5"),
            ("a frequency of 13 bits", [5, 5, 13, 0, 0, 0, 0], "13 bits"),
            ("too small a sum", [5, 6, 0x11, 0, 0, 0], "add up to 2,"),
            // 4 and 12 bits of 1100 0... and so on: 2048 for 5, nothing for 6, 2048 for 7 and nothing for 8.
            ("a last value without a frequency", [5, 8] + Bytes.little(0b1100 | 0b1100 << 19, 5), "first or last"),
        ] as [(String, [UInt8], String)]) func `a table is refused for`(
            _ what: String, _ table: [UInt8], _ word: String
        )
    {
        let symbols = [0] + table + [0, 0, 1, 0]
        let error = #expect(throws: ReaderError.self) {
            try decoded([2, 1, 2] + Bytes.number(symbols.count) + symbols, 8)
        }
        #expect(error?.code == .corrupt && error?.problem.contains(word) == true, "\(error?.problem ?? "")")
    }

    @Test func `two equal frequencies give the symbols of the state's bits`() throws {
        // Symbols 5 and 6 with 2048 each: d = 12, and no further bits set.
        // 4 + 11 bits for each symbol: 1100 and eleven zeros, twice, is 30 bits.
        let bits = 0b1100 | 0b1100 << 15
        let body = [0, 5, 6] + Bytes.little(bits, 4) + Bytes.little(1 << 16, 4)
        #expect(try decoded([2, 1, 2] + Bytes.number(body.count) + body, 0) == [])
        // Encoding 6 from state 2^16: slot 2048 + x mod 2048 of the quotient x / 2048.
        let state = (1 << 16) / 2048 * 4096 + 2048
        let one = [0, 5, 6] + Bytes.little(bits, 4) + Bytes.little(state, 4)
        #expect(try decoded([2, 1, 2] + Bytes.number(one.count) + one, 1) == [6])
    }
}
