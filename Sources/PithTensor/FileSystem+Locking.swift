#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

extension FileSystem {
    /// Calls `body` while no other process or thread that asks for the same does so with `folder`.
    ///
    /// The lock is on the folder itself, so it leaves no file behind, and ends with the process at the latest. After a
    /// second of waiting, and where there are no such locks (some network folders), `body` is called without.
    /// - Throws: What `body` throws.
    package static func withFolderLocked<Result>(_ folder: String, _ body: () throws -> Result) rethrows -> Result {
        let descriptor = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return try body() }
        defer { close(descriptor) }
        var attempts = 0
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK || errno == EINTR, attempts < 200 {
            usleep(5000)
            attempts += 1
        }
        return try body()
    }
}
