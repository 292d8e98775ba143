/// A data-flow graph: nodes in an order in which they can run, with the values and weights they use.
///
/// Values are known by name. A nested graph (a branch of `If`, the body of `Loop` or `Scan`) may read values of
/// the graphs around it.
public struct Graph: Sendable {
    public var name: String
    /// Operations; each comes after those it reads from.
    public var nodes: [Node]
    /// Values the caller provides; old files also list weights here.
    public var inputs: [ValueInfo]
    /// Values the caller receives.
    public var outputs: [ValueInfo]
    /// Types of values between nodes, as far as the file states them.
    public var valueTypes: [ValueInfo]
    /// Constant tensors by name, in file order.
    public var weights: WeightTable
    /// Integer formats of activations by the name of their value; a writer turns them into operators of its format.
    public var activationFormats: [String: ActivationFormat]
    /// What the format stores and Pith does not interpret.
    public var foreign: ForeignFields

    /// Creates a graph from its parts.
    public init(
        name: String = "", nodes: [Node] = [], inputs: [ValueInfo] = [], outputs: [ValueInfo] = [],
        valueTypes: [ValueInfo] = [], weights: WeightTable = WeightTable(),
        activationFormats: [String: ActivationFormat] = [:], foreign: ForeignFields = ForeignFields()
    ) {
        self.name = name
        self.nodes = nodes
        self.inputs = inputs
        self.outputs = outputs
        self.valueTypes = valueTypes
        self.weights = weights
        self.activationFormats = activationFormats
        self.foreign = foreign
    }

    /// Inputs that have no default: those that are not also weights.
    public var requiredInputs: [ValueInfo] { inputs.filter { weights[$0.name] == nil } }

    /// The stated type of a value: an input, an output or one between nodes.
    public func type(of value: String) -> ValueType? {
        for list in [valueTypes, inputs, outputs] {
            if let found = list.first(where: { $0.name == value })?.type { return found }
        }
        return nil
    }

    /// Every value name that occurs in this graph or in the graphs nested in it.
    public var allNames: Set<String> {
        var names = Set(inputs.map(\.name) + outputs.map(\.name) + weights.names)
        for node in nodes {
            names.formUnion(node.inputs)
            names.formUnion(node.outputs)
            for graph in node.nestedGraphs { names.formUnion(graph.allNames) }
        }
        return names
    }

    /// Names this graph (or one nested in it) reads and does not define: they belong to a graph around it.
    ///
    /// The order of the nodes does not matter: a file may hold them in any.
    public var capturedNames: Set<String> {
        var defined = Set(inputs.map(\.name) + weights.names), captured = Set(outputs.map(\.name))
        for node in nodes {
            captured.formUnion(node.readNames)
            defined.formUnion(node.outputs)
        }
        return captured.subtracting(defined)
    }
}
