internal import PithTensor

/// A general codec that codes a block's bytes as they lie.
protocol ByteCodec: Sendable {
    /// The coded form of `bytes`.
    ///
    /// - Throws: `CodingError` `.failed` when the library does.
    func encoded(_ bytes: UnsafeRawBufferPointer) throws(CodingError) -> [UInt8]

    /// Decodes into `target`, all of which must be filled.
    ///
    /// - Throws: `CodingError` `.corrupt` when the bytes do not make exactly that many.
    func decode(_ coded: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) throws(CodingError)
}

/// What codes the blocks of a container.
package enum BlockCodec: String, CaseIterable, Sendable {
    /// Pith's own methods, whichever is smallest.
    case auto
    /// Bytes as they are.
    case store
    case zstd, gzip, lzo, lz4, brotli

    /// The method that blocks of this codec have; nil when Pith's own methods are tried.
    var method: BlockMethod? {
        switch self {
        case .auto: nil
        case .store: .stored
        case .zstd: .zstd
        case .gzip: .deflate
        case .lzo: .lzo
        case .lz4: .lz4
        case .brotli: .brotli
        }
    }

    /// Checks that the library of the codec is there.
    ///
    /// - Throws: `CodingError` `.unsupported`.
    package func require() throws(CodingError) {
        if let method { _ = try BlockCodec.library(method) }
    }

    /// The codec of a method; nil for Pith's own.
    ///
    /// - Throws: `CodingError` `.unsupported` when its library is not there.
    static func library(_ method: BlockMethod) throws(CodingError) -> (any ByteCodec)? {
        switch method {
        case .deflate: DeflateCodec()
        case .zstd: try ZstdCodec.shared.get()
        case .lz4: try LZ4Codec.shared.get()
        case .lzo: try LZOCodec.shared.get()
        case .brotli: try BrotliCodec.shared.get()
        default: nil
        }
    }

    /// An error about coded bytes that do not decode.
    static func corrupt(_ codec: String) -> CodingError {
        CodingError(
            code: .corrupt, subject: codec, problem: "the block does not decode to its size.",
            remedy: CodingError.damaged)
    }

    /// An error about a codec whose output does not come back.
    package static func wrong(_ codec: BlockCodec) -> CodingError {
        CodingError(
            code: .failed, subject: codec.rawValue, problem: "a block does not come back as it was.",
            remedy: "Use another codec, and report this one.")
    }

    /// An error about a library that could not code.
    static func failed(_ codec: String) -> CodingError {
        CodingError(
            code: .failed, subject: codec, problem: "its library can not code the block.",
            remedy: "Check how much memory is free.")
    }

    /// Lets a library write at most `bound` bytes; nil for its failure.
    static func filled(
        _ codec: String, bound: Int, _ body: (UnsafeMutableRawBufferPointer) -> Int?
    ) throws(CodingError) -> [UInt8] {
        var isSound = true
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: max(bound, 1)) { target, count in
            let written = unsafe body(UnsafeMutableRawBufferPointer(target))
            isSound = written.map { (0...bound).contains($0) } ?? false
            count = isSound ? written ?? 0 : 0
        }
        guard isSound else { throw failed(codec) }
        return bytes
    }
}
