import Foundation
import PithFormats
import PithTensor
import Synchronization

/// Interrupts leave nothing behind.
enum Signals {
    private static let folders = Mutex<[URL]>([])
    private static let received = Mutex<Int32?>(nil)

    /// The exit code of an interrupt that is being handled: work that fails because its files are taken away says nothing.
    static var exitCode: Int32? { received.withLock { $0.map { 128 + $0 } } }

    /// On SIGINT, SIGTERM and SIGHUP unfinished output files and temporary folders are removed before the program ends.
    static func cleanUpOnInterrupt() {
        guard let signals = try? ProcessSignals(catching: [SIGINT, SIGTERM], heeded: [SIGHUP]) else { return }
        Thread.detachNewThread { end(by: signals.next()) }
    }

    private static func end(by number: Int32) {
        received.withLock { $0 = number }
        StagedOutput.removeAll()
        for folder in folders.withLock({ $0 }) { FileManager.default.removeWhileUsed(folder) }
        Console.endProgress()
        // Not `exit`: what the runtime takes down then is still in use by the work.
        _exit(128 + number)
    }

    /// Makes a new temporary folder that is removed when the program is interrupted.
    ///
    /// - Throws: An error of the file system.
    static func temporaryFolder(_ name: String) throws -> URL {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("\(name)-\(UUID().uuidString.prefix(8))")
        removeOnInterrupt(folder)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return folder
    }

    /// Has a temporary folder removed when the program is interrupted.
    static func removeOnInterrupt(_ folder: URL) { folders.withLock { $0.append(folder) } }
}
