#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// A file mapped read-only into memory: its pages are read when touched, and nothing is copied.
@safe public final class MappedFile {
    /// The path it was opened by.
    public let path: String
    /// Size in bytes at the time it was mapped.
    public let byteCount: Int
    private let base: UnsafeRawPointer?

    /// Maps the regular file at `path`.
    ///
    /// - Throws: `TensorError` `.unreadableFile` when it can not be opened, is no regular file, or can not be mapped.
    public init(path: String) throws(TensorError) {
        func failure(_ problem: String) -> TensorError {
            TensorError(
                code: .unreadableFile, subject: path, problem: problem,
                remedy: "Check the path and that the file may be read.")
        }
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw failure("it can not be opened (\(MappedFile.reason())).") }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw failure("it has no size (\(MappedFile.reason())).") }
        guard status.st_mode & S_IFMT == S_IFREG else { throw failure("it is not a regular file.") }
        self.path = path
        byteCount = Int(status.st_size)
        guard byteCount > 0 else {
            unsafe base = nil
            return
        }
        let address = unsafe mmap(nil, byteCount, PROT_READ, MAP_PRIVATE, descriptor, 0)
        guard let address = unsafe address, unsafe address != MAP_FAILED else {
            throw failure("it can not be mapped into memory (\(MappedFile.reason())).")
        }
        unsafe base = UnsafeRawPointer(address)
    }

    deinit {
        if let base = unsafe base { unsafe munmap(UnsafeMutableRawPointer(mutating: base), byteCount) }
    }

    /// The whole file as storage that keeps the mapping alive.
    public var storage: Storage {
        unsafe Storage(unsafeBytes: UnsafeRawBufferPointer(start: base, count: byteCount), keptBy: self)
    }

    private static func reason() -> String {
        guard let text = unsafe strerror(errno) else { return "error \(errno)" }
        return unsafe String(cString: text)
    }
}
