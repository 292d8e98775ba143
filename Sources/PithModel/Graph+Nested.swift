/// Where a graph stands: the nodes and attributes that lead to it from the model's graph, outermost first.
public struct GraphPath: Hashable, Sendable, CustomStringConvertible {
    /// One step: `node.attribute`, such as `If_12.then_branch`.
    public var steps: [String]

    /// The model's own graph.
    public static let main = GraphPath(steps: [])

    public init(steps: [String]) { self.steps = steps }

    /// The name of something in this graph as reports give it: `If_12.then_branch/weight`.
    public func qualified(_ name: String) -> String { (steps + [name]).joined(separator: "/") }

    public var description: String { steps.joined(separator: "/") }
}

extension Graph {
    /// Calls `body` with this graph and every graph nested in it, outer graphs first.
    public func forEachGraph(
        at path: GraphPath = .main, _ body: (Graph, GraphPath) throws -> Void
    ) rethrows {
        try body(self, path)
        for (index, node) in nodes.enumerated() {
            for attribute in node.attributes {
                for (graph, step) in attribute.nestedGraphs(in: node, at: index) {
                    try graph.forEachGraph(at: GraphPath(steps: path.steps + [step]), body)
                }
            }
        }
    }

    /// Lets `body` change this graph and every graph nested in it, nested graphs first.
    public mutating func updateEachGraph(
        at path: GraphPath = .main, _ body: (inout Graph, GraphPath) throws -> Void
    ) rethrows {
        for index in nodes.indices where nodes[index].hasNestedGraphs {
            let node = nodes[index]
            for position in node.attributes.indices {
                let steps = node.attributes[position].nestedGraphs(in: node, at: index).map(\.step)
                guard !steps.isEmpty else { continue }
                try nodes[index].attributes[position].updateGraphs { graph, position in
                    try graph.updateEachGraph(at: GraphPath(steps: path.steps + [steps[position]]), body)
                }
            }
        }
        try body(&self, path)
    }
}

extension Attribute {
    /// The graphs this attribute holds, each with its step in a path.
    func nestedGraphs(in node: Node, at index: Int) -> [(graph: Graph, step: String)] {
        let owner = node.name.isEmpty ? "\(node.operation)_\(index)" : node.name
        switch value {
        case .graph(let graph): return [(graph, "\(owner).\(name)")]
        case .graphs(let graphs):
            return graphs.enumerated().map { ($0.element, "\(owner).\(name)[\($0.offset)]") }
        default: return []
        }
    }

    /// Lets `body` change each graph this attribute holds.
    package mutating func updateGraphs(_ body: (inout Graph, Int) throws -> Void) rethrows {
        switch value {
        case .graph(var graph):
            try body(&graph, 0)
            value = .graph(graph)
        case .graphs(var graphs):
            for position in graphs.indices { try body(&graphs[position], position) }
            value = .graphs(graphs)
        default: break
        }
    }
}
