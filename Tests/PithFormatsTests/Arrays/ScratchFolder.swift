import Foundation

/// A folder that is removed with the value.
final class ScratchFolder {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("pith-tests-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    /// Writes a file and answers its path.
    func write(_ bytes: [UInt8], to name: String) throws -> String {
        let file = url.appendingPathComponent(name)
        try Data(bytes).write(to: file)
        return file.path
    }

    /// Writes a text file and answers its path.
    func write(_ text: String, to name: String) throws -> String { try write(Array(text.utf8), to: name) }

    /// The path of a file inside.
    func path(_ name: String) -> String { url.appendingPathComponent(name).path }
}

/// The `code` of the error that `work` throws, nil when it throws none or another kind.
func refusal<Result>(of work: () throws -> Result) -> FormatErrorSummary? {
    do { _ = try work() } catch { return FormatErrorSummary(error) }
    return nil
}
