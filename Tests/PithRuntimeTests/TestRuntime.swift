import Foundation
import PithRuntime

/// The runtime that the tests use, where there is one.
enum TestRuntime {
    /// Nil where no ONNX Runtime is found: tests that need one are then skipped, by name.
    static let shared: Runtime? = try? Runtime.load()
    static var isPresent: Bool { shared != nil }

    /// Whether the runtime is at least version 1.`minor`.
    static func isAtLeast(minor: Int) -> Bool {
        let parts = (shared?.version ?? "0.0").split(separator: ".").compactMap { Int($0) }
        return parts.count > 1 && (parts[0], parts[1]) >= (1, minor)
    }

    /// Calls `body` with a fresh folder that is deleted afterwards.
    static func withFolder<Result>(_ body: (URL) throws -> Result) throws -> Result {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        return try body(folder)
    }
}
