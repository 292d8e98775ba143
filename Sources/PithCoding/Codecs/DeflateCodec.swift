internal import PithTensor

/// Deflate by zlib, level 6: what gzip files hold.
///
/// - Reference: RFC 1951.
struct DeflateCodec: ByteCodec {
    func encoded(_ bytes: UnsafeRawBufferPointer) throws(CodingError) -> [UInt8] {
        unsafe try Deflate.deflated(RawSpan(_unsafeBytes: bytes), level: 6)
    }

    func decode(_ coded: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) throws(CodingError) {
        let copy = unsafe Storage(copying: RawSpan(_unsafeBytes: coded))
        let bytes = try Deflate.inflated(copy, byteCount: target.count, maximumByteCount: target.count)
        guard bytes.byteCount == target.count else { throw BlockCodec.corrupt("deflate") }
        unsafe bytes.withUnsafeBytes { unsafe target.copyMemory(from: $0) }
    }
}
