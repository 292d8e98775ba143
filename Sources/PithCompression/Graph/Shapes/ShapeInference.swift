package import PithModel
import PithTensor

/// Works out element formats, axis lengths and small integer contents of a graph's values.
///
/// Lengths that depend on the caller become symbols, so that two values are known to agree although neither is known
/// as a number. Nothing that a file merely states about values between nodes is believed but their element format.
///
/// - Complexity: O(nodes) for each level of nesting.
/// - Reference: the operator specifications of ONNX, opset 7 and up.
package struct ShapeInference: Sendable {
    private let scope: GraphScope

    /// Infers for graphs with this scope.
    package init(scope: GraphScope) { self.scope = scope }

    /// What is known of each value of `graph` and of what it may read from the graphs around it.
    package func facts(of graph: Graph) -> [String: ValueFact] {
        var facts = scope.facts
        for (name, weight) in scope.weights { facts[name] = ValueFact(of: weight) }
        for weight in graph.weights { facts[weight.name] = ValueFact(of: weight) }
        for input in graph.inputs { facts[input.name] = fact(of: input) }
        var stated: [String: ScalarType] = [:]
        for info in graph.valueTypes + graph.outputs { stated[info.name] = info.type?.element }
        for (index, node) in graph.nodes.enumerated() {
            let known = outputs(of: node, at: index, in: graph, facts: facts)
            for (position, name) in node.outputs.enumerated() where !name.isEmpty {
                var fact = position < known.count ? known[position] : ValueFact()
                fact.element = fact.element ?? stated[name]
                facts[name] = fact
            }
        }
        return facts
    }

    private func fact(of input: ValueInfo) -> ValueFact {
        guard let type = input.type else { return ValueFact() }
        guard scope.inputsAreChecked, let stated = type.dimensions else { return ValueFact(element: type.element) }
        let dimensions = stated.enumerated().map { axis, dimension in
            dimension.length.flatMap { $0 >= 0 ? Extent($0) : nil } ?? Extent(symbol: "\(input.name):\(axis)")
        }
        return ValueFact(element: type.element, dimensions: dimensions)
    }

    private func outputs(
        of node: Node, at index: Int, in graph: Graph, facts: [String: ValueFact]
    ) -> [ValueFact] {
        if node.domain == RotaryFuser.domain, node.operation == "RotaryEmbedding" {
            let input = node.inputs.first.flatMap { facts[$0] }
            return input.map { [ValueFact(element: $0.element, dimensions: $0.dimensions)] } ?? []
        }
        guard node.domain.isEmpty else { return [] }
        if node.isStandard("If") { return branches(of: node, at: index, in: graph, facts: facts) }
        guard let rule = ShapeRules.all[node.operation] else { return [] }
        let inputs = node.inputs.map { $0.isEmpty ? nil : facts[$0] ?? ValueFact() }
        let view = InferenceNode(node: node, inputs: inputs, opset: scope.opset, path: scope.path) { name in
            scope.constant(name, in: graph)?.dense
        }
        return rule(view)
    }

    /// What both branches agree on.
    private func branches(
        of node: Node, at index: Int, in graph: Graph, facts: [String: ValueFact]
    ) -> [ValueFact] {
        var agreed: [ValueFact]?
        for attribute in node.attributes {
            guard case .graph(let branch) = attribute.value else { continue }
            let step = "\(node.stepName(at: index)).\(attribute.name)"
            let inner = scope.nested(branch, step: step, in: graph, facts: facts)
            let known = ShapeInference(scope: inner).facts(of: branch)
            let results = branch.outputs.map { known[$0.name] ?? ValueFact() }
            agreed = agreed.map { zip($0, results).map(agreement) } ?? results
        }
        return (agreed ?? []).enumerated().map { position, fact in
            var fact = fact
            let name = position < node.outputs.count ? scope.path.qualified(node.outputs[position]) : ""
            fact.dimensions = fact.dimensions?.enumerated().map { axis, length in
                length == ShapeInference.disputed ? Extent(symbol: "\(name):\(axis)") : length
            }
            return fact
        }
    }

    private static let disputed = Extent(symbol: "?")

    private func agreement(_ left: ValueFact, _ right: ValueFact) -> ValueFact {
        let element = left.element == right.element ? left.element : nil
        guard let a = left.dimensions, let b = right.dimensions, a.count == b.count else {
            return ValueFact(element: element)
        }
        let content = left.content == right.content ? left.content : nil
        let dimensions = zip(a, b).map { $0 == $1 ? $0 : ShapeInference.disputed }
        return ValueFact(element: element, dimensions: dimensions, content: content)
    }
}
