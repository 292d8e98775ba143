import Foundation
import Synchronization
public import PithTensor

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Output files that appear whole or not at all: written into a hidden folder beside the target, renamed when complete.
public final class StagedOutput {
    /// The folder the files will appear in.
    private let folder: URL
    /// The hidden folder they are written to.
    private let staging: URL
    /// Names of the files in the order they are put in place.
    private var names: [String] = []

    /// Makes the hidden folder beside `path`.
    ///
    /// - Throws: `FormatError` `.unwritable` when `path` is a folder, or its folder is missing or can not be written.
    public init(beside path: String) throws(FormatError) {
        let url = URL(fileURLWithPath: path)
        folder = url.deletingLastPathComponent()
        staging = folder.appendingPathComponent(".\(url.lastPathComponent).\(UUID().uuidString.prefix(8)).partial")
        var isFolder: ObjCBool = false
        if unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue {
            throw StagedOutput.failure(path, "it is a folder.")
        }
        guard unsafe access(folder.path, W_OK | X_OK) == 0, unsafe mkdir(staging.path, 0o700) == 0 else {
            throw StagedOutput.failure(path, "its folder does not exist or can not be written.")
        }
        StagedOutput.unfinished.withLock { _ = $0.insert(staging) }
    }

    deinit {
        try? FileManager.default.removeItem(at: staging)
        StagedOutput.unfinished.withLock { _ = $0.remove(staging) }
    }

    /// Hidden folders that exist now.
    private static let unfinished = Mutex<Set<URL>>([])

    /// Removes the hidden folders of all unfinished outputs, for a program that is about to be ended.
    public static func removeAll() {
        for folder in unfinished.withLock({ $0 }) { try? FileManager.default.removeItem(at: folder) }
    }

    /// Where a file is until `commit`.
    public func path(of name: String) -> String { staging.appendingPathComponent(name).path }

    /// Writes one file from pieces, each a byte array or a storage that is not copied as a whole.
    ///
    /// - Throws: `FormatError` `.unwritable`, for instance when the disk is full.
    public func write(_ name: String, _ body: (FileSink) throws -> Void) throws {
        names.append(name)
        let target = folder.appendingPathComponent(name).path
        let descriptor = unsafe open(path(of: name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw StagedOutput.failure(target, "it can not be created.") }
        var isOpen = true
        defer { if isOpen { close(descriptor) } }
        try body(FileSink(descriptor: descriptor, target: target))
        isOpen = false
        guard fsync(descriptor) == 0 || errno == EINVAL, close(descriptor) == 0 else {
            throw StagedOutput.failure(target, "writing failed (\(FileSink.reason())).")
        }
    }

    /// Puts every file in place of whatever was there.
    ///
    /// - Throws: `FormatError` `.unwritable`.
    public func commit() throws(FormatError) {
        for name in names {
            let target = folder.appendingPathComponent(name).path
            guard unsafe rename(path(of: name), target) == 0 else {
                throw StagedOutput.failure(target, "it can not be put in place (\(FileSink.reason())).")
            }
        }
        names = []
    }

    fileprivate static func failure(_ path: String, _ problem: String) -> FormatError {
        FormatError(
            code: .unwritable, subject: path, problem: problem,
            remedy: "Check that the folder exists, may be written, and has room.")
    }
}

/// The open end of one file being written.
public struct FileSink {
    fileprivate let descriptor: Int32
    fileprivate let target: String

    /// Appends bytes.
    ///
    /// - Throws: `FormatError` `.unwritable`.
    public func write(_ bytes: [UInt8]) throws(FormatError) { try write(Storage(bytes)) }

    /// Appends the bytes of a storage straight from its memory.
    ///
    /// - Throws: `FormatError` `.unwritable`.
    public func write(_ storage: Storage) throws(FormatError) {
        var offset = 0
        while offset < storage.byteCount {
            let written = storage.write(to: descriptor, from: offset)
            guard written > 0 else {
                throw StagedOutput.failure(target, "writing failed (\(FileSink.reason())).")
            }
            offset += written
        }
    }

    fileprivate static func reason() -> String {
        NSError(domain: NSPOSIXErrorDomain, code: Int(errno)).localizedDescription
    }
}
