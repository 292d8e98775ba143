/// LZ4 blocks by its library, the fast coder.
///
/// - Reference: LZ4 block format description.
@safe struct LZ4Codec: ByteCodec {
    private typealias Code = @convention(c) (UnsafeRawPointer?, UnsafeMutableRawPointer?, Int32, Int32) -> Int32
    private typealias Bound = @convention(c) (Int32) -> Int32

    private let compress: Code
    private let decompress: Code
    private let bound: Bound

    static let shared = Result { () throws(CodingError) in try LZ4Codec() }

    private init() throws(CodingError) {
        let library = try SharedLibrary("lz4", ["liblz4.so.1", "liblz4.dylib"], package: "liblz4-1")
        unsafe compress = try library.function("LZ4_compress_default", as: Code.self)
        unsafe decompress = try library.function("LZ4_decompress_safe", as: Code.self)
        bound = try library.function("LZ4_compressBound", as: Bound.self)
    }

    func encoded(_ bytes: UnsafeRawBufferPointer) throws(CodingError) -> [UInt8] {
        unsafe try BlockCodec.filled("lz4", bound: Int(bound(Int32(bytes.count)))) { target in
            let count = unsafe compress(
                bytes.baseAddress, target.baseAddress, Int32(bytes.count), Int32(target.count))
            return count > 0 ? Int(count) : nil
        }
    }

    func decode(_ coded: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) throws(CodingError) {
        let count = unsafe decompress(coded.baseAddress, target.baseAddress, Int32(coded.count), Int32(target.count))
        guard Int(count) == target.count else { throw BlockCodec.corrupt("lz4") }
    }
}
