/// Why a file could not be read or written, or a data card or recipe could not be followed.
public struct FormatError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kind of failure, for programs.
    public enum Code: String, Hashable, Sendable {
        /// The bytes contradict the format or themselves.
        case corrupt
        /// The file ends before what it announces.
        case truncated
        /// The file is sound and uses something that is not read or not written.
        case unsupported
        /// A file, array, input or label that is needed is not there.
        case missing
        /// A data card or another configuration file says something that can not be followed.
        case invalidCard
        /// An array or rows that were asked for by name are not in the file.
        case notInFile
        /// The file could not be written.
        case unwritable
    }

    /// The kind of failure, for programs.
    public let code: Code
    /// The file concerned, with a byte offset, line or key where that helps.
    public let subject: String
    /// What is wrong, with the offending value and the bound it broke.
    public let problem: String
    /// What the reader can change.
    public let remedy: String

    /// Creates an error from its parts.
    public init(code: Code, subject: String, problem: String, remedy: String) {
        self.code = code
        self.subject = subject
        self.problem = problem
        self.remedy = remedy
    }

    public var description: String { "\(subject): \(problem) \(remedy)" }
}
