/// One execution of one operator, as the runtime recorded it.
public struct ProfiledOperator: Sendable, Hashable {
    /// The node's name in the graph that ran, which is the optimized one.
    public let node: String
    /// The operator's type, such as `FusedConv`.
    public let operation: String
    /// How long it took.
    public let microseconds: Int

    /// Creates a record.
    public init(node: String, operation: String, microseconds: Int) {
        self.node = node
        self.operation = operation
        self.microseconds = microseconds
    }
}
