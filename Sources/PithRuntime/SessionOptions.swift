/// How a session runs its model.
public struct SessionOptions: Hashable, Sendable {
    /// How far the runtime may rewrite the graph before running it.
    public enum Optimization: String, CaseIterable, Hashable, Sendable {
        /// As it stands in the file.
        case none
        /// Rewrites that keep the operators standard: constants folded, redundant nodes removed.
        case basic
        /// Also fusions into operators of the runtime's own.
        case extended
        /// Also data layouts chosen for this machine.
        case all

        /// The runtime's number.
        var number: Int32 {
            switch self {
            case .none: 0
            case .basic: 1
            case .extended: 2
            case .all: 99
            }
        }
    }

    /// Threads that work on one operator; operators run one after another.
    public var threads = 1
    /// How far the graph is rewritten.
    public var optimization = Optimization.all
    /// Where to record what runs: the start of a file name, to which the runtime adds the date; nil records nothing.
    public var profilePrefix: String? = nil
    /// Where to write the rewritten graph when the model is loaded; nil writes nothing.
    public var optimizedModelPath: String? = nil
    /// Further session settings by the runtime's own keys, such as `session.disable_prepacking`.
    public var configuration: [String: String] = [:]

    /// The defaults: one thread, all optimizations, nothing recorded.
    public init() {}
}
