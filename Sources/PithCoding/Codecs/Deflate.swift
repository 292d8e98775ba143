internal import CZlib
public import PithTensor

/// Raw deflate, as entries of ZIP archives hold it.
///
/// - Reference: RFC 1951; coded and decoded by zlib.
public enum Deflate {
    /// Decodes a stream that holds exactly `byteCount` bytes.
    ///
    /// Memory is taken only when `byteCount` is possible for so many compressed bytes (deflate shrinks by 1032 at
    /// most).
    ///
    /// - Throws: `CodingError` `.tooLarge` when `byteCount` is past `maximumByteCount`; `.corrupt` when the stream is
    ///   damaged, holds more or fewer bytes, or is followed by others; `.truncated` when it ends early.
    /// - Complexity: O(*n*) time; `byteCount` bytes of memory.
    public static func inflated(
        _ compressed: Storage, byteCount: Int, maximumByteCount: Int
    ) throws(CodingError) -> Storage {
        func failure(_ code: CodingError.Code, _ problem: String, _ remedy: String) -> CodingError {
            CodingError(code: code, subject: "deflate stream", problem: problem, remedy: remedy)
        }
        guard byteCount >= 0, byteCount <= maximumByteCount else {
            throw failure(
                .tooLarge, "it announces \(byteCount) bytes, more than the \(maximumByteCount) allowed.",
                "Raise the limit if the file can be trusted.")
        }
        guard byteCount <= largestOutput(of: compressed.byteCount) else {
            throw failure(
                .corrupt, "\(compressed.byteCount) compressed bytes can not hold the \(byteCount) announced.",
                ZlibStream.damaged)
        }
        let output = GrowingBuffer(maximum: byteCount)
        let end = unsafe try compressed.withUnsafeBytes { (input) throws(CodingError) in
            unsafe try ZlibStream(wrapping: .raw).inflate(input, into: output, hint: byteCount)
        }
        guard case .finished(let consumed) = end, output.count == byteCount, consumed == compressed.byteCount else {
            throw failure(.corrupt, "it does not hold exactly the \(byteCount) bytes announced.", ZlibStream.damaged)
        }
        return output.storage()
    }

    /// Compresses `bytes` at `level`, 1 (fast) to 9 (small).
    ///
    /// - Throws: `CodingError` `.failed` when zlib has no memory.
    /// - Complexity: O(*n*) time; the bound of the output is allocated once.
    public static func deflated(_ bytes: RawSpan, level: Int = 6) throws(CodingError) -> [UInt8] {
        try compressed(bytes, level: level, wrapping: .raw)
    }

    /// Most bytes that `count` bytes of deflate can stand for.
    static func largestOutput(of count: Int) -> Int {
        let (product, overflow) = count.multipliedReportingOverflow(by: ZlibStream.largestRatio)
        return overflow ? .max : product
    }

    /// Compresses in one call of zlib into a buffer of the size that zlib promises to suffice.
    static func compressed(
        _ bytes: RawSpan, level: Int, wrapping: ZlibStream.Wrapping
    ) throws(CodingError) -> [UInt8] {
        precondition((1...9).contains(level), "Deflate has levels 1 to 9, not \(level).")
        var stream = unsafe z_stream()
        let size = unsafe Int32(MemoryLayout<z_stream>.size)
        let started = unsafe deflateInit2_(
            &stream, Int32(level), Z_DEFLATED, wrapping.rawValue, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, size)
        defer { unsafe deflateEnd(&stream) }
        let bound = unsafe started == Z_OK ? Int(deflateBound(&stream, UInt(bytes.byteCount))) : 0
        guard started == Z_OK, bound <= Int(UInt32.max), bytes.byteCount <= Int(UInt32.max) else {
            throw CodingError(
                code: .failed, subject: wrapping.name, problem: "zlib can not take \(bytes.byteCount) bytes at once.",
                remedy: "Compress at most 4 GB at a time and check how much memory is free.")
        }
        return unsafe [UInt8](unsafeUninitializedCapacity: bound) { target, count in
            unsafe bytes.withUnsafeBytes { source in
                let first = unsafe source.baseAddress?.assumingMemoryBound(to: UInt8.self)
                unsafe stream.next_in = UnsafeMutablePointer(mutating: first)
                unsafe stream.avail_in = UInt32(source.count)
                unsafe stream.next_out = target.baseAddress
                unsafe stream.avail_out = UInt32(bound)
                let status = unsafe CZlib.deflate(&stream, Z_FINISH)
                precondition(status == Z_STREAM_END, "zlib broke its promised bound.")
                count = unsafe bound - Int(stream.avail_out)
            }
        }
    }
}
