/// Why bytes could not be coded or decoded.
public struct CodingError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kind of failure, for programs.
    public enum Code: String, Hashable, Sendable {
        /// The bytes contradict the format, or a checksum does not match.
        case corrupt
        /// The bytes end before the format says they may.
        case truncated
        /// Decoding would take more memory than was allowed.
        case tooLarge
        /// The bytes are sound and use something that is not decoded.
        case unsupported
        /// The codec itself failed, such as for want of memory.
        case failed
    }

    /// The kind of failure, for programs.
    public let code: Code
    /// The codec concerned, with a byte offset where that helps.
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
