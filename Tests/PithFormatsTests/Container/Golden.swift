import Foundation
import Testing

/// A file that was written once, and what it was made from.
struct Golden: Sendable, CustomTestStringConvertible {
    let name: String
    let model: [UInt8]
    var testDescription: String { name }

    /// Where such files are.
    static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("PithGolden/container")

    /// Whether they are to be written again.
    static let isUpdated = ProcessInfo.processInfo.environment["PITH_UPDATE_GOLDEN"] == "1"
}
