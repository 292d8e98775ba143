import PithModel

/// Chooses the weights and nodes a stage touches.
public struct Selector: Hashable, Sendable, Codable {
    /// Name endings to accept; empty accepts every name.
    public var suffixes: [String] = []
    /// Names (qualified, as the ledger gives them) to leave alone.
    public var exclude: [String] = []
    /// Operators to accept by type; empty accepts every operator.
    public var operators: [String] = []
    /// Smallest number of elements worth compressing.
    public var minimumCount = 0

    /// Accepts everything.
    public init() {}

    /// Whether a weight of this qualified name and size is chosen.
    func accepts(weight name: String, count: Int) -> Bool {
        count >= minimumCount && !exclude.contains(name)
            && (suffixes.isEmpty || suffixes.contains { name.hasSuffix($0) })
    }

    /// Whether a node is chosen.
    func accepts(_ node: Node) -> Bool {
        (operators.isEmpty || operators.contains(node.operation)) && !exclude.contains(node.name)
    }
}
