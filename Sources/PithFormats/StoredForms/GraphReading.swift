internal import PithModel
internal import PithTensor

/// What a graph does with its weights: the order in which it reads them, and the forms that their decoding shows.
///
/// Nested graphs are read where their node stands.
struct GraphReading {
    /// Names of weights in the order in which they are first needed.
    private(set) var order: [String] = []
    /// Stored forms of weights, in the order of the nodes that make them, those of nested graphs behind those around them.
    private(set) var forms: [NamedForm] = []
    private var seen: Set<String> = []
    /// The first form of each name, and the names that are given.
    private var first: [String: StoredForm] = [:], names = UniqueNames.equivalent

    /// Reads `graph`; `place` tells where the numbers of a dense weight are, nil when that is not known.
    ///
    /// Weights of nested graphs are named as the ledger names them: `If_12.then_branch/weight`.
    ///
    /// - Complexity: O(nodes + weights).
    init(_ graph: Graph, place: @escaping (Weight) -> StoredForm.Source?) {
        graph.forEachGraph { graph, path in
            for found in StoredFormFinder(graph, place: place).forms {
                add(found.form, named: path.qualified(found.name))
            }
        }
        read(graph)
    }

    /// Adds a form, unless another node decodes the same weight alike; where it differs, its name gets a number.
    private mutating func add(_ form: StoredForm, named name: String) {
        guard first[name] != form else { return }
        first[name] = first[name] ?? form
        forms.append(NamedForm(name: names.make(name), form: form))
    }

    private mutating func read(_ graph: Graph) {
        let makers = GraphReading.decoders(of: graph)
        for node in graph.nodes where !GraphReading.isDecoder(node, makers) {
            for input in node.inputs { need(input, graph, makers) }
            for nested in node.nestedGraphs {
                for captured in nested.capturedNames.sorted() { need(captured, graph, makers) }
                read(nested)
            }
        }
        for output in graph.outputs { need(output.name, graph, makers) }
        for name in graph.weights.names where seen.insert(name).inserted { order.append(name) }
    }

    /// Adds the weights that `value` is made of, unless something read them before.
    private mutating func need(_ value: String, _ graph: Graph, _ makers: [String: Node]) {
        var waiting = [value]
        while let next = waiting.popLast() {
            guard seen.insert(next).inserted else { continue }
            if graph.weights[next] != nil {
                order.append(next)
            } else if let maker = makers[next] {
                waiting += maker.inputs.reversed()
            }
        }
    }

    /// The nodes that read nothing but weights and what such nodes make, by the values they make.
    private static func decoders(of graph: Graph) -> [String: Node] {
        var makers: [String: Node] = [:]
        for node in graph.nodes where !node.hasNestedGraphs {
            let isConstant = node.inputs.allSatisfy { $0.isEmpty || graph.weights[$0] != nil || makers[$0] != nil }
            guard isConstant else { continue }
            for output in node.outputs where !output.isEmpty { makers[output] = node }
        }
        return makers
    }

    private static func isDecoder(_ node: Node, _ makers: [String: Node]) -> Bool {
        !node.outputs.isEmpty && node.outputs.allSatisfy { $0.isEmpty || makers[$0] != nil }
    }
}
