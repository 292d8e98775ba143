package import PithModel

/// Joins an output by one `Concat` where a concatenation of concatenations stacks values along two axes, as exporters write the
/// packed states of streams: `stack([stack([h1, h2], 1), stack([c1, c2], 1)], -1)`.
///
/// The values are put one behind the other, which copies each in one run, and one `Transpose` brings the axes in order where they are not. Axis lengths
/// have to be fixed, and each value has length 1 along both axes. The numbers are the same; the mirror image of ``InputSplitter``.
package struct OutputJoiner: GraphPass {
    package static let name = "packed outputs"

    package init() {}

    package func apply(to model: inout Model, trace: inout WeightTrace) throws -> Bool {
        var names = NameSource(taken: model.graph.allNames)
        return model.rewriteGraphs(usesFacts: true) { graph, scope in
            guard scope.opset >= 5 else { return false }
            let joined = Set(graph.nodes.filter { $0.isStandard("Concat") }.flatMap(\.outputs))
            var changed = false
            for output in graph.outputs.map(\.name) where joined.contains(output) {
                guard let stack = Stack(output, graph, scope) else { continue }
                let made = stack.write(to: &graph, names: &names)
                trace.record([], into: [scope.path.qualified(made)], note: "parameter of Concat '\(output)'")
                changed = true
            }
            return changed
        }
    }
}

/// Values of one shape that are stacked along two axes into an output.
private struct Stack {
    private let output: String
    private let lengths: [Int]
    /// The values, those that are next to each other along ``inner`` one behind the other.
    private let values: [String]
    /// The axes of ``lengths`` along which rows of values lie, and values in a row.
    private let outer: Int, inner: Int
    private let removed: Set<Int>
    /// Where the last of the nodes stands that go.
    private let place: Int

    /// Nil where `output` is something else.
    init?(_ output: String, _ graph: Graph, _ scope: GraphScope) {
        let index = GraphIndex(graph)
        guard let place = index.producers[output], graph.nodes[place].isStandard("Concat"),
            graph.nodes[place].inputs.count > 1
        else { return nil }
        let facts = ShapeInference(scope: scope).facts(of: graph), root = graph.nodes[place]
        // For a `Reshape`, 0 means a length of its input.
        guard let lengths = facts[output]?.fixedLengths, !lengths.contains(0),
            let outer = InferenceNode.resolve(root.integer("axis", default: 1), rank: lengths.count),
            root.inputs.count == lengths[outer]
        else { return nil }
        let rows = root.inputs.compactMap { Stack.row($0, of: place, along: outer, graph, facts, index) }
        guard rows.count == root.inputs.count, let first = rows.first,
            rows.allSatisfy({ $0.axis == first.axis && $0.values.count == first.values.count })
        else { return nil }
        (self.output, self.lengths, self.outer, self.place) = (output, lengths, outer, place)
        inner = first.axis
        values = rows.flatMap(\.values)
        removed = Set([place] + rows.flatMap(\.positions))
        guard removed.count > 3, removed.count == 1 + 2 * rows.count, values.allSatisfy({ !index.pinned.contains($0) })
        else { return nil }
    }

    /// The values that a concatenation behind a reshape puts side by side; its axis as the output sees it.
    private static func row(
        _ value: String, of root: Int, along outer: Int, _ graph: Graph, _ facts: [String: ValueFact],
        _ index: GraphIndex
    ) -> (values: [String], axis: Int, positions: [Int])? {
        guard index.onlyReader(of: value) == root, let reshape = index.producers[value],
            graph.nodes[reshape].isReshaping, let source = graph.nodes[reshape].inputs.first,
            index.onlyReader(of: source) == reshape, let concat = index.producers[source],
            graph.nodes[concat].isStandard("Concat"), var seen = facts[value]?.fixedLengths, seen[outer] == 1,
            let own = facts[source]?.fixedLengths,
            let axis = InferenceNode.resolve(graph.nodes[concat].integer("axis", default: 1), rank: own.count)
        else { return nil }
        seen.remove(at: outer)
        let values = graph.nodes[concat].inputs
        var single = own
        single[axis] = 1
        guard seen == own, values.count == own[axis],
            values.allSatisfy({ facts[$0]?.fixedLengths == single })
        else { return nil }
        return (values, axis < outer ? axis : axis + 1, [reshape, concat])
    }

    /// Puts the nodes into `graph`; answers the name of their parameter.
    func write(to graph: inout Graph, names: inout NameSource) -> String {
        let joined = names.make("\(output)_joined")
        // Axes as the values lie one behind the other; those of length 1 stay where they are.
        let others = lengths.indices.filter { $0 != outer && $0 != inner }
        let early = others.filter { $0 < inner && lengths[$0] == 1 }
        let order = [outer] + early + [inner] + others.filter { !early.contains($0) }
        let moving = order.filter { lengths[$0] > 1 }, isInOrder = moving == moving.sorted()
        let target = isInOrder ? lengths : order.map { lengths[$0] }
        let shape = graph.addIntegers(target, base: "\(output)_rows_shape", names: &names)
        let ordered = isInOrder ? output : names.make("\(output)_rows")
        var nodes = [
            Node("Concat", inputs: values, outputs: [joined], attributes: [Attribute("axis", .integer(0))]),
            Node("Reshape", inputs: [joined, shape], outputs: [ordered]),
        ]
        if !isInOrder {
            let permutation = lengths.indices.compactMap { order.firstIndex(of: $0) }.map { Int64($0) }
            nodes.append(
                Node(
                    "Transpose", inputs: [ordered], outputs: [output],
                    attributes: [Attribute("perm", .integers(permutation))]))
        }
        graph.nodes.replaceSubrange(place...place, with: nodes)
        // What stands before keeps its position.
        graph.removeNodes(at: removed.subtracting([place]))
        graph.pruneValueTypes()
        return shape
    }
}
