/// Why bytes could not be taken as a tensor, or a file could not be mapped.
public struct TensorError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kind of failure, for programs.
    public enum Code: String, Hashable, Sendable {
        case invalidShape, sizeMismatch, typeMismatch, unreadableFile
    }

    /// The kind of failure, for programs.
    public let code: Code
    /// The tensor or file concerned.
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
