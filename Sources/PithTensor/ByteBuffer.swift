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

    deinit { unsafe free(memory) }

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
