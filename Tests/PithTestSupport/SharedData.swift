public import Foundation

/// The folder of real models, data and vectors that tests use where it is present.
///
/// It is named by the environment variable `PITH_TEST_DATA`; without that it is `../shared/data` beside the package.
public enum SharedData {
    /// The folder, whether or not it exists.
    public static let root: URL = {
        if let named = ProcessInfo.processInfo.environment["PITH_TEST_DATA"] {
            return URL(fileURLWithPath: named, isDirectory: true)
        }
        let package = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        return package.deletingLastPathComponent().appendingPathComponent("shared/data", isDirectory: true)
    }()

    /// Whether the folder exists.
    public static var isPresent: Bool { FileManager.default.fileExists(atPath: root.path) }

    /// The file at `path` inside the folder.
    public static func url(_ path: String) -> URL { root.appendingPathComponent(path) }

    /// Whether the file at `path` inside the folder exists.
    public static func has(_ path: String) -> Bool { FileManager.default.fileExists(atPath: url(path).path) }
}
