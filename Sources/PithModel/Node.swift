/// One operation of a graph.
public struct Node: Sendable {
    /// The node's own name; may be empty and need not be unique.
    public var name: String
    /// Operator type, such as `Conv`.
    public var operation: String
    /// Domain of the operator; "" for the standard set.
    public var domain: String
    /// Names of the values read; "" for an optional input left out.
    public var inputs: [String]
    /// Names of the values made; "" for an optional output left out.
    public var outputs: [String]
    public var attributes: [Attribute]
    /// A text an exporter left.
    public var documentation: String
    /// What the format stores and Pith does not interpret; exporters' traces among it.
    public var foreign: ForeignFields

    /// Creates a node of the standard operator set or of `domain`.
    public init(
        _ operation: String, inputs: [String], outputs: [String], attributes: [Attribute] = [], name: String = "",
        domain: String = "", documentation: String = "", foreign: ForeignFields = ForeignFields()
    ) {
        self.operation = operation
        self.inputs = inputs
        self.outputs = outputs
        self.attributes = attributes
        self.name = name
        self.domain = domain == "ai.onnx" ? "" : domain
        self.documentation = documentation
        self.foreign = foreign
    }

    /// Whether this is `operation` of the standard operator set.
    public func isStandard(_ operation: String) -> Bool { domain.isEmpty && self.operation == operation }

    /// Whether this is one of `operations` of the standard operator set.
    public func isStandard(oneOf operations: Set<String>) -> Bool {
        domain.isEmpty && operations.contains(self.operation)
    }

    /// The value of an attribute, nil when the node does not state it.
    public subscript(attribute name: String) -> AttributeValue? {
        get { attributes.first { $0.name == name }?.value }
        set {
            let index = attributes.firstIndex { $0.name == name }
            switch (index, newValue) {
            case (let index?, let value?): attributes[index].value = value
            case (let index?, nil): attributes.remove(at: index)
            case (nil, let value?): attributes.append(Attribute(name, value))
            case (nil, nil): break
            }
        }
    }

    /// An integer attribute, or `standard` when it is not stated.
    public func integer(_ name: String, default standard: Int) -> Int {
        if case .integer(let value) = self[attribute: name] { Int(value) } else { standard }
    }

    /// A float attribute, or `standard` when it is not stated.
    public func float(_ name: String, default standard: Float) -> Float {
        if case .float(let value) = self[attribute: name] { value } else { standard }
    }

    /// A list of integers, nil when it is not stated.
    public func integers(_ name: String) -> [Int]? {
        if case .integers(let values) = self[attribute: name] { values.map { Int($0) } } else { nil }
    }

    /// A string attribute, nil when it is not stated.
    public func string(_ name: String) -> String? {
        if case .string(let bytes) = self[attribute: name] { String(decoding: bytes, as: UTF8.self) } else { nil }
    }

    /// The graphs nested in this node's attributes.
    public var nestedGraphs: [Graph] {
        attributes.flatMap { attribute -> [Graph] in
            switch attribute.value {
            case .graph(let graph): [graph]
            case .graphs(let graphs): graphs
            default: []
            }
        }
    }

    /// Whether an attribute holds a graph.
    public var hasNestedGraphs: Bool {
        attributes.contains { attribute in
            switch attribute.value {
            case .graph, .graphs: true
            default: false
            }
        }
    }

    /// Values this node reads: its inputs, and what its nested graphs take from around them.
    public var readNames: Set<String> {
        var names = Set(inputs)
        names.remove("")
        for graph in nestedGraphs { names.formUnion(graph.capturedNames) }
        return names
    }

    /// What this node is called by: its name, or its first output when it has none.
    public var calledName: String { name.isEmpty ? outputs.first { !$0.isEmpty } ?? "" : name }

    /// How messages name this node: its operator and what it is called by.
    public var label: String { "\(operation) '\(calledName)'" }
}
