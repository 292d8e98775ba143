import Foundation
import PithRuntime

/// The example that comes with the package.
enum Digits {
    static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Examples/Digits")
    static var model: String { folder.appendingPathComponent("digits.onnx").path }
    static var card: String { folder.appendingPathComponent("digits.yaml").path }
    /// Whether the example is there and models can be run.
    static let isRunnable =
        FileManager.default.fileExists(atPath: model) && (try? Runtime.load()) != nil
}
