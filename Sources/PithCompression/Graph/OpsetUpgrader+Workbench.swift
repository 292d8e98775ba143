import PithModel
import PithTensor

extension OpsetUpgrader {
    /// Writes one node as the version of its operator set named in `rules` wants it.
    typealias Rule = @Sendable (Node, inout Workbench) throws(CompressionError) -> [Node]

    /// What the rules of one graph share: what is known of its values, the weights they made, fresh names.
    struct Workbench {
        /// Types, ranks and constants of the graph as it was read.
        let facts: ValueFacts
        /// Source of names that the whole model does not use.
        var names: NameSource
        /// Weights made so far.
        private(set) var weights: [Weight] = []
        /// Outputs of resampling nodes that can not make their input smaller.
        private(set) var enlargements: Set<String> = []
        private var made: [String: Tensor] = [:]
        private var namesByContent: [String: String] = [:]

        init(facts: ValueFacts, names: NameSource) {
            self.facts = facts
            self.names = names
        }

        /// The name of an int64 vector with `values`; equal vectors of one role are made once.
        mutating func vector(_ values: [Int], role: String) -> String {
            weight(Tensor(vector: values.map { Int64($0) }), role: role, content: "\(values)")
        }

        /// The name of a float32 vector with `values`.
        mutating func vector(_ values: [Float], role: String) -> String {
            weight(Tensor(vector: values), role: role, content: "\(values.map(\.bitPattern)) float")
        }

        /// The name of an int64 scalar.
        mutating func scalar(_ value: Int, role: String) -> String {
            weight(Tensor(scalar: Int64(value)), role: role, content: "\(value) scalar")
        }

        /// The name of a float32 scalar.
        mutating func scalar(_ value: Float, role: String) -> String {
            weight(Tensor(scalar: value), role: role, content: "\(value.bitPattern) float scalar")
        }

        /// A name for a new value: `base` and `suffix`, with a number where the model has that already.
        mutating func fresh(_ base: String, _ suffix: String) -> String { names.make(base, suffix) }

        /// The constant a value is known to be: a weight, a `Constant` node's, or one made here.
        func constant(_ name: String) -> Tensor? {
            facts.constant(name) ?? made[name]
        }

        /// Remembers that a resampling node only makes its input larger.
        mutating func noteEnlargement(_ output: String) { enlargements.insert(output) }

        private mutating func weight(_ tensor: Tensor, role: String, content: String) -> String {
            let key = "\(role) \(content)"
            if let known = namesByContent[key] { return known }
            let name = names.make("opset", "_\(role)")
            namesByContent[key] = name
            weights.append(Weight(name, tensor))
            made[name] = tensor
            return name
        }
    }
}
