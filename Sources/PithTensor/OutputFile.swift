import Synchronization

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// A file being written, through checked calls of the operating system.
///
/// It is closed by `finish`, or with the object.
package final class OutputFile: Sendable {
    /// The open file; nil once it is closed.
    private let descriptor: Mutex<Int32?>

    /// Creates the file at `path`, or empties the one that is there.
    ///
    /// - Throws: `SystemFailure` when it can not be created.
    package init(path: String) throws(SystemFailure) {
        let opened = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard opened >= 0 else { throw .current }
        descriptor = Mutex(opened)
    }

    deinit { descriptor.withLock { if let open = $0 { _ = close(open) } } }

    /// Appends the bytes of a storage straight from its memory.
    ///
    /// - Throws: `SystemFailure`, for instance when the disk is full.
    package func write(_ storage: Storage) throws(SystemFailure) {
        try descriptor.withLock { descriptor throws(SystemFailure) in
            guard let descriptor else { preconditionFailure("A closed file was written to.") }
            var offset = 0
            while offset < storage.byteCount {
                let written = storage.write(to: descriptor, from: offset)
                if written < 0, errno == EINTR { continue }
                guard written > 0 else { throw .current }
                offset += written
            }
        }
    }

    /// Waits until the bytes are on the disk, and closes the file.
    ///
    /// - Throws: `SystemFailure` when they did not get there.
    package func finish() throws(SystemFailure) {
        try descriptor.withLock { descriptor throws(SystemFailure) in
            guard let open = descriptor else { return }
            // Pipes and some network folders can not wait; they answer EINVAL.
            guard fsync(open) == 0 || errno == EINVAL else { throw .current }
            descriptor = nil
            guard close(open) == 0 else { throw .current }
        }
    }
}
