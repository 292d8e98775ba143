public import PithModel

/// A model while a recipe works on it, with the account of what was done.
public struct Workpiece: Sendable {
    public var model: Model
    /// The model as it was put on the bench, which errors are measured against whatever stages came before.
    public let original: Model
    /// Where the weights of the input went.
    public var trace = WeightTrace()
    /// What was done to each weight that has a stored form, by its qualified name.
    public var encodings: [String: Encoding] = [:]
    /// Why a weight is what it is, by its qualified name.
    public var reasons: [String: String] = [:]
    /// Why the layer that reads a weight computes in float, by the weight's qualified name.
    public var floatReasons: [String: String] = [:]
    /// Statements about the model as a whole, in the order they were found.
    public var notes: [String] = []
    /// What the recipe asks and could not be done; `--strict` refuses these.
    public var refusals: [String] = []
    /// Weights of layers that a stage could not take, with the reason; a later stage that takes one removes it, and
    /// `--strict` refuses what is left.
    public var unhandled: [String: String] = [:]
    /// Measured choices, to be kept in the recipe of the output.
    public var decisions: [String: JSONValue] = [:]

    /// The account of one encoding.
    public struct Encoding: Sendable, Hashable {
        /// Name of the technique.
        public var technique: String
        /// Signal-to-quantization-noise ratio of the weight in dB; nil when nothing was lost.
        public var sqnrDB: Double?
        /// A remark for the ledger.
        public var note: String
    }

    /// Puts a model on the bench.
    public init(model: Model) {
        self.model = model
        original = model
    }

    /// Notes and refuses names that a setting gives and neither this model nor `original` has, as a weight or a node.
    mutating func checkNames(_ names: [String], key: String, of original: Model) {
        guard !names.isEmpty else { return }
        var known: Set<String> = []
        for graph in [original.graph, model.graph] {
            graph.forEachGraph { graph, path in
                known.formUnion(graph.weights.names.map { path.qualified($0) })
                for node in graph.nodes {
                    known.insert(node.name)
                    if node.isStandard("Constant"), let output = node.outputs.first {
                        known.insert(path.qualified(output))
                    }
                }
            }
        }
        for name in names where !known.contains(name) {
            note("`\(key)` names '\(name)', which is no weight or node of this model.")
            refusals.append("\(key): there is no weight or node named '\(name)'")
        }
    }

    /// Says of weights that have been encoded since `before` which stage did it: a stage may do its work by others.
    mutating func credit(_ technique: String, since before: Set<String>) {
        for name in encodings.keys where !before.contains(name) { encodings[name]?.technique = technique }
    }

    /// Adds a statement once.
    public mutating func note(_ text: String) {
        if !notes.contains(text) { notes.append(text) }
    }
}
