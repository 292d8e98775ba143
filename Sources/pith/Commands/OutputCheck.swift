import ArgumentParser
import Foundation

/// Keeps the files that a command reads.
enum OutputCheck {
    /// Refuses an output path that is one of the files in `read`.
    ///
    /// - Throws: `ValidationError`.
    static func requireFree(_ output: String, read: [String]) throws {
        func place(_ path: String) -> String {
            URL(fileURLWithPath: path).standardizedFileURL.resolvingSymlinksInPath().path
        }
        guard !read.contains(where: { place($0) == place(output) }) else {
            throw ValidationError("\(output) is one of the files that are read: give the output a name of its own.")
        }
    }
}
