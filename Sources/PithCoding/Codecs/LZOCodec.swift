/// LZO1X-1 by its library.
///
/// - Reference: Oberhumer, LZO real-time data compression library 2.10.
@safe struct LZOCodec: ByteCodec {
    private typealias Start =
        @convention(c) (
            UInt32, Int32, Int32, Int32, Int32, Int32, Int32, Int32, Int32, Int32
        ) -> Int32
    private typealias Code =
        @convention(c) (
            UnsafeRawPointer?, Int, UnsafeMutableRawPointer?, UnsafeMutablePointer<Int>?, UnsafeMutableRawPointer?
        ) -> Int32

    private let compress: Code
    private let decompress: Code

    static let shared = Result { () throws(CodingError) in try LZOCodec() }
    /// Memory that the coder works in: 2^14 pointers.
    private static let workByteCount = 1 << 17

    private init() throws(CodingError) {
        let library = try SharedLibrary("lzo", ["liblzo2.so.2", "liblzo2.dylib"], package: "liblzo2-2")
        let start = try library.function("__lzo_init_v2", as: Start.self)
        unsafe compress = try library.function("lzo1x_1_compress", as: Code.self)
        unsafe decompress = try library.function("lzo1x_decompress_safe", as: Code.self)
        // The library compares the sizes of C's types with those it was built for; -1 stands for "any".
        guard start(0x20a0, 2, 4, 8, 4, 8, 8, 8, 8, -1) == 0 else { throw BlockCodec.failed("lzo") }
    }

    func encoded(_ bytes: UnsafeRawBufferPointer) throws(CodingError) -> [UInt8] {
        var work = [UInt8](repeating: 0, count: LZOCodec.workByteCount)
        return unsafe try BlockCodec.filled("lzo", bound: bytes.count + bytes.count / 16 + 67) { target in
            var count = target.count
            let status = unsafe compress(bytes.baseAddress, bytes.count, target.baseAddress, &count, &work)
            return status == 0 ? count : nil
        }
    }

    func decode(_ coded: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) throws(CodingError) {
        var count = target.count
        let status = unsafe decompress(coded.baseAddress, coded.count, target.baseAddress, &count, nil)
        guard status == 0, count == target.count else { throw BlockCodec.corrupt("lzo") }
    }
}
