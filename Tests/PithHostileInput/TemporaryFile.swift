import Foundation

/// A file for readers that want a path.
enum TemporaryFile {
    /// Where they are: in memory on Linux.
    private static let folder: URL = {
        let memory = URL(fileURLWithPath: "/dev/shm")
        let isThere = FileManager.default.isWritableFile(atPath: memory.path)
        return isThere ? memory : FileManager.default.temporaryDirectory
    }()

    /// Calls `body` with the path of a file of these bytes, alone in a folder of its own.
    static func with<Result>(_ bytes: [UInt8], named name: String, _ body: (String) throws -> Result) throws -> Result {
        let place = folder.appendingPathComponent("pith-hostile-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: place) }
        let file = place.appendingPathComponent(name)
        try Data(bytes).write(to: file)
        return try body(file.path)
    }
}
