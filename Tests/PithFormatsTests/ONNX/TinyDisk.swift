import Foundation

/// A file system in memory of 64 KiB, mounted for one test; only the superuser of a Linux machine can have one.
final class TinyDisk {
    let folder: ScratchFolder

    init?() {
        guard FileManager.default.isExecutableFile(atPath: "/bin/mount"), let folder = try? ScratchFolder() else {
            return nil
        }
        self.folder = folder
        let arguments = ["-t", "tmpfs", "-o", "size=64k", "pith-test", folder.url.path]
        guard TinyDisk.run("/bin/mount", arguments) else { return nil }
    }

    deinit { _ = TinyDisk.run("/bin/umount", [folder.url.path]) }

    /// Whether this process may mount one.
    static let isPossible = TinyDisk() != nil

    private static func run(_ program: String, _ arguments: [String]) -> Bool {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }
}
