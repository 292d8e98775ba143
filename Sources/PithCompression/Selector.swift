import PithModel
import PithTensor

/// Chooses the weights and nodes a stage touches.
public struct Selector: Hashable, Sendable, Codable {
    /// Name endings to accept; empty accepts every name.
    public var suffixes: [String] = []
    /// Names of weights (qualified, as the ledger gives them) and of nodes to leave alone; a node without a name goes by its
    /// first output.
    public var exclude: [String] = []
    /// Operators to accept by type; empty accepts every operator.
    public var operators: [String] = []
    /// Smallest number of elements worth compressing.
    public var minimumCount = 0

    /// Accepts everything.
    public init() {}

    /// Accepts what nodes of these operators read.
    public init(operators: [String]) { self.operators = operators }

    /// Whether a weight of this qualified name and size is chosen.
    func accepts(weight name: String, count: Int) -> Bool {
        count >= minimumCount && !exclude.contains(name)
            && (suffixes.isEmpty || suffixes.contains { name.hasSuffix($0) })
    }

    /// Whether a weight is chosen that these places read.
    func accepts(weight name: String, count: Int, readers: [WeightReader]) -> Bool {
        accepts(weight: name, count: count) && !readers.contains { !$0.name.isEmpty && exclude.contains($0.name) }
            && (operators.isEmpty || readers.contains { operators.contains($0.operation) })
    }

    /// Whether a layer is chosen, as a node and by the weight it reads.
    func accepts(_ node: Node, weight: Weight?) -> Bool {
        accepts(node) && weight.map { accepts(weight: $0.name, count: $0.shape.count) } ?? true
    }

    /// Whether a node is chosen.
    func accepts(_ node: Node) -> Bool {
        (operators.isEmpty || operators.contains(node.operation)) && !exclude.contains(node.calledName)
    }
}
