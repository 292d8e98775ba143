#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// A read-only run of bytes shared by reference: owned memory, part of a mapped file, or memory of a foreign owner.
///
/// The bytes never change after the initializer returns and live as long as the object, so sharing it between
/// threads is safe; that is why `@unchecked Sendable` holds here, and nowhere else.
@safe public final class Storage: @unchecked Sendable {
    private let base: UnsafeRawPointer?
    /// Number of bytes.
    public let byteCount: Int
    /// Whoever keeps `base` valid; nil when this object owns the memory.
    private let owner: AnyObject?

    /// Alignment of owned memory in bytes: one cache line, enough for every vector width.
    static let alignment = 64

    /// Takes part of memory that `owner` keeps valid and unchanged for as long as it lives.
    public init(unsafeBytes: UnsafeRawBufferPointer, keptBy owner: AnyObject) {
        unsafe base = unsafeBytes.baseAddress
        byteCount = unsafeBytes.count
        self.owner = owner
    }

    /// Allocates `byteCount` zeroed bytes and lets `fill` write them.
    public init<Failure: Error>(
        byteCount: Int, fill: (inout MutableRawSpan) throws(Failure) -> Void
    ) throws(Failure) {
        precondition(byteCount >= 0, "A storage can not have \(byteCount) bytes.")
        let rounded = max(byteCount + Storage.alignment - 1, Storage.alignment) / Storage.alignment * Storage.alignment
        guard let memory = unsafe aligned_alloc(Storage.alignment, rounded) else {
            preconditionFailure("The system has no \(byteCount) bytes left.")
        }
        unsafe memset(memory, 0, rounded)
        unsafe base = UnsafeRawPointer(memory)
        self.byteCount = byteCount
        owner = nil
        var span = unsafe MutableRawSpan(_unsafeStart: memory, byteCount: byteCount)
        try fill(&span)
    }

    /// Copies `bytes`.
    public convenience init(copying bytes: RawSpan) {
        self.init(byteCount: bytes.byteCount) { span in
            unsafe span.withUnsafeMutableBytes { target in
                unsafe bytes.withUnsafeBytes { source in unsafe target.copyMemory(from: source) }
            }
        }
    }

    /// Copies the memory of `array`.
    public convenience init<Element: BitwiseCopyable>(_ array: [Element]) {
        self.init(copying: unsafe array.span.bytes)
    }

    deinit {
        if owner == nil { unsafe free(UnsafeMutableRawPointer(mutating: base)) }
    }

    /// The bytes from `range` without copying them; the slice keeps this storage alive.
    public func slice(_ range: Range<Int>) -> Storage {
        precondition(
            range.lowerBound >= 0 && range.upperBound <= byteCount, "Slice \(range) leaves \(byteCount) bytes.")
        return unsafe Storage(unsafeBytes: UnsafeRawBufferPointer(rebasing: buffer[range]), keptBy: owner ?? self)
    }

    /// Calls `body` with the bytes; the span ends with the call.
    public func withBytes<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let span = unsafe RawSpan(_unsafeBytes: buffer)
        return try body(span)
    }

    /// Calls `body` with the address of the bytes, valid during the call, for C interfaces.
    public func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe body(buffer)
    }

    /// Calls `body` with the bytes as elements, copied first when the memory is not aligned for them.
    public func withElements<Element: BitwiseCopyable, Result, Failure: Error>(
        as type: Element.Type, _ body: (Span<Element>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let count = byteCount / MemoryLayout<Element>.stride
        let aligned = unsafe Int(bitPattern: base) % MemoryLayout<Element>.alignment == 0
        guard aligned else {
            return try Storage(copying: unsafe RawSpan(_unsafeBytes: buffer)).withElements(as: type, body)
        }
        guard let base = unsafe base, count > 0 else { return try body([Element]().span) }
        let span = unsafe Span<Element>(_unsafeStart: base.assumingMemoryBound(to: Element.self), count: count)
        return try body(span)
    }

    /// Writes the bytes from `offset` on to an open file and answers how many went out, as `write(2)` does.
    package func write(to descriptor: Int32, from offset: Int) -> Int {
        let piece = unsafe UnsafeRawBufferPointer(rebasing: buffer[offset...])
        #if canImport(Darwin)
            return unsafe Darwin.write(descriptor, piece.baseAddress, min(piece.count, 1 << 30))
        #else
            return unsafe Glibc.write(descriptor, piece.baseAddress, min(piece.count, 1 << 30))
        #endif
    }

    private var buffer: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(start: base, count: base == nil ? 0 : byteCount)
    }
}

extension Storage: Equatable {
    public static func == (left: Storage, right: Storage) -> Bool {
        guard left !== right else { return true }
        guard left.byteCount == right.byteCount else { return false }
        guard let a = unsafe left.base, let b = unsafe right.base else { return true }
        return unsafe memcmp(a, b, left.byteCount) == 0
    }
}
