/// Why a weight, a recipe or a promise failed, and what to do about it.
public struct CompressionError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kind of failure, for programs.
    public enum Code: String, Hashable, Sendable {
        /// A name that no recipe and no file has.
        case unknownRecipe
        /// A recipe that can not be followed.
        case invalidRecipe, unknownTechnique, unknownSetting, invalidSetting
        /// A weight or an operator that a technique can not handle.
        case unsupportedShape, unsupportedOperator, nonFiniteWeight
        /// Data that a stage or a promise needs: not there, or ruining the work.
        case missingData, invalidData
        /// A promise of size, accuracy or speed that could not be kept.
        case promiseBroken
        /// What `--strict` does not let pass: part of the recipe could not be done.
        case refused
        /// An output path that would destroy what is read, or whose ending stands for nothing that is written.
        case invalidOutput
        /// The written file does not do what was meant.
        case mismatch
    }

    /// The kind of failure, for programs.
    public let code: Code
    /// The weight, stage or file concerned.
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
