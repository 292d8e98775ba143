/// Zstandard by its library, level 3.
///
/// - Reference: RFC 8878.
@safe struct ZstdCodec: ByteCodec {
    private typealias Compress =
        @convention(c) (
            UnsafeMutableRawPointer?, Int, UnsafeRawPointer?, Int, Int32
        ) -> Int
    private typealias Decompress = @convention(c) (UnsafeMutableRawPointer?, Int, UnsafeRawPointer?, Int) -> Int
    private typealias Bound = @convention(c) (Int) -> Int
    private typealias IsError = @convention(c) (Int) -> UInt32

    private let compress: Compress
    private let decompress: Decompress
    private let bound: Bound
    private let isError: IsError

    static let shared = Result { () throws(CodingError) in try ZstdCodec() }
    private static let level: Int32 = 3

    private init() throws(CodingError) {
        let library = try SharedLibrary("zstd", ["libzstd.so.1", "libzstd.dylib"], package: "libzstd1")
        unsafe compress = try library.function("ZSTD_compress", as: Compress.self)
        unsafe decompress = try library.function("ZSTD_decompress", as: Decompress.self)
        bound = try library.function("ZSTD_compressBound", as: Bound.self)
        isError = try library.function("ZSTD_isError", as: IsError.self)
    }

    func encoded(_ bytes: UnsafeRawBufferPointer) throws(CodingError) -> [UInt8] {
        unsafe try BlockCodec.filled("zstd", bound: bound(bytes.count)) { target in
            let count = unsafe compress(
                target.baseAddress, target.count, bytes.baseAddress, bytes.count, ZstdCodec.level)
            return isError(count) == 0 ? count : nil
        }
    }

    func decode(_ coded: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) throws(CodingError) {
        let count = unsafe decompress(target.baseAddress, target.count, coded.baseAddress, coded.count)
        guard isError(count) == 0, count == target.count else { throw BlockCodec.corrupt("zstd") }
    }
}
