/// What is wrong with a container, or with what was asked of it.
public struct ReaderError: Error, Sendable, CustomStringConvertible {
    /// The kind of an error, for programs.
    public enum Code: String, Sendable, CaseIterable {
        /// The bytes break a rule of the format: the file is damaged, or was never a container.
        case corrupt
        /// The file ends before the container does.
        case truncated
        /// The container may be whole, but this reader does not read what it holds.
        case unsupported
        /// What was asked for takes more memory than may be taken, or more than could ever be.
        case tooLarge
        /// The container has nothing by the name or number that was asked for.
        case notFound
    }

    /// The kind of the error.
    public let code: Code
    /// The part of the container it is about: a file, an array, a weight, or a block with its byte offset.
    public let subject: String
    /// What was found, and the bound it breaks.
    public let problem: String
    /// What can be done about it.
    public let remedy: String

    /// The subject, the problem and the remedy, in one line.
    public var description: String { "\(subject): \(problem) \(remedy)" }

    init(code: Code, subject: String, problem: String, remedy: String) {
        self.code = code
        self.subject = subject
        self.problem = problem
        self.remedy = remedy
    }

    static func corrupt(_ subject: String, _ problem: String) -> ReaderError {
        ReaderError(
            code: .corrupt, subject: subject, problem: problem, remedy: "Fetch the file again, or pack the model again."
        )
    }

    static func truncated(_ subject: String, _ problem: String) -> ReaderError {
        ReaderError(
            code: .truncated, subject: subject, problem: problem, remedy: "Fetch the file again, to its end.")
    }

    static func tooLarge(_ subject: String, byteCount: Int?, limit: Int) -> ReaderError {
        let size = byteCount.map { "\($0) bytes" } ?? "more bytes than can be counted"
        return ReaderError(
            code: .tooLarge, subject: subject, problem: "It takes \(size), above the limit of \(limit).",
            remedy: "Pass a larger maximumByteCount if that much memory may be taken.")
    }
}
