import PithTensor
import Testing

@Suite struct StorageTests {
    private let bytes = Storage((0..<100).map { UInt8($0) })

    @Test func `slices share, nest and compare by content`() {
        let slice = bytes.slice(10..<90).slice(5..<9)
        #expect(slice.withBytes { $0.bytes } == [15, 16, 17, 18])
        #expect(slice == Storage([15, 16, 17, 18] as [UInt8]))
        #expect(slice != Storage([15, 16, 17, 19] as [UInt8]) && slice != bytes)
        #expect(bytes.slice(7..<7).byteCount == 0)
        #expect(bytes.slice(7..<7) == Storage([UInt8]()))
        #expect(Storage([UInt8]()).slice(0..<0).byteCount == 0)
    }

    @Test func `a slice outlives the storage it was cut from`() {
        func cut() -> Storage { Storage([UInt32](repeating: 0xdead_beef, count: 1000)).slice(4..<12) }
        #expect(cut().withElements(as: UInt32.self) { $0[0] } == 0xdead_beef)
    }

    @Test(arguments: 0..<8) func `elements are read from any address`(_ offset: Int) {
        let expected = (0..<5).map { index in
            (0..<8).reduce(UInt64(0)) { $0 | UInt64(offset + index * 8 + $1) << UInt64($1 * 8) }
        }
        let found = bytes.slice(offset..<offset + 43).withElements(as: UInt64.self) { span in
            span.indices.map { span[$0] }
        }
        #expect(found == expected)
    }

    @Test func `new memory is zero where nothing was written`() {
        let storage = Storage(byteCount: 200) { $0.storeBytes(of: 7, toByteOffset: 3, as: UInt8.self) }
        #expect(storage.withBytes { span in span.bytes.reduce(0) { $0 + Int($1) } } == 7)
        #expect(Storage(byteCount: 0) { _ in }.byteCount == 0)
    }

    @Test func `a failing filler fails the storage`() {
        struct Refusal: Error {}
        #expect(throws: Refusal.self) { try Storage(byteCount: 10) { _ throws(Refusal) in throw Refusal() } }
    }

    @Test func `a buffer of zeros takes bytes where they are written`() throws {
        let buffer = try #require(ByteBuffer(zeros: 1 << 32))
        buffer.write(Storage([1, 2, 3] as [UInt8]), at: 1 << 31)
        buffer.write(Storage([4] as [UInt8]), at: (1 << 32) - 1)
        #expect(buffer.bytes((1 << 31) - 1..<(1 << 31) + 4) == [0, 1, 2, 3, 0])
        #expect(buffer.bytes((1 << 32) - 2..<1 << 32) == [0, 4])
        #expect(ByteBuffer(zeros: 0)?.count == 0)
    }
}
