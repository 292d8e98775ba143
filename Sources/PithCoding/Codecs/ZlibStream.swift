internal import CZlib

/// One zlib decoder over bytes in memory, with its output bounded by a `GrowingBuffer`.
@safe struct ZlibStream {
    /// Where a call of `inflate` stopped.
    enum End {
        /// The stream ended; this many bytes of input were read.
        case finished(consumed: Int)
        /// The output reached its bound with more to come.
        case full
    }

    /// How the compressed bytes are wrapped, as zlib's `windowBits`.
    enum Wrapping: Int32 {
        case raw = -15, gzip = 31

        var name: String { self == .raw ? "deflate stream" : "gzip stream" }
    }

    let wrapping: Wrapping

    /// Most that deflate can shrink anything: 258 bytes from 2 bits.
    static let largestRatio = 1032

    /// Decodes one stream from the start of `input` into `output`; `hint` is the expected total of `output`.
    func inflate(_ input: UnsafeRawBufferPointer, into output: GrowingBuffer, hint: Int) throws(CodingError) -> End {
        var stream = unsafe z_stream()
        let size = unsafe Int32(MemoryLayout<z_stream>.size)
        guard unsafe inflateInit2_(&stream, wrapping.rawValue, ZLIB_VERSION, size) == Z_OK else {
            throw failure(.failed, 0, "zlib could not be started.", "Check how much memory is free.")
        }
        defer { unsafe inflateEnd(&stream) }
        var consumed = 0
        while true {
            guard output.grow(towards: hint) else { return unsafe try atBound(&stream, input, consumed, output) }
            let status = unsafe step(&stream, input, &consumed, output)
            switch status {
            case Z_STREAM_END: return .finished(consumed: consumed)
            case Z_OK where output.count == output.capacity || consumed < input.count: continue
            case Z_OK, Z_BUF_ERROR: throw truncated(input.count)
            default: throw unsafe failure(.corrupt, consumed, message(stream), ZlibStream.damaged)
            }
        }
    }

    /// At the bound: the stream may still end here, with its checksum, without another byte.
    private func atBound(
        _ stream: inout z_stream, _ input: UnsafeRawBufferPointer, _ consumed: Int, _ output: GrowingBuffer
    ) throws(CodingError) -> End {
        var consumed = consumed
        guard output.capacity == output.maximum else {
            throw failure(
                .failed, consumed, "the system has no memory for more than \(output.count) bytes.",
                "Close other programs.")
        }
        let spare = GrowingBuffer(maximum: 1)
        guard spare.grow(towards: 1) else { return .full }
        while true {
            let before = consumed
            switch unsafe step(&stream, input, &consumed, spare) {
            case Z_STREAM_END where spare.count == 0: return .finished(consumed: consumed)
            case Z_OK where spare.count == 0 && consumed > before, Z_BUF_ERROR where consumed > before: continue
            case Z_OK, Z_BUF_ERROR, Z_STREAM_END:
                guard spare.count > 0 else { throw truncated(input.count) }
                return .full
            default: throw unsafe failure(.corrupt, consumed, message(stream), ZlibStream.damaged)
            }
        }
    }

    /// One call of zlib; adds what it read to `consumed` and what it wrote to `output`.
    private func step(
        _ stream: inout z_stream, _ input: UnsafeRawBufferPointer, _ consumed: inout Int, _ output: GrowingBuffer
    ) -> Int32 {
        let rest = unsafe UnsafeRawBufferPointer(rebasing: input[consumed...])
        let available = min(rest.count, Int(UInt32.max))
        unsafe stream.next_in = UnsafeMutablePointer(
            mutating: rest.baseAddress?.assumingMemoryBound(to: UInt8.self))
        unsafe stream.avail_in = UInt32(available)
        var status = Z_OK
        unsafe output.append { free in
            let room = min(free.count, Int(UInt32.max))
            unsafe stream.next_out = free.baseAddress?.assumingMemoryBound(to: UInt8.self)
            unsafe stream.avail_out = UInt32(room)
            status = unsafe CZlib.inflate(&stream, Z_NO_FLUSH)
            return unsafe room - Int(stream.avail_out)
        }
        consumed += unsafe available - Int(stream.avail_in)
        return status
    }

    private func message(_ stream: z_stream) -> String {
        guard let text = unsafe stream.msg else { return "its bytes are no \(wrapping.name)." }
        return unsafe "zlib says: \(String(cString: text))."
    }

    private func truncated(_ count: Int) -> CodingError {
        failure(.truncated, count, "it ends in the middle.", "The file was cut short; download or copy it again.")
    }

    private func failure(_ code: CodingError.Code, _ offset: Int, _ problem: String, _ remedy: String) -> CodingError {
        CodingError(code: code, subject: "\(wrapping.name), byte \(offset)", problem: problem, remedy: remedy)
    }

    static let damaged = "The file is damaged; download or copy it again."
}
