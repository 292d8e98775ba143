#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// A file mapped read-only into memory: its pages are read when touched, and nothing is copied.
public final class MappedFile: Sendable {
    /// The path it was opened by.
    public let path: String
    /// The whole file as storage that keeps the mapping alive.
    public let storage: Storage
    /// Size in bytes at the time it was mapped.
    public var byteCount: Int { storage.byteCount }

    /// Maps the regular file at `path`.
    ///
    /// - Throws: `TensorError` `.unreadableFile` when it can not be opened, is no regular file, or can not be mapped.
    public init(path: String) throws(TensorError) {
        let file = try InputFile(path: path)
        self.path = path
        let mapping = withExtendedLifetime(file) {
            Mapping(descriptor: file.descriptor, byteCount: file.byteCount ?? 0)
        }
        guard let mapping else {
            throw TensorError(
                code: .unreadableFile, subject: path,
                problem: "it can not be mapped into memory (\(SystemFailure.current.reason)).",
                remedy: "Check the path and that the file may be read.")
        }
        storage = unsafe Storage(unsafeBytes: mapping.bytes, keptBy: mapping)
    }
}

/// The pages of a mapped file, given back with the object.
@safe private final class Mapping {
    let bytes: UnsafeRawBufferPointer

    /// Maps a file, which has no pages when it is empty; nil when the system does not.
    init?(descriptor: Int32, byteCount: Int) {
        guard byteCount > 0 else {
            unsafe bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        let address = unsafe mmap(nil, byteCount, PROT_READ, MAP_PRIVATE, descriptor, 0)
        guard let address = unsafe address, unsafe address != MAP_FAILED else { return nil }
        unsafe bytes = UnsafeRawBufferPointer(start: address, count: byteCount)
    }

    deinit {
        if let base = unsafe bytes.baseAddress { unsafe munmap(UnsafeMutableRawPointer(mutating: base), bytes.count) }
    }
}
