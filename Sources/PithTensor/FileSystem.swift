#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// The few calls to the operating system that writing files takes, with checked Swift signatures.
package enum FileSystem {
    /// What a path leads to, symbolic links followed.
    package enum Kind: Hashable, Sendable {
        case nothing, file, folder
        /// A device, pipe or socket.
        case other
    }

    /// What is at `path`.
    package static func kind(of path: String) -> Kind {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return .nothing }
        switch status.st_mode & S_IFMT {
        case S_IFREG: return .file
        case S_IFDIR: return .folder
        default: return .other
        }
    }

    /// Makes a folder that only this user may look into.
    ///
    /// - Throws: `SystemFailure` when its parent is missing or can not be written.
    package static func makeFolder(_ path: String) throws(SystemFailure) {
        guard unsafe mkdir(path, 0o700) == 0 else { throw .current }
    }

    /// Gives the file at `source` the name `target`, in place of whatever file had it, in one step.
    ///
    /// - Throws: `SystemFailure` when the target is a folder, or its folder can not be written.
    package static func rename(_ source: String, to target: String) throws(SystemFailure) {
        #if canImport(Darwin)
            let answer = unsafe Darwin.rename(source, target)
        #else
            let answer = unsafe Glibc.rename(source, target)
        #endif
        guard answer == 0 else { throw .current }
    }

    /// Gives the file at `source` the further name `target`; both then lead to the same bytes.
    ///
    /// - Throws: `SystemFailure` when there is no such file, or the file system has no such links.
    package static func link(_ source: String, as target: String) throws(SystemFailure) {
        #if canImport(Darwin)
            let answer = unsafe Darwin.link(source, target)
        #else
            let answer = unsafe Glibc.link(source, target)
        #endif
        guard answer == 0 else { throw .current }
    }
}
