package import PithModel

/// Removes nodes and weights that reach no output, and outputs of nodes that nothing reads where the operator lets
/// them be left out.
package struct DeadCodeRemover: GraphPass {
    package static let name = "dead-code"

    package init() {}

    package func apply(to model: inout Model, trace: inout WeightTrace) throws -> Bool {
        model.rewriteGraphs { graph, scope in
            let removed = DeadCodeRemover.removeNodes(from: &graph, path: scope.path, trace: &trace)
            let trimmed = DeadCodeRemover.trimOutputs(of: &graph)
            let emptied = DeadCodeRemover.removeWeights(from: &graph, path: scope.path, trace: &trace)
            guard removed || trimmed || emptied else { return false }
            graph.pruneValueTypes()
            return true
        }
    }

    /// Takes out nodes none of whose results are wanted, from the last one backwards.
    private static func removeNodes(from graph: inout Graph, path: GraphPath, trace: inout WeightTrace) -> Bool {
        var wanted = Set(graph.outputs.map(\.name)), kept: [Node] = []
        for (index, node) in graph.nodes.enumerated().reversed() {
            if node.outputs.contains(where: wanted.contains) {
                wanted.formUnion(node.readNames)
                kept.append(node)
                continue
            }
            for attribute in node.attributes {
                for (nested, place) in attribute.graphs {
                    let start = path.steps + ["\(node.stepName(at: index)).\(attribute.name)\(place)"]
                    nested.forEachGraph { inner, rest in
                        let inside = GraphPath(steps: start + rest.steps)
                        for name in inner.weights.names {
                            trace.recordRemoval(of: inside.qualified(name), note: "its graph reaches no output")
                        }
                    }
                }
            }
        }
        guard kept.count != graph.nodes.count else { return false }
        graph.nodes = kept.reversed()
        return true
    }

    private static func removeWeights(from graph: inout Graph, path: GraphPath, trace: inout WeightTrace) -> Bool {
        var wanted = Set(graph.outputs.map(\.name))
        for node in graph.nodes { wanted.formUnion(node.readNames) }
        let given = Set(graph.inputs.map(\.name))
        let unread = graph.weights.names.filter { !wanted.contains($0) && !given.contains($0) }
        guard !unread.isEmpty else { return false }
        for name in unread { trace.recordRemoval(of: path.qualified(name), note: "nothing reads it") }
        let gone = Set(unread)
        graph.weights = WeightTable(graph.weights.filter { !gone.contains($0.name) })
        return true
    }

    /// Operators whose outputs from the given position on may be left out.
    private static let optionalOutputs: [String: Int] = [
        "Dropout": 1, "MaxPool": 1, "LSTM": 0, "GRU": 0, "RNN": 0, "LayerNormalization": 1,
    ]

    private static func trimOutputs(of graph: inout Graph) -> Bool {
        let index = GraphIndex(graph)
        var changed = false
        for position in graph.nodes.indices where graph.nodes[position].domain.isEmpty {
            var node = graph.nodes[position]
            if let first = optionalOutputs[node.operation] {
                for place in node.outputs.indices.dropFirst(first) where !index.isRead(node.outputs[place]) {
                    node.outputs[place] = ""
                }
                while node.outputs.count > max(first, 1), node.outputs.last == "" { node.outputs.removeLast() }
            } else if node.operation == "If" {
                trimBranches(of: &node, index: index)
            }
            guard node.outputs != graph.nodes[position].outputs else { continue }
            graph.nodes[position] = node
            changed = true
        }
        return changed
    }

    /// Drops results that both branches compute for nobody; one result stays.
    private static func trimBranches(of node: inout Node, index: GraphIndex) {
        let count = node.outputs.count
        guard node.nestedGraphs.allSatisfy({ $0.outputs.count == count }), !node.nestedGraphs.isEmpty else { return }
        for place in (0..<count).reversed() where !index.isRead(node.outputs[place]) && node.outputs.count > 1 {
            node.outputs.remove(at: place)
            for position in node.attributes.indices {
                _ = node.attributes[position].rewriteGraphs { graph, _ in
                    graph.outputs.remove(at: place)
                    return true
                }
            }
        }
    }
}

extension Attribute {
    /// The graphs this attribute holds, each with what a path says of its place.
    var graphs: [(graph: Graph, place: String)] {
        switch value {
        case .graph(let graph): [(graph, "")]
        case .graphs(let graphs): graphs.enumerated().map { ($0.element, "[\($0.offset)]") }
        default: []
        }
    }
}
