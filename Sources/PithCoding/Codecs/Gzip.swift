public import PithTensor

/// Gzip files: one or more members, each a deflate stream with a checksum.
///
/// - Reference: RFC 1952; coded and decoded by zlib, which checks the checksums.
public enum Gzip {
    /// Whether `bytes` start like a gzip file.
    public static func matches(_ bytes: Storage) -> Bool {
        bytes.byteCount >= 2 && bytes.slice(0..<2).withBytes { $0.bytes } == [0x1f, 0x8b]
    }

    /// Decodes all members, one after the other; zero bytes may follow them.
    ///
    /// Memory grows with what really comes out, from the size the last member states if that is possible for the input.
    ///
    /// - Throws: `CodingError` `.tooLarge` when more than `maximumByteCount` bytes come out; `.corrupt` when the file
    ///   is
    ///   damaged or other bytes follow; `.truncated` when it ends early.
    /// - Complexity: O(*n*) time; at most twice the output in memory, at most `maximumByteCount`.
    public static func inflated(_ compressed: Storage, maximumByteCount: Int) throws(CodingError) -> Storage {
        let output = GrowingBuffer(maximum: min(maximumByteCount, Deflate.largestOutput(of: compressed.byteCount)))
        let hint = statedByteCount(compressed)
        unsafe try compressed.withUnsafeBytes { (input) throws(CodingError) in
            var start = 0
            repeat {
                let rest = unsafe UnsafeRawBufferPointer(rebasing: input[start...])
                switch unsafe try ZlibStream(wrapping: .gzip).inflate(rest, into: output, hint: hint) {
                case .finished(let consumed): start += consumed
                case .full: throw tooLarge(output.maximum)
                }
            } while unsafe input[start...].contains { $0 != 0 }
        }
        return output.storage()
    }

    /// Decodes the first `byteCount` bytes, or all there are if fewer, of the first member.
    ///
    /// - Throws: `CodingError` `.corrupt` or `.truncated` when the bytes that were needed are damaged or not there.
    /// - Complexity: O(`byteCount`) time and memory, whatever the size of the file.
    public static func prefix(of compressed: Storage, byteCount: Int) throws(CodingError) -> Storage {
        let output = GrowingBuffer(maximum: byteCount)
        _ = unsafe try compressed.withUnsafeBytes { (input) throws(CodingError) in
            unsafe try ZlibStream(wrapping: .gzip).inflate(input, into: output, hint: byteCount)
        }
        return output.storage()
    }

    /// Compresses `bytes` into one member without name and time, at `level` 1 (fast) to 9 (small).
    ///
    /// - Throws: `CodingError` `.failed` when zlib has no memory.
    public static func deflated(_ bytes: RawSpan, level: Int = 6) throws(CodingError) -> [UInt8] {
        try Deflate.compressed(bytes, level: level, wrapping: .gzip)
    }

    /// The last four bytes: the size of the last member modulo 2^32, if that many bytes are possible.
    private static func statedByteCount(_ compressed: Storage) -> Int {
        let count = compressed.byteCount
        guard count >= 18 else { return 0 }
        let tail = compressed.slice(count - 4..<count).withBytes { $0.bytes }
        let stated = tail.reversed().reduce(0) { $0 << 8 | Int($1) }
        return stated <= Deflate.largestOutput(of: count) ? stated : 0
    }

    private static func tooLarge(_ maximum: Int) -> CodingError {
        CodingError(
            code: .tooLarge, subject: "gzip stream", problem: "more than the \(maximum) bytes allowed come out of it.",
            remedy: "Raise the limit if the file can be trusted.")
    }
}
