import PithCoding
import PithTensor
import Testing

@Suite struct DeflateTests {
    static let text = Array("pith makes small what was large, and pith says what it did. ".utf8)

    static func packed(_ bytes: [UInt8]) throws -> [UInt8] {
        try Storage(bytes).withBytes { try Deflate.deflated($0) }
    }

    static func zipped(_ bytes: [UInt8]) throws -> [UInt8] {
        try Storage(bytes).withBytes { try Gzip.deflated($0) }
    }

    @Test(arguments: [0, 1, 59, 65_536, 65_537, 300_000])
    func `What was deflated comes back`(count: Int) throws {
        let bytes = (0..<count).map {
            DeflateTests.text[$0 % DeflateTests.text.count] ^ UInt8(truncatingIfNeeded: $0 >> 9)
        }
        let raw = Storage(try DeflateTests.packed(bytes))
        #expect(try Deflate.inflated(raw, byteCount: count, maximumByteCount: count) == Storage(bytes))
        let gzip = Storage(try DeflateTests.zipped(bytes))
        #expect(Gzip.matches(gzip))
        #expect(try Gzip.inflated(gzip, maximumByteCount: count) == Storage(bytes))
        #expect(try Gzip.prefix(of: gzip, byteCount: 10) == Storage(Array(bytes.prefix(10))))
    }

    @Test func `A fixed block of RFC 1951 decodes to its letter`() throws {
        #expect(
            try Deflate.inflated(Storage([0x4b, 0x04, 0x00] as [UInt8]), byteCount: 1, maximumByteCount: 1)
                == Storage(Array("a".utf8)))
    }

    @Test func `Gzip members follow one another and zeros may pad the end`() throws {
        let first = try DeflateTests.zipped(Array("one ".utf8)), second = try DeflateTests.zipped(Array("two".utf8))
        let both = Storage(first + second + [0, 0, 0])
        #expect(try Gzip.inflated(both, maximumByteCount: 100) == Storage(Array("one two".utf8)))
        #expect(throws: CodingError.self) { try Gzip.inflated(Storage(first + [1, 2, 3]), maximumByteCount: 100) }
    }

    @Test func `More than the allowed size is refused before and during decoding`() throws {
        let zeros = try DeflateTests.packed([UInt8](repeating: 0, count: 1_000_000))
        func code(_ work: () throws -> Storage) -> CodingError.Code? {
            do { _ = try work() } catch { return (error as? CodingError)?.code }
            return nil
        }
        #expect(
            code { try Deflate.inflated(Storage(zeros), byteCount: 1_000_000, maximumByteCount: 999_999) } == .tooLarge)
        #expect(code { try Deflate.inflated(Storage(zeros), byteCount: 999_999, maximumByteCount: .max) } == .corrupt)
        #expect(code { try Deflate.inflated(Storage(zeros), byteCount: 1_000_001, maximumByteCount: .max) } == .corrupt)
        // A size that so few bytes can not hold is refused without taking the memory.
        #expect(code { try Deflate.inflated(Storage(zeros), byteCount: 1 << 50, maximumByteCount: .max) } == .corrupt)
        let gzip = Storage(try DeflateTests.zipped([UInt8](repeating: 0, count: 1_000_000)))
        #expect(code { try Gzip.inflated(gzip, maximumByteCount: 999_999) } == .tooLarge)
        #expect(try Gzip.inflated(gzip, maximumByteCount: 1_000_000).byteCount == 1_000_000)
    }

    @Test func `Every truncation and every flipped bit of a gzip file returns or throws`() throws {
        let good = try DeflateTests.zipped(DeflateTests.text + DeflateTests.text)
        for length in good.indices {
            #expect(throws: CodingError.self) {
                try Gzip.inflated(Storage(Array(good[..<length])), maximumByteCount: 1 << 16)
            }
        }
        var silent = 0
        for bit in 0..<good.count * 8 {
            var bad = good
            bad[bit / 8] ^= 1 << UInt8(bit % 8)
            guard let content = try? Gzip.inflated(Storage(bad), maximumByteCount: 1 << 16) else { continue }
            silent += content == Storage(DeflateTests.text + DeflateTests.text) ? 0 : 1
        }
        #expect(silent == 0)
    }

    @Test func `Every truncation and every flipped bit of a raw stream returns or throws`() throws {
        let good = try DeflateTests.packed(DeflateTests.text), count = DeflateTests.text.count
        for length in good.indices {
            #expect(throws: CodingError.self) {
                try Deflate.inflated(Storage(Array(good[..<length])), byteCount: count, maximumByteCount: count)
            }
        }
        for bit in 0..<good.count * 8 {
            var bad = good
            bad[bit / 8] ^= 1 << UInt8(bit % 8)
            let content = try? Deflate.inflated(Storage(bad), byteCount: count, maximumByteCount: count)
            #expect(content == nil || content?.byteCount == count)
        }
    }
}
