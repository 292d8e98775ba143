import Foundation
public import PithTensor
import Synchronization

/// Output files that appear whole or not at all: written into a hidden folder beside the target, renamed when complete.
public final class StagedOutput: Sendable {
    /// The folder the files will appear in.
    private let folder: URL
    /// The hidden folder they are written to.
    private let staging: URL
    /// Names of the files that are written, in the order they are put in place.
    private let names = Mutex<[String]>([])

    /// Makes the hidden folder beside `path`.
    ///
    /// - Throws: `FormatError` `.unwritable` when `path` is a folder or a device, or its folder is missing or can not be
    ///   written.
    public init(beside path: String) throws(FormatError) {
        guard !path.isEmpty, !path.utf8.contains(0) else {
            throw StagedOutput.failure("'\(path)'", "it names no file.")
        }
        let url = URL(fileURLWithPath: path)
        switch FileSystem.kind(of: path) {
        case .folder:
            throw FormatError(
                code: .unwritable, subject: path, problem: "it is a folder.",
                remedy: "Name a file in it, such as '\(url.appendingPathComponent("output").path)'.")
        case .other:
            throw StagedOutput.failure(path, "it is a device or a pipe, which a file can not take the place of.")
        case .file, .nothing: break
        }
        folder = url.deletingLastPathComponent()
        // The name of the target may be as long as names can be; ours is not.
        let name = String(decoding: url.lastPathComponent.utf8.prefix(64), as: UTF8.self)
        staging = folder.appendingPathComponent(".\(name).\(UUID().uuidString.prefix(8)).partial")
        do throws(SystemFailure) {
            try StagedOutput.unfinished.withLock { [staging] unfinished throws(SystemFailure) in
                guard !unfinished.isClosed else { throw .interrupted }
                try FileSystem.makeFolder(staging.path)
                unfinished.folders.insert(staging)
            }
        } catch {
            throw StagedOutput.failure(path, "its folder does not exist or can not be written (\(error.reason)).")
        }
    }

    /// The hidden folder, for files that are needed until the output is in place.
    package var workFolder: String { staging.path }

    deinit {
        try? FileManager.default.removeItem(at: staging)
        StagedOutput.unfinished.withLock { _ = $0.folders.remove(staging) }
    }

    /// Hidden folders that exist now.
    private struct Unfinished {
        var folders: Set<URL> = []
        /// Whether the program is about to be ended, so that no more may be made.
        var isClosed = false
    }

    private static let unfinished = Mutex(Unfinished())

    /// Removes the hidden folders of all unfinished outputs and refuses new ones, for a program that is about to be ended.
    public static func removeAll() {
        let folders = unfinished.withLock { unfinished in
            unfinished.isClosed = true
            return unfinished.folders
        }
        for folder in folders { FileManager.default.removeWhileUsed(folder) }
    }

    /// Where a file is until `commit`.
    public func path(of name: String) -> String { staging.appendingPathComponent(name).path }

    /// Where a file is after `commit`.
    private func target(of name: String) -> String { folder.appendingPathComponent(name).path }

    /// Writes one file from pieces, each a byte array or a storage that is not copied as a whole.
    ///
    /// - Throws: `FormatError` `.unwritable`, for instance when the disk is full; and what `body` throws.
    public func write(_ name: String, _ body: (FileSink) throws -> Void) throws {
        let file: OutputFile
        do throws(SystemFailure) {
            file = try OutputFile(path: path(of: name))
        } catch {
            throw StagedOutput.failure(target(of: name), "it can not be created (\(error.reason)).")
        }
        try body(FileSink(file: file, target: target(of: name)))
        do throws(SystemFailure) {
            try file.finish()
        } catch {
            throw StagedOutput.failure(target(of: name), "writing failed (\(error.reason)).")
        }
        names.withLock { $0.append(name) }
    }

    /// Opens one file for writing in any order; `complete` ends that.
    ///
    /// A name may have folders, which are made.
    ///
    /// - Throws: `FormatError` `.unwritable`.
    package func create(_ name: String) throws(FormatError) -> OutputFile {
        do {
            if name.contains("/") {
                try FileManager.default.createDirectory(
                    at: staging.appendingPathComponent(name).deletingLastPathComponent(),
                    withIntermediateDirectories: true)
            }
            return try OutputFile(path: path(of: name))
        } catch {
            let reason = (error as? SystemFailure)?.reason ?? error.localizedDescription
            throw StagedOutput.failure(target(of: name), "it can not be created (\(reason)).")
        }
    }

    /// Ends the writing of a file from `create`, which `commit` will put in place.
    ///
    /// - Throws: `FormatError` `.unwritable` when its bytes did not get to the disk.
    package func complete(_ name: String, _ file: OutputFile) throws(FormatError) {
        do throws(SystemFailure) {
            try file.finish()
        } catch {
            throw StagedOutput.failure(target(of: name), "writing failed (\(error.reason)).")
        }
        names.withLock { $0.append(name) }
    }

    /// Puts every file in place of whatever was there; when one of them can not be, none is.
    ///
    /// - Throws: `FormatError` `.unwritable`.
    public func commit() throws(FormatError) {
        let names = names.withLock { names in
            defer { names = [] }
            return names
        }
        var placed: [String] = []
        for name in names {
            if name.contains("/") {
                let folder = folder.appendingPathComponent(name).deletingLastPathComponent()
                try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            }
            let target = target(of: name), hadFile = FileSystem.kind(of: target) != .nothing
            do throws(SystemFailure) {
                // A second name keeps the old file alive until the last one is in place.
                if name != names.last, hadFile { try? FileSystem.link(target, as: backup(of: name)) }
                try FileSystem.rename(path(of: name), to: target)
            } catch {
                for name in placed.reversed() { takeBack(name) }
                throw StagedOutput.failure(target, "it can not be put in place (\(error.reason)).")
            }
            if !hadFile || FileSystem.kind(of: backup(of: name)) == .file { placed.append(name) }
        }
    }

    private func backup(of name: String) -> String { path(of: name) + ".old" }

    /// Undoes the placing of a file: the old one comes back, or nothing where there was none.
    private func takeBack(_ name: String) {
        if FileSystem.kind(of: backup(of: name)) == .file {
            try? FileSystem.rename(backup(of: name), to: target(of: name))
        } else {
            try? FileManager.default.removeItem(atPath: target(of: name))
        }
    }

    package static func failure(_ path: String, _ problem: String) -> FormatError {
        FormatError(
            code: .unwritable, subject: path, problem: problem,
            remedy: "Check that the folder exists, may be written, and has room.")
    }
}

/// The open end of one file being written.
public struct FileSink: Sendable {
    fileprivate let file: OutputFile
    fileprivate let target: String

    /// Appends bytes.
    ///
    /// - Throws: `FormatError` `.unwritable`.
    public func write(_ bytes: [UInt8]) throws(FormatError) { try write(Storage(bytes)) }

    /// Appends the bytes of a storage straight from its memory.
    ///
    /// - Throws: `FormatError` `.unwritable`.
    public func write(_ storage: Storage) throws(FormatError) {
        do throws(SystemFailure) {
            try file.write(storage)
        } catch {
            throw StagedOutput.failure(target, "writing failed (\(error.reason)).")
        }
    }
}
