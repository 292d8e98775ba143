/// Why ONNX Runtime could not be found, or could not load or run a model.
public struct RuntimeError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kind of failure, for programs.
    public enum Code: String, Hashable, Sendable {
        /// There is no ONNX Runtime on this machine, or it can not be opened.
        case notFound
        /// The library is older than what Pith needs.
        case unsupportedVersion
        /// The runtime refused the model.
        case invalidModel
        /// An input or output was named, typed or shaped other than the model says.
        case invalidInput
        /// The run itself failed, or gave what a tensor can not hold.
        case runFailed
    }

    /// The kind of failure, for programs.
    public let code: Code
    /// The library, model or value concerned.
    public let subject: String
    /// What is wrong, in the runtime's own words where it has some.
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
