package import PithModel

/// What a graph sees of the graphs around it.
package struct GraphScope: Sendable {
    /// Where the graph stands.
    package var path: GraphPath
    /// Version of the standard operator set.
    package var opset: Int
    /// Weights of the graphs around this one that it may read.
    package var weights: [String: Weight] = [:]
    /// The graphs that own those weights.
    package var owners: [String: GraphPath] = [:]
    /// Facts about values of the graphs around this one.
    package var facts: [String: ValueFact] = [:]
    /// Whether axis lengths that inputs state can be relied on: the runtime checks those of the model's own graph only.
    package var inputsAreChecked = true

    /// The scope of a model's own graph.
    package init(of model: Model) {
        path = .main
        opset = model.opset
    }

    /// The scope of a graph nested in `outer` under `step`.
    package func nested(_ graph: Graph, step: String, in outer: Graph, facts outerFacts: [String: ValueFact])
        -> GraphScope
    {
        var scope = self
        scope.path = GraphPath(steps: path.steps + [step])
        scope.inputsAreChecked = false
        for name in outer.definedNames { scope.weights[name] = nil }
        for weight in outer.constants {
            scope.weights[weight.name] = weight
            scope.owners[weight.name] = path
        }
        scope.facts.merge(outerFacts) { $1 }
        for name in graph.definedNames {
            scope.weights[name] = nil
            scope.facts[name] = nil
        }
        return scope
    }

    /// The constant that `name` stands for in `graph`, which has this scope.
    package func constant(_ name: String, in graph: Graph) -> Weight? {
        if let weight = graph.weights[name] {
            return graph.inputs.contains { $0.name == name } ? nil : weight
        }
        return weights[name]
    }
}

extension Graph {
    /// Names that this graph itself gives a meaning to, graphs nested in it left out.
    package var definedNames: Set<String> {
        var names = Set(inputs.map(\.name) + weights.names)
        for node in nodes { names.formUnion(node.outputs) }
        names.remove("")
        return names
    }

    /// Weights that the caller can not replace.
    var constants: [Weight] {
        let given = Set(inputs.map(\.name))
        return weights.filter { !given.contains($0.name) }
    }
}

extension Model {
    /// Lets `body` change every graph, outer graphs first, each with what it sees around it.
    ///
    /// Nested graphs are told facts about the values around them when `usesFacts` is set.
    /// - Returns: whether any call of `body` returned true.
    package mutating func rewriteGraphs(
        usesFacts: Bool = false, _ body: (inout Graph, GraphScope) throws -> Bool
    ) rethrows -> Bool {
        try graph.rewrite(in: GraphScope(of: self), usesFacts: usesFacts, body)
    }
}

extension Graph {
    fileprivate mutating func rewrite(
        in scope: GraphScope, usesFacts: Bool, _ body: (inout Graph, GraphScope) throws -> Bool
    ) rethrows -> Bool {
        var changed = try body(&self, scope)
        guard nodes.contains(where: \.hasNestedGraphs) else { return changed }
        let facts = usesFacts ? ShapeInference(scope: scope).facts(of: self) : [:]
        let outer = self
        for index in nodes.indices where nodes[index].hasNestedGraphs {
            let owner = nodes[index].stepName(at: index)
            for position in nodes[index].attributes.indices {
                let attribute = outer.nodes[index].attributes[position].name
                changed =
                    try nodes[index].attributes[position].rewriteGraphs { graph, place in
                        let step = "\(owner).\(attribute)\(place)"
                        let inner = scope.nested(graph, step: step, in: outer, facts: facts)
                        return try graph.rewrite(in: inner, usesFacts: usesFacts, body)
                    } || changed
            }
        }
        return changed
    }
}

extension Node {
    /// How this node stands in a `GraphPath`.
    func stepName(at index: Int) -> String { name.isEmpty ? "\(operation)_\(index)" : name }
}

extension Attribute {
    /// Lets `body` change each graph this attribute holds; its second argument is what a path says of its place.
    mutating func rewriteGraphs(_ body: (inout Graph, String) throws -> Bool) rethrows -> Bool {
        switch value {
        case .graph(var graph):
            let changed = try body(&graph, "")
            if changed { value = .graph(graph) }
            return changed
        case .graphs(var graphs):
            var changed = false
            for index in graphs.indices { changed = try body(&graphs[index], "[\(index)]") || changed }
            if changed { value = .graphs(graphs) }
            return changed
        default: return false
        }
    }
}
