package import PithModel

/// Removes nodes that provably change nothing: identities, inference-time dropout, casts to the same type, reshapes
/// to the same shape, paddings by nothing and their like.
///
/// Outputs of a graph keep their names: the node that makes the value is renamed instead, and where that can not be
/// done (the value is an input, or belongs to the graph around) the node stays.
package struct IdentityRemover: GraphPass {
    package static let name = "identities"

    package init() {}

    package func apply(to model: inout Model, trace: inout WeightTrace) throws -> Bool {
        model.rewriteGraphs(usesFacts: true) { graph, scope in
            let facts = ShapeInference(scope: scope).facts(of: graph)
            let index = GraphIndex(graph)
            let finder = NoOperation(graph: graph, scope: scope, facts: facts, index: index)
            var removal = Removal(graph: graph, index: index)
            for (position, node) in graph.nodes.enumerated() {
                guard let source = finder.source(of: node) else { continue }
                removal.remove(position, replacing: node.outputs[0], by: source)
            }
            guard !removal.positions.isEmpty else { return false }
            graph = removal.graph
            graph.redirectReads(removal.replacements)
            graph.removeNodes(at: removal.positions)
            graph.pruneValueTypes()
            return true
        }
    }
}

/// Nodes on their way out, with the names that take over.
private struct Removal {
    var graph: Graph
    let index: GraphIndex
    var positions: Set<Int> = []
    var replacements: [String: String] = [:]
    private var renamed: Set<String> = []

    init(graph: Graph, index: GraphIndex) {
        self.graph = graph
        self.index = index
    }

    mutating func remove(_ position: Int, replacing value: String, by original: String) {
        var source = original
        while let next = replacements[source] { source = next }
        guard source != value, index.canRedirect(value, to: source) else { return }
        if !index.outputs.contains(value) {
            replacements[value] = source
            positions.insert(position)
        } else if let maker = index.producers[source], !positions.contains(maker), !index.outputs.contains(source),
            !renamed.contains(source), !renamed.contains(value), index.canRedirect(source, to: value)
        {
            graph.nodes[maker].outputs = graph.nodes[maker].outputs.map { $0 == source ? value : $0 }
            replacements[source] = value
            renamed.formUnion([source, value])
            positions.insert(position)
        }
    }
}
