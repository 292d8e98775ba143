package import PithModel
import PithTensor

/// Cuts an input by one `Split` where slices take it apart into equal pieces, as exporters write the packed states of streams.
///
/// Every element has to be in exactly one slice, and axis lengths have to be fixed. Pieces of length 1 along several axes
/// (`state[:, layer, :, gate]`) are brought together by one `Transpose`; where each piece is read in one other shape, `Split` makes
/// that shape. Only graphs with fewer nodes are taken, and the numbers are the same.
///
/// Slices of values between nodes are left alone: they may be parts of patterns that a runtime or a later pass knows.
package struct InputSplitter: GraphPass {
    package static let name = "packed inputs"

    package init() {}

    package func apply(to model: inout Model, trace: inout WeightTrace) throws -> Bool {
        var names = NameSource(taken: model.graph.allNames)
        return model.rewriteGraphs(usesFacts: true) { graph, scope in
            var slices: [String: Int] = [:]
            for node in graph.nodes where node.isStandard("Slice") {
                if let input = node.inputs.first { slices[input, default: 0] += 1 }
            }
            var changed = false
            for input in graph.inputs.map(\.name) where graph.weights[input] == nil && slices[input, default: 0] > 1 {
                guard let cut = Cut(input, graph, scope) else { continue }
                let made = cut.write(to: &graph, opset: scope.opset, names: &names)
                for name in made {
                    trace.record([], into: [scope.path.qualified(name)], note: "parameter of Split '\(input)'")
                }
                changed = true
            }
            return changed
        }
    }
}

/// An input that slices take apart into equal pieces.
private struct Cut {
    private let input: String
    private let lengths: [Int]
    /// The axes that are cut, the one that changes most slowly from piece to piece first, and how long a piece is along each axis.
    private let axes: [Int], piece: [Int]
    /// The nodes that go: slices, and the reshapes behind them that `Split` makes unnecessary.
    private let removed: Set<Int>
    /// What each piece is called, in the order of the pieces along ``axes``, and its shape.
    private let pieces: [String], shape: [Int]
    private var isReshaped: Bool { shape != piece }

    /// Nil where slices of `input` leave something out, overlap or differ, or one `Split` would be no gain.
    init?(_ input: String, _ graph: Graph, _ scope: GraphScope) {
        let facts = ShapeInference(scope: scope).facts(of: graph), index = GraphIndex(graph)
        // Other types may have no such kernel; they are no states.
        guard let fact = facts[input], fact.element == .float32, let lengths = fact.fixedLengths, !lengths.contains(0),
            !index.pinned.contains(input)
        else { return nil }
        let positions = (index.readers[input] ?? []).filter {
            graph.nodes[$0].isStandard("Slice") && graph.nodes[$0].inputs[0] == input
        }
        let spans = positions.compactMap { Cut.spans(of: graph.nodes[$0], lengths, facts, scope) }
        guard positions.count > 1, spans.count == positions.count, let first = spans.first else { return nil }
        let piece = first.map(\.count), axes = Cut.order(lengths.indices.filter { piece[$0] < lengths[$0] }, lengths)
        guard spans.allSatisfy({ $0.map(\.count) == piece }), !piece.contains(0),
            axes.count == 1 || axes.allSatisfy({ piece[$0] == 1 }),
            axes.allSatisfy({ lengths[$0] % piece[$0] == 0 })
        else { return nil }
        // Lengths are the file's word: their products are looked at before they are used.
        guard Shape.product(of: lengths) != nil,
            Shape.product(of: axes.map { lengths[$0] / piece[$0] }) == positions.count
        else { return nil }
        var places = [Int?](repeating: nil, count: positions.count)
        for (position, span) in zip(positions, spans) {
            guard axes.allSatisfy({ span[$0].first % piece[$0] == 0 }) else { return nil }
            let place = axes.reduce(0) { $0 * (lengths[$1] / piece[$1]) + span[$1].first / piece[$1] }
            guard places[place] == nil else { return nil }
            places[place] = position
        }
        let slices = places.compactMap { $0 }
        guard slices.count == places.count else { return nil }
        (self.input, self.lengths, self.axes, self.piece) = (input, lengths, axes, piece)
        let values = slices.map { graph.nodes[$0].outputs[0] }
        if axes.allSatisfy({ piece[$0] == 1 }), let read = Cut.reshaped(values, graph, facts, index) {
            (pieces, shape, removed) = (read.names, read.shape, Set(slices + read.positions))
        } else {
            (pieces, shape, removed) = (values, piece, Set(slices))
        }
        guard Set(pieces).isDisjoint(with: index.pinned), nodeCount < removed.count, isDirect || scope.opset >= 5 else {
            return nil
        }
    }

    /// The first index and the number of elements along each axis; nil where they are not known, or not next to each other.
    private static func spans(
        of node: Node, _ lengths: [Int], _ facts: [String: ValueFact], _ scope: GraphScope
    ) -> [(first: Int, count: Int)]? {
        let inputs = node.inputs.map { $0.isEmpty ? nil : facts[$0] ?? ValueFact() }
        let view = InferenceNode(node: node, inputs: inputs, opset: scope.opset, path: scope.path) { _ in nil }
        guard node.outputs.count == 1, let settings = SliceSettings(view, rank: lengths.count),
            settings.steps.allSatisfy({ $0 == 1 })
        else { return nil }
        var spans = lengths.map { (first: 0, count: $0) }
        for (place, axis) in settings.axes.enumerated() {
            guard let start = settings.starts[place]?.constant, let end = settings.ends[place]?.constant else {
                return nil
            }
            spans[axis] = SliceSettings.span(start: start, end: end, step: 1, length: lengths[axis])
        }
        return spans
    }

    /// The values that reshapes make of `values`, if those are all that is read and have one shape.
    private static func reshaped(
        _ values: [String], _ graph: Graph, _ facts: [String: ValueFact], _ index: GraphIndex
    ) -> (names: [String], shape: [Int], positions: [Int])? {
        let positions = values.compactMap { index.onlyReader(of: $0) }
        guard positions.count == values.count,
            zip(positions, values).allSatisfy({
                graph.nodes[$0].isReshaping && graph.nodes[$0].inputs[0] == $1 && graph.nodes[$0].outputs.count == 1
            })
        else { return nil }
        let names = positions.map { graph.nodes[$0].outputs[0] }, shapes = Set(names.map { facts[$0]?.fixedLengths })
        guard shapes.count == 1, case .some(.some(let shape)) = shapes.first, !shape.isEmpty,
            Shape.product(of: [values.count] + shape) != nil
        else { return nil }
        return (names, shape, positions)
    }

    // MARK: Writing

    /// The order of axes in which each piece lies in one run; those of length 1 first, so that no more axes move than have to.
    private var order: [Int] {
        let others = lengths.indices.filter { !axes.contains($0) }
        return others.filter { lengths[$0] == 1 } + axes + others.filter { lengths[$0] > 1 }
    }
    /// Whether pieces lie in one run as they are.
    private var isInOrder: Bool { Cut.isSorted(axes, before: lengths) }

    /// Whether nothing that is longer than 1 lies in front of `axes`, which are in order.
    private static func isSorted(_ axes: [Int], before lengths: [Int]) -> Bool {
        let moving = axes + lengths.indices.filter { !axes.contains($0) && lengths[$0] > 1 }
        return moving == moving.sorted()
    }

    /// The order in which `axes` have to come first: as they are where that moves nothing, or with the last one in front, so that a
    /// transposition moves one axis alone where it can.
    private static func order(_ axes: [Int], _ lengths: [Int]) -> [Int] {
        isSorted(axes, before: lengths) ? axes : axes.suffix(1) + axes.dropLast()
    }
    /// Whether `Split` can cut the input as it is.
    private var isDirect: Bool { axes.count == 1 && !isReshaped }
    private var nodeCount: Int { isDirect ? 1 : isInOrder ? 2 : 3 }

    /// Puts the nodes into `graph` in place of the slices; answers the names of their parameters.
    func write(to graph: inout Graph, opset: Int, names: inout NameSource) -> [String] {
        var nodes: [Node] = [], parameters: [String] = []
        func step(_ operation: String, _ inputs: [String], _ attributes: [Attribute] = []) -> String {
            let output = names.make("\(input)_pieces")
            nodes.append(Node(operation, inputs: inputs, outputs: [output], attributes: attributes))
            return output
        }
        var value = input
        if !isDirect {
            if !isInOrder {
                value = step("Transpose", [value], [Attribute("perm", .integers(order.map { Int64($0) }))])
            }
            let target = [pieces.count * shape[0]] + shape.dropFirst()
            parameters.append(graph.addIntegers(target, base: "\(input)_pieces_shape", names: &names))
            value = step("Reshape", [value, parameters[0]])
        }
        var attributes = [Attribute("axis", .integer(isDirect ? Int64(axes[0]) : 0))]
        // Without lengths the parts are equal; from then on their number is stated.
        if opset >= 18 { attributes.append(Attribute("num_outputs", .integer(Int64(pieces.count)))) }
        nodes.append(Node("Split", inputs: [value], outputs: pieces, attributes: attributes))
        let place = removed.min() ?? 0
        graph.removeNodes(at: removed)
        graph.nodes.insert(contentsOf: nodes, at: place)
        graph.pruneValueTypes()
        return parameters
    }
}
