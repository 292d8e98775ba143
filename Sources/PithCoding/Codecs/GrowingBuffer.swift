internal import PithTensor

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Memory that grows while a stream is decoded into it, up to a stated bound.
///
/// It has one owner while it grows; `storage()` ends that and hands out the bytes without copying them.
@safe final class GrowingBuffer {
    private var base: UnsafeMutableRawPointer?
    private(set) var capacity = 0
    private(set) var count = 0
    let maximum: Int

    /// Smallest first allocation in bytes.
    private static let firstCapacity = 1 << 16

    init(maximum: Int) {
        precondition(maximum >= 0, "A buffer can not hold \(maximum) bytes.")
        unsafe base = nil
        self.maximum = maximum
    }

    deinit { unsafe free(base) }

    /// Makes room for at least one more byte, `hint` bytes in all if that is more; false at the bound or without
    /// memory.
    func grow(towards hint: Int) -> Bool {
        guard count == capacity else { return true }
        guard capacity < maximum else { return false }
        let doubled = capacity > maximum / 2 ? maximum : max(capacity * 2, GrowingBuffer.firstCapacity)
        let wanted = min(hint > capacity ? hint : doubled, maximum)
        guard let memory = unsafe realloc(base, wanted) else { return false }
        unsafe base = memory
        capacity = wanted
        return true
    }

    /// Lets `body` write into the free part and answer how many bytes it wrote.
    func append(_ body: (UnsafeMutableRawBufferPointer) -> Int) {
        let start = unsafe base.map { unsafe $0 + count }
        let written = unsafe body(UnsafeMutableRawBufferPointer(start: start, count: capacity - count))
        precondition((0...capacity - count).contains(written), "A codec reported \(written) bytes past its buffer.")
        count += written
    }

    /// The bytes so far as storage that keeps this buffer alive; the buffer must not be changed afterwards.
    func storage() -> Storage {
        unsafe Storage(unsafeBytes: UnsafeRawBufferPointer(start: base, count: count), keptBy: self)
    }
}
