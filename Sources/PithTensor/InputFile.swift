#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// A file or pipe that is read piece by piece, so that its pages never count as memory of this process.
package final class InputFile: Sendable {
    /// Size in bytes when it was opened; nil for a pipe.
    package let byteCount: Int?
    let descriptor: Int32
    private let isOwned: Bool

    /// Opens the regular file at `path`.
    ///
    /// - Throws: `TensorError` `.unreadableFile` when it can not be opened or is no regular file.
    package init(path: String) throws(TensorError) {
        func failure(_ problem: String) -> TensorError {
            TensorError(
                code: .unreadableFile, subject: path, problem: problem,
                remedy: "Check the path and that the file may be read.")
        }
        // The system would open what stands before the zero, another file than the one that was named.
        guard !path.utf8.contains(0) else { throw failure("its path holds a zero byte.") }
        let opened = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard opened >= 0 else { throw failure("it can not be opened (\(SystemFailure.current.reason)).") }
        var status = stat()
        guard unsafe fstat(opened, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(opened)
            throw failure("it is not a regular file.")
        }
        descriptor = opened
        byteCount = Int(status.st_size)
        isOwned = true
    }

    private init(borrowing descriptor: Int32) {
        self.descriptor = descriptor
        byteCount = nil
        isOwned = false
    }

    /// What is piped into this program.
    package static let standardInput = InputFile(borrowing: 0)

    deinit { if isOwned { close(descriptor) } }

    /// Reads into the bytes `range` of `buffer` what the file has from `offset` on.
    ///
    /// - Returns: How many bytes were read: fewer than the range has when the file ends before.
    /// - Throws: `SystemFailure` when the system can not read.
    package func read(
        at offset: Int, into buffer: ByteBuffer, _ range: Range<Int>
    ) throws(SystemFailure) -> Int {
        precondition(range.lowerBound >= 0 && range.upperBound <= buffer.count, "Bytes \(range) leave the buffer.")
        var done = 0
        while done < range.count {
            let rest = unsafe UnsafeMutableRawBufferPointer(
                rebasing: buffer.pointer[range.lowerBound + done..<range.upperBound])
            let got = unsafe pread(descriptor, rest.baseAddress, min(rest.count, 1 << 30), off_t(offset + done))
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else { throw .current }
            if got == 0 { break }
            done += got
        }
        return done
    }

    /// Reads the next `count` bytes of a pipe into `buffer`; fewer when it ends before.
    ///
    /// - Throws: `SystemFailure` when the system can not read.
    package func readNext(_ count: Int, into buffer: ByteBuffer) throws(SystemFailure) {
        buffer.resize(to: count)
        var done = 0
        while done < count {
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer.pointer[done...])
            #if canImport(Darwin)
                let got = unsafe Darwin.read(descriptor, rest.baseAddress, min(rest.count, 1 << 30))
            #else
                let got = unsafe Glibc.read(descriptor, rest.baseAddress, min(rest.count, 1 << 30))
            #endif
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else { throw .current }
            if got == 0 { break }
            done += got
        }
        if done < count { buffer.resize(to: done) }
    }
}
