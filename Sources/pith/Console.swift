import Foundation

/// The two streams of the program: results on standard output, everything else on standard error.
enum Console {
    private static let isTerminal = isatty(STDERR_FILENO) == 1

    /// Prints a result.
    ///
    /// - Throws: `OutputFailure`.
    static func print(_ text: String) throws {
        do {
            try FileHandle.standardOutput.write(contentsOf: Data((text + "\n").utf8))
        } catch {
            throw OutputFailure()
        }
    }

    /// Standard output did not take a result.
    struct OutputFailure: Error, CustomStringConvertible {
        let description = "standard output does not take the result: it is closed, or its device is full."
    }

    /// Prints a warning or an error.
    static func warn(_ text: String) {
        endProgress()
        try? FileHandle.standardError.write(contentsOf: Data((text + "\n").utf8))
    }

    /// A text without characters that would move the cursor or change colours; line breaks stay.
    static func printable(_ text: String) -> String {
        text.unicodeScalars.reduce(into: "") { line, scalar in
            let isControl = scalar.properties.generalCategory == .control && scalar != "\n"
            line += isControl ? scalar.escaped(asASCII: true) : String(scalar)
        }
    }

    /// Shows what is being done, on a terminal only, over the line before.
    static func progress(_ text: String) {
        guard isTerminal else { return }
        try? FileHandle.standardError.write(contentsOf: Data("\r\u{1B}[K\(printable(text).prefix(100))".utf8))
    }

    /// Clears the line of progress.
    static func endProgress() {
        guard isTerminal else { return }
        try? FileHandle.standardError.write(contentsOf: Data("\r\u{1B}[K".utf8))
    }
}
