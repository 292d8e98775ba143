/// Why a score, an interval or a time could not be measured.
public struct EvaluationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kind of failure, for programs.
    public enum Code: String, Hashable, Sendable {
        case emptyRange, missingLabels, invalidLabels, invalidOutput, missingOutput, batchMismatch, invalidSettings
    }

    /// The kind of failure, for programs.
    public let code: Code
    /// The metric, output or file concerned.
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
