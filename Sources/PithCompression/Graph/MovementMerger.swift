package import PithModel

/// Merges neighbours that only move elements: two transpositions, a chain of reshapes, slices along different axes,
/// concatenations along the same axis.
package struct MovementMerger: GraphPass {
    package static let name = "movements"

    package init() {}

    package func apply(to model: inout Model, trace: inout WeightTrace) throws -> Bool {
        var names = NameSource(taken: model.graph.allNames)
        return model.rewriteGraphs(usesFacts: true) { graph, scope in
            var changed = false
            // Each round merges pairs whose first node is as it was in the file, so chains take several rounds.
            for _ in 0..<8 {
                var merging = Merging(graph: graph, scope: scope, names: names)
                for position in graph.nodes.indices { merging.merge(at: position) }
                guard merging.changed else { break }
                changed = true
                graph = merging.graph
                names = merging.names
                for event in merging.made { trace.record(event.sources, into: event.results, note: event.note) }
            }
            return changed
        }
    }
}

/// One round over the nodes of a graph.
private struct Merging {
    var graph: Graph
    var names: NameSource
    var changed = false
    var made: [WeightTrace.Event] = []
    private let scope: GraphScope
    private let facts: [String: ValueFact]
    private let index: GraphIndex
    private var touched: Set<Int> = []

    init(graph: Graph, scope: GraphScope, names: NameSource) {
        self.graph = graph
        self.scope = scope
        self.names = names
        facts = ShapeInference(scope: scope).facts(of: graph)
        index = GraphIndex(graph)
    }

    mutating func merge(at position: Int) {
        let node = graph.nodes[position]
        guard node.domain.isEmpty, !touched.contains(position), node.outputs.count == 1 else { return }
        switch node.operation {
        case "Transpose": mergeTranspose(at: position)
        case "Reshape", "Flatten", "Squeeze", "Unsqueeze": mergeReshape(at: position)
        case "Slice": mergeSlice(at: position)
        case "Concat": mergeConcat(at: position)
        default: break
        }
    }

    /// The untouched node that makes the first input of the node at `position`, when `accepts` it.
    private func maker(before position: Int, where accepts: (Node) -> Bool) -> (position: Int, node: Node)? {
        guard let value = graph.nodes[position].inputs.first, let maker = index.producers[value],
            !touched.contains(maker),
            !index.pinned.contains(value), accepts(graph.nodes[maker]), graph.nodes[maker].domain.isEmpty,
            let source = graph.nodes[maker].inputs.first, !source.isEmpty
        else { return nil }
        return (maker, graph.nodes[maker])
    }

    private mutating func replace(_ position: Int, by node: Node) {
        graph.nodes[position] = node
        touched.insert(position)
        changed = true
    }

    private mutating func parameter(_ numbers: [Int], base: String, for node: Node, replacing old: [String]) -> String {
        let name = graph.addIntegers(numbers, base: base, names: &names)
        let sources = old.filter { scope.constant($0, in: graph) != nil }.map { scope.sourceName($0, in: graph) }
        made.append(.init(sources: sources, results: [scope.path.qualified(name)], note: "parameter of \(node.label)"))
        return name
    }

    private mutating func mergeTranspose(at position: Int) {
        let node = graph.nodes[position]
        guard let first = maker(before: position, where: { $0.operation == "Transpose" }),
            let rank = facts[first.node.inputs[0]]?.dimensions?.count
        else { return }
        let inner = first.node.integers("perm") ?? (0..<rank).reversed()
        let outer = node.integers("perm") ?? (0..<rank).reversed()
        guard inner.sorted() == Array(0..<rank), outer.sorted() == Array(0..<rank) else { return }
        var merged = node
        merged.inputs[0] = first.node.inputs[0]
        merged[attribute: "perm"] = .integers(outer.map { Int64(inner[$0]) })
        replace(position, by: merged)
    }

    private mutating func mergeReshape(at position: Int) {
        let node = graph.nodes[position]
        guard let first = maker(before: position, where: \.isReshaping), scope.opset >= 5 else { return }
        let source = first.node.inputs[0], middle = node.inputs[0]
        if node.operation == "Reshape", node.inputs.count == 2, let numbers = facts[node.inputs[1]]?.fixedContent {
            let own = facts[source]?.dimensions, between = facts[middle]?.dimensions
            let keepsZeros = numbers.indices.allSatisfy { axis in
                guard numbers[axis] == 0 else { return true }
                guard let own, let between, axis < own.count, axis < between.count else { return false }
                return own[axis] == between[axis]
            }
            guard keepsZeros else { return }
            var merged = node
            merged.inputs[0] = source
            replace(position, by: merged)
        } else if index.onlyReader(of: middle) == position, let result = facts[node.outputs[0]]?.dimensions,
            let target = ReshapeTarget.constants(for: result, from: facts[source]?.dimensions), !target.isEmpty
        {
            let name = parameter(
                target, base: "\(node.outputs[0])_shape", for: node, replacing: Array(node.inputs.dropFirst()))
            let merged = Node("Reshape", inputs: [source, name], outputs: node.outputs, name: node.name)
            replace(position, by: merged)
        }
    }

    private mutating func mergeSlice(at position: Int) {
        let node = graph.nodes[position]
        guard scope.opset >= 10, let first = maker(before: position, where: { $0.operation == "Slice" }),
            let readers = index.readers[node.inputs[0]], readers.allSatisfy({ graph.nodes[$0].isStandard("Slice") }),
            !index.outputs.contains(node.inputs[0]), let rank = facts[node.inputs[0]]?.dimensions?.count,
            let inner = settings(of: first.node, rank: rank), let outer = settings(of: node, rank: rank),
            Set(inner.axes).isDisjoint(with: outer.axes)
        else { return }
        let starts = (inner.starts + outer.starts).compactMap { $0?.constant }
        let ends = (inner.ends + outer.ends).compactMap { $0?.constant }
        let axes = inner.axes + outer.axes, steps = inner.steps + outer.steps
        guard starts.count == axes.count, ends.count == axes.count else { return }
        var merged = node
        let old = Array(node.inputs.dropFirst() + first.node.inputs.dropFirst())
        merged.inputs = [first.node.inputs[0]]
        for (base, numbers) in [("starts", starts), ("ends", ends), ("axes", axes), ("steps", steps)] {
            merged.inputs.append(parameter(numbers, base: "\(node.outputs[0])_\(base)", for: node, replacing: old))
        }
        replace(position, by: merged)
    }

    private func settings(of node: Node, rank: Int) -> SliceSettings? {
        let inputs = node.inputs.map { $0.isEmpty ? nil : facts[$0] ?? ValueFact() }
        let view = InferenceNode(node: node, inputs: inputs, opset: scope.opset, path: scope.path) { _ in nil }
        return SliceSettings(view, rank: rank)
    }

    private mutating func mergeConcat(at position: Int) {
        let node = graph.nodes[position]
        guard let rank = facts[node.outputs[0]]?.dimensions?.count,
            let axis = InferenceNode.resolve(node.integer("axis", default: 1), rank: rank)
        else { return }
        var inputs: [String] = [], merged = false
        for name in node.inputs {
            if let maker = index.producers[name], !touched.contains(maker), graph.nodes[maker].isStandard("Concat"),
                index.onlyReader(of: name) == position,
                InferenceNode.resolve(graph.nodes[maker].integer("axis", default: 1), rank: rank) == axis
            {
                inputs += graph.nodes[maker].inputs
                merged = true
            } else {
                inputs.append(name)
            }
        }
        guard merged else { return }
        var flat = node
        flat.inputs = inputs
        replace(position, by: flat)
    }
}
