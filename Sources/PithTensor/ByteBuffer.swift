#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Memory for one worker that is allocated once, grows when more is needed, and is used again and again.
///
/// It has one owner and is not shared between threads.
@safe package final class ByteBuffer {
    private var memory: UnsafeMutableRawPointer?
    private var capacity = 0
    /// Bytes in use.
    package private(set) var count = 0

    /// An empty buffer.
    package init() { unsafe memory = nil }

    /// A buffer of `count` zeros, which take memory only once they are written to; nil when there is no room for them.
    package init?(zeros count: Int) {
        precondition(count >= 0, "A buffer can not hold \(count) bytes.")
        guard let fresh = unsafe calloc(max(count, 1), 1) else { return nil }
        unsafe memory = fresh
        capacity = count
        self.count = count
    }

    deinit { unsafe free(memory) }

    /// Writes the bytes of `storage` from `offset` on, over what is there.
    package func write(_ storage: Storage, at offset: Int) {
        precondition(
            offset >= 0 && storage.byteCount <= count - offset, "\(storage.byteCount) bytes leave \(count).")
        unsafe storage.withUnsafeBytes { source in
            unsafe UnsafeMutableRawBufferPointer(rebasing: pointer[offset...]).copyMemory(from: source)
        }
    }

    /// Makes `count` bytes usable; what they hold is not defined when the buffer has to grow.
    package func resize(to count: Int) {
        precondition(count >= 0, "A buffer can not hold \(count) bytes.")
        self.count = count
        guard count > capacity else { return }
        unsafe free(memory)
        let rounded = (count + 65535) / 65536 * 65536
        guard let fresh = unsafe aligned_alloc(Storage.alignment, rounded) else {
            preconditionFailure("The system has no \(rounded) bytes left.")
        }
        unsafe memory = fresh
        capacity = rounded
    }

    /// The bytes in use, valid until the next `resize`.
    package var pointer: UnsafeMutableRawBufferPointer {
        unsafe UnsafeMutableRawBufferPointer(start: memory, count: count)
    }

    /// Calls `body` with the bytes in use; the span ends with the call.
    package func withBytes<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let span = unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(pointer))
        return try body(span)
    }

    /// The bytes of `range` as a storage without a copy: they must not change for as long as it is used.
    package func storage(_ range: Range<Int>) -> Storage {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "Bytes \(range) leave \(count).")
        return unsafe Storage(unsafeBytes: UnsafeRawBufferPointer(rebasing: pointer[range]), keptBy: self)
    }

    /// The bytes of `range` as an array.
    package func bytes(_ range: Range<Int>) -> [UInt8] {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "Bytes \(range) leave \(count).")
        return unsafe Array(pointer[range])
    }
}
