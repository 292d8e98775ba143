/// A network: its graph with the named weights, and what the file says about it.
///
/// A checkpoint without a graph (safetensors) is a model whose graph has weights and no nodes.
public struct Model: Sendable {
    /// Nodes, inputs, outputs and weights.
    public var graph: Graph
    /// Version of each operator set by its domain; the standard set has the domain "".
    public var operatorSets: [String: Int]
    /// Version of the file format the model was read from (ONNX: `ir_version`).
    public var formatVersion: Int
    /// Name and version of the program that wrote the file.
    public var producer: Producer
    /// Free properties of the model, in file order.
    public var metadata: [Property]
    /// Files that hold weights of the model as it was read: paths relative to the model, in the order of first use.
    public var externalFiles: [String]
    /// What the format stores and Pith does not interpret.
    public var foreign: ForeignFields

    /// Name and version of a program.
    public struct Producer: Hashable, Sendable {
        public var name: String
        public var version: String

        public init(name: String = "", version: String = "") {
            self.name = name
            self.version = version
        }
    }

    /// A key with its value.
    public struct Property: Hashable, Sendable {
        public var key: String
        public var value: String

        public init(key: String, value: String) {
            self.key = key
            self.value = value
        }
    }

    /// Creates a model around a graph.
    public init(
        graph: Graph, operatorSets: [String: Int] = [:], formatVersion: Int = 0, producer: Producer = Producer(),
        metadata: [Property] = [], externalFiles: [String] = [], foreign: ForeignFields = ForeignFields()
    ) {
        self.graph = graph
        self.operatorSets = operatorSets
        self.formatVersion = formatVersion
        self.producer = producer
        self.metadata = metadata
        self.externalFiles = externalFiles
        self.foreign = foreign
    }

    /// Version of the standard operator set.
    public var opset: Int { operatorSets[""] ?? operatorSets["ai.onnx"] ?? 1 }
}
