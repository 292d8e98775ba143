import PithModel
import PithTensor

extension OpsetUpgrader {
    /// Element types, ranks and constants of a graph's values, as far as the file states them or the nodes imply them.
    ///
    /// One pass over the nodes in order; what is not certain is left out. Stated types are taken at their word. A
    /// nested graph also sees what is known around it, unless it defines the name anew.
    struct ValueFacts {
        /// What is known of one value.
        private struct Fact {
            var type: ScalarType?
            var rank: Int?
            var dimensions: [ValueType.Dimension]?
            var constant: Tensor?
        }

        /// One entry for every value that the graph defines.
        private var facts: [String: Fact] = [:]
        /// The graph around this one; at most one element.
        private let outer: [ValueFacts]
        /// Values that a node of the graph, a graph nested in it, or its caller reads.
        private(set) var readNames: Set<String>

        /// Gathers the facts of `graph`; `outer` knows the graph around it.
        init(of graph: Graph, within outer: ValueFacts?) {
            self.outer = outer.map { [$0] } ?? []
            readNames = Set(graph.outputs.map(\.name))
            for input in graph.inputs { facts[input.name] = Fact() }
            for node in graph.nodes {
                readNames.formUnion(node.readNames)
                for output in node.outputs { facts[output] = Fact() }
            }
            for value in graph.inputs + graph.outputs + graph.valueTypes where facts[value.name] != nil { state(value) }
            for weight in graph.weights {
                facts[weight.name] = Fact(
                    type: weight.type, rank: weight.shape.rank,
                    dimensions: weight.shape.dimensions.map { .fixed($0) }, constant: weight.dense)
            }
            for node in graph.nodes where node.domain.isEmpty { learn(from: node) }
        }

        /// Element type of a value.
        func type(of name: String) -> ScalarType? { fact(of: name)?.type }

        /// Number of axes of a value.
        func rank(of name: String) -> Int? { fact(of: name)?.rank }

        /// Stated axis lengths of a value.
        func dimensions(of name: String) -> [ValueType.Dimension]? { fact(of: name)?.dimensions }

        /// The constant a value is.
        func constant(_ name: String) -> Tensor? { fact(of: name)?.constant }

        private func fact(of name: String) -> Fact? { facts[name] ?? outer.first?.fact(of: name) }

        private mutating func state(_ value: ValueInfo) {
            if let element = value.type?.element { facts[value.name]?.type = element }
            guard let dimensions = value.type?.dimensions else { return }
            facts[value.name]?.rank = dimensions.count
            facts[value.name]?.dimensions = dimensions
        }

        private mutating func learn(from node: Node) {
            if node.operation == "Constant", let name = node.outputs.first, let tensor = Self.constant(of: node) {
                facts[name] = Fact(
                    type: tensor.type, rank: tensor.shape.rank,
                    dimensions: tensor.shape.dimensions.map { .fixed($0) }, constant: tensor)
            }
            for (index, name) in node.outputs.enumerated() where !name.isEmpty {
                var fact = facts[name] ?? Fact()
                fact.type = fact.type ?? impliedType(of: node, output: index)
                fact.rank = fact.rank ?? impliedRank(of: node, output: index)
                facts[name] = fact
            }
        }

        private static func constant(of node: Node) -> Tensor? {
            switch node.attributes.first(where: { $0.name.hasPrefix("value") })?.value {
            case .tensor(let weight): weight.dense
            case .integer(let value): Tensor(scalar: value)
            case .integers(let values): Tensor(vector: values)
            case .float(let value): Tensor(scalar: value)
            case .floats(let values): Tensor(vector: values)
            default: nil
            }
        }
    }
}
