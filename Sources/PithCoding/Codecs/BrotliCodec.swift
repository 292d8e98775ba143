/// Brotli by its libraries, quality 5 with a window of 4 MiB.
///
/// - Reference: RFC 7932.
@safe struct BrotliCodec: ByteCodec {
    private typealias Compress =
        @convention(c) (
            Int32, Int32, Int32, Int, UnsafeRawPointer?, UnsafeMutablePointer<Int>?, UnsafeMutableRawPointer?
        ) -> Int32
    private typealias Decompress =
        @convention(c) (
            Int, UnsafeRawPointer?, UnsafeMutablePointer<Int>?, UnsafeMutableRawPointer?
        ) -> Int32
    private typealias Bound = @convention(c) (Int) -> Int

    private let compress: Compress
    private let decompress: Decompress
    private let bound: Bound

    static let shared = Result { () throws(CodingError) in try BrotliCodec() }

    private init() throws(CodingError) {
        let encoder = try SharedLibrary("brotli", ["libbrotlienc.so.1", "libbrotlienc.dylib"], package: "libbrotli1")
        let decoder = try SharedLibrary("brotli", ["libbrotlidec.so.1", "libbrotlidec.dylib"], package: "libbrotli1")
        unsafe compress = try encoder.function("BrotliEncoderCompress", as: Compress.self)
        bound = try encoder.function("BrotliEncoderMaxCompressedSize", as: Bound.self)
        unsafe decompress = try decoder.function("BrotliDecoderDecompress", as: Decompress.self)
    }

    func encoded(_ bytes: UnsafeRawBufferPointer) throws(CodingError) -> [UInt8] {
        unsafe try BlockCodec.filled("brotli", bound: bound(bytes.count)) { target in
            var count = target.count
            let isDone = unsafe compress(5, 22, 0, bytes.count, bytes.baseAddress, &count, target.baseAddress)
            return isDone == 1 ? count : nil
        }
    }

    func decode(_ coded: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) throws(CodingError) {
        var count = target.count
        let status = unsafe decompress(coded.count, coded.baseAddress, &count, target.baseAddress)
        guard status == 1, count == target.count else { throw BlockCodec.corrupt("brotli") }
    }
}
