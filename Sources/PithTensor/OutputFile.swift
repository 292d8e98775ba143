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
    /// Held by the thread that writes at an offset.
    ///
    /// File systems let one thread at a time write to a file, and those
    /// that wait there spin: with two threads that took 1.4 s of processor time for each GiB in memory, here 0.4 s.
    private let turn = Mutex(())
    /// Whether it is closed with the object.
    private let isOwned: Bool

    /// Creates the file at `path`, or empties the one that is there.
    ///
    /// - Throws: `SystemFailure` when it can not be created.
    package init(path: String) throws(SystemFailure) {
        let opened = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard opened >= 0 else { throw .current }
        descriptor = Mutex(opened)
        isOwned = true
    }

    private init(borrowing open: Int32) {
        descriptor = Mutex(open)
        isOwned = false
    }

    /// The standard output of this program.
    package static let standardOutput = OutputFile(borrowing: 1)

    deinit { if isOwned { descriptor.withLock { if let open = $0 { _ = close(open) } } } }

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

    /// Appends bytes.
    ///
    /// - Throws: `SystemFailure`, for instance when the disk is full.
    package func write(_ bytes: [UInt8]) throws(SystemFailure) {
        guard let open = descriptor.withLock({ $0 }) else { preconditionFailure("A closed file was written to.") }
        var done = 0
        while done < bytes.count {
            let written = unsafe bytes.withUnsafeBytes { buffer in
                unsafe OutputFile.write(UnsafeRawBufferPointer(rebasing: buffer[done...]), to: open, at: nil)
            }
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { throw .current }
            done += written
        }
    }

    /// Writes the bytes `range` of `buffer` at `offset` of the file, or after what was written when it is nil.
    ///
    /// Several threads may ask for different parts at once; each waits for its turn.
    ///
    /// - Throws: `SystemFailure`, for instance when the disk is full.
    package func write(_ buffer: ByteBuffer, _ range: Range<Int>, at offset: Int?) throws(SystemFailure) {
        // The buffer belongs to the caller's thread alone, and stays there.
        nonisolated(unsafe) let buffer = buffer
        try turn.withLock { _ throws(SystemFailure) in try unsafe writeNow(buffer, range, at: offset) }
    }

    private func writeNow(_ buffer: ByteBuffer, _ range: Range<Int>, at offset: Int?) throws(SystemFailure) {
        guard let open = descriptor.withLock({ $0 }) else { preconditionFailure("A closed file was written to.") }
        precondition(range.lowerBound >= 0 && range.upperBound <= buffer.count, "Bytes \(range) leave the buffer.")
        var done = range.lowerBound
        while done < range.upperBound {
            let rest = unsafe UnsafeRawBufferPointer(rebasing: buffer.pointer[done..<range.upperBound])
            let written = unsafe OutputFile.write(rest, to: open, at: offset.map { $0 + done - range.lowerBound })
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { throw .current }
            done += written
        }
    }

    private static func write(_ bytes: UnsafeRawBufferPointer, to open: Int32, at offset: Int?) -> Int {
        let count = min(bytes.count, 1 << 30)
        if let offset { return unsafe pwrite(open, bytes.baseAddress, count, off_t(offset)) }
        #if canImport(Darwin)
            return unsafe Darwin.write(open, bytes.baseAddress, count)
        #else
            return unsafe Glibc.write(open, bytes.baseAddress, count)
        #endif
    }

    /// Gives the file a length of `byteCount`; bytes that were not written are zero.
    ///
    /// - Throws: `SystemFailure`, for instance when the disk is full.
    package func extend(to byteCount: Int) throws(SystemFailure) {
        guard let open = descriptor.withLock({ $0 }) else { preconditionFailure("A closed file was written to.") }
        guard ftruncate(open, off_t(byteCount)) == 0 else { throw .current }
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
