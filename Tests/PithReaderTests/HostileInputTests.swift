import Foundation
import PithReader
import Testing

/// Bytes that are not what a writer wrote: reading them throws, or gives the same content.
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

    @Test(arguments: Golden.files, [1, 2, 3]) func `changes below right checksums never trap, hang or take much memory`(
        golden: Golden, seed: UInt64
    ) throws {
        let frames = SealedFrames(try golden.bytes()), fields = try frames.fields()
        var mutation = Mutation(seed: seed), read = 0
        let before = Self.peakByteCount(), clock = ContinuousClock()
        var longest = Duration.zero
        for _ in 0..<2500 / Self.step {
            let file = mutation.changed(frames, fields: fields).file()
            let duration = clock.measure {
                guard let content = try? Content(file) else { return }
                read += 1
                #expect(content.files.count <= 1)
            }
            longest = max(longest, duration)
        }
        // Some changes reach only numbers, and are read as other numbers.
        #expect(read > 0 && read < 2500 / Self.step)
        #expect(longest < .seconds(5))
        if let before, let after = Self.peakByteCount() { #expect(after - before < 200 << 20) }
    }

    /// The most memory that the process has held; nil where the system does not say.
    private static func peakByteCount() -> Int? {
        let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = status?.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return line?.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first
            .flatMap { Int($0) }.map { $0 * 1024 }
    }
}
