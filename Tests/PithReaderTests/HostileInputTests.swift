import PithReader
import Testing

/// Bytes that are not what a writer wrote: reading them throws, or gives what the directory says.
@Suite struct HostileInputTests {
    private static let small = Golden.files[4]
    /// A build without optimization tries every 13th change; 13 shares no factor with the bits of a byte.
    #if DEBUG
        private static let step = 13
    #else
        private static let step = 1
    #endif

    @Test func `each change of one bit is refused`() throws {
        let file = try Self.small.bytes()
        var tried = 0, refused = 0
        for bit in stride(from: 0, to: 8 * file.count, by: Self.step) {
            tried += 1
            var changed = file
            changed[bit / 8] ^= 1 << UInt8(bit % 8)
            do throws(ReaderError) {
                _ = try ContainerReader(changed)
            } catch {
                refused += 1
                #expect(!error.subject.isEmpty && !error.problem.isEmpty && !error.remedy.isEmpty)
            }
        }
        #expect(tried > 1900 && refused == tried)
    }

    @Test(arguments: Golden.files) func `each truncation is refused, as such where a frame is cut`(
        golden: Golden
    ) throws {
        let file = try golden.bytes()
        var codes: [ReaderError.Code: Int] = [:]
        for count in stride(from: 0, to: file.count, by: Self.step) {
            do throws(ReaderError) {
                _ = try ContainerReader([UInt8](file[..<count]))
            } catch {
                codes[error.code, default: 0] += 1
            }
        }
        #expect(codes == [.truncated: (file.count - 1) / Self.step + 1])
        #expect(throws: ReaderError.self) { try ContainerReader(file + [0]) }
    }

    @Test(arguments: Golden.files, [1, 2, 3])
    func `what is read below right checksums is as large as the directory says`(
        golden: Golden, seed: UInt64
    ) throws {
        let frames = SealedFrames(try golden.bytes()), fields = try frames.fields(), limit = 1 << 24
        var mutation = Mutation(seed: seed), read = 0
        for _ in 0..<2500 / Self.step {
            let file = mutation.changed(frames, fields: fields).file()
            guard let content = try? Content(file, maximumByteCount: limit) else { continue }
            read += 1
            #expect(content.bytes.map(\.count) == content.arrays.map(\.byteCount))
            #expect(content.files.map(\.count) == content.fileSizes)
            #expect(content.files.joined().count == content.bytes.joined().count)
            let counts = content.forms.map { $0.dimensions.reduce(1, *) }
            #expect(content.numbers.prefix(counts.count).map(\.count) == counts)
            #expect(content.numbers.allSatisfy { 4 * $0.count <= limit })
        }
        // Some changes reach only numbers, and are read as other numbers.
        #expect(read > 0 && read < 2500 / Self.step)
    }
}
