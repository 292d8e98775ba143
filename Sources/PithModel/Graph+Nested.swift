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
        for (index, owner) in stepOwners().sorted(by: { $0.key < $1.key }) {
            for attribute in nodes[index].attributes {
                for (graph, step) in attribute.nestedGraphs(of: owner) {
                    try graph.forEachGraph(at: GraphPath(steps: path.steps + [step]), body)
                }
            }
        }
    }

    /// Lets `body` change this graph and every graph nested in it, nested graphs first.
    public mutating func updateEachGraph(
        at path: GraphPath = .main, _ body: (inout Graph, GraphPath) throws -> Void
    ) rethrows {
        for (index, owner) in stepOwners().sorted(by: { $0.key < $1.key }) {
            for position in nodes[index].attributes.indices {
                let steps = nodes[index].attributes[position].nestedGraphs(of: owner).map(\.step)
                guard !steps.isEmpty else { continue }
                try nodes[index].attributes[position].updateGraphs { graph, position in
                    try graph.updateEachGraph(at: GraphPath(steps: path.steps + [steps[position]]), body)
                }
            }
        }
        try body(&self, path)
    }

    /// How paths call each node that holds graphs, by its position: its name, else operator and position.
    ///
    /// No two are alike: where names repeat, or a made-up one is taken, a number follows.
    package func stepOwners() -> [Int: String] {
        let holders = nodes.indices.filter { nodes[$0].hasNestedGraphs }
        var owners: [Int: String] = [:], taken: Set<String> = []
        for index in holders where !nodes[index].name.isEmpty && taken.insert(nodes[index].name).inserted {
            owners[index] = nodes[index].name
        }
        for index in holders where owners[index] == nil {
            let base = nodes[index].name.isEmpty ? "\(nodes[index].operation)_\(index)" : nodes[index].name
            var name = base, number = 1
            while !taken.insert(name).inserted {
                name = "\(base)_\(number)"
                number += 1
            }
            owners[index] = name
        }
        return owners
    }

    /// A qualified name that two weights of this graph and those nested in it have, if any do.
    public func repeatedWeightName() -> String? {
        var seen: Set<String> = [], repeated: String?
        forEachGraph { graph, path in
            for name in graph.weights.names where !seen.insert(path.qualified(name)).inserted {
                repeated = repeated ?? path.qualified(name)
            }
        }
        return repeated
    }
}

extension Attribute {
    /// The graphs this attribute of the node `owner` holds, each with its step in a path.
    func nestedGraphs(of owner: String) -> [(graph: Graph, step: String)] {
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
