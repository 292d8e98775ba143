import PithModel
import PithTensor

/// A rotary position embedding as exporters write it: each pair of numbers `(a, b)` of a head becomes
/// `(a cos - b sin, b cos + a sin)`, by an angle for each position and pair.
///
/// Pairs are the halves of a head, or neighbours (interleaved), whose result is `[..., pairs, 2]`; the halves are also written
/// as `x * cos + (-b, a) * sin`, with constant tables as wide as the head.
///
/// Found are those in `float32` with three or four axes, heads of an even length from 4 on, and tables with one axis of
/// positions, the same for all samples and heads, that is as long as the input's by what is known of shapes.
struct RotaryPattern {
    let input: String
    let output: String
    /// The values that hold `cos` and `sin`.
    let cosine: String
    let sine: String
    let isInterleaved: Bool
    /// Half the length of a head.
    let half: Int
    /// Number of the input's axes.
    let rank: Int
    /// Number of heads of an input that is `[batch, positions, heads, head]`; nil where positions stand before the last axis.
    let heads: Int?
    /// The name of the node that it ends in.
    let name: String

    /// Those of `graph`, by the position of the node that makes their result.
    static func all(in graph: Graph, _ scope: GraphScope) -> [Int: RotaryPattern] {
        let finder = RotaryFinder(graph, scope)
        var found: [Int: RotaryPattern] = [:]
        for position in graph.nodes.indices { found[position] = finder.pattern(endingAt: position) }
        return found
    }

    /// The first `half` columns of a table whose other axes but the positions are 1.
    static func half(of table: Tensor, _ half: Int) -> Tensor {
        let width = table.shape.dimensions.last ?? 1, numbers = table.elements(as: Float.self)
        let rows = numbers.count / max(width, 1)
        let kept = (0..<rows).flatMap { numbers[$0 * width..<$0 * width + half] }
        guard let shape = try? Shape([rows, half]), let result = try? Tensor(vector: kept).reshaped(to: shape) else {
            preconditionFailure("A table of \(table.shape) has no \(half) columns.")
        }
        return result
    }
}

/// Finds rotary embeddings in one graph.
private struct RotaryFinder {
    private let graph: Graph
    private let scope: GraphScope
    private let index: GraphIndex
    private let facts: [String: ValueFact]

    init(_ graph: Graph, _ scope: GraphScope) {
        (self.graph, self.scope) = (graph, scope)
        index = GraphIndex(graph)
        facts = ShapeInference(scope: scope).facts(of: graph)
    }

    /// One of the two numbers of each pair.
    private struct Part: Equatable {
        let input: String
        let isSecond: Bool
        let isInterleaved: Bool
    }

    func pattern(endingAt position: Int) -> RotaryPattern? {
        let node = graph.nodes[position]
        guard node.outputs.count == 1, node.inputs.count == 2, !index.pinned.contains(node.outputs[0]) else {
            return nil
        }
        if node.isStandard("Concat"), isLast(node, of: node.outputs[0]) {
            let numbers = node.inputs.compactMap { stacked($0) }
            let parts =
                numbers.count == 2 ? joined(numbers, isInterleaved: true) : joined(node.inputs, isInterleaved: false)
            return parts.flatMap { checked($0, node, wide: false) }
        }
        if node.isStandard("Add") { return wide(node).flatMap { checked($0, node, wide: true) } }
        return nil
    }

    private typealias Parts = (input: String, cosine: String, sine: String, isInterleaved: Bool)

    /// The embedding whose first and second numbers are `values`.
    private func joined(_ values: [String], isInterleaved: Bool) -> Parts? {
        guard let first = maker(values[0], "Sub"), let second = maker(values[1], "Add") else { return nil }
        let products = (first.inputs + second.inputs).map(factors)
        guard products.count == 4 else { return nil }
        for a in products[0] where !a.part.isSecond && a.part.isInterleaved == isInterleaved {
            let other = Part(input: a.part.input, isSecond: true, isInterleaved: isInterleaved)
            for b in products[1] where b.part == other {
                let wanted = [(other, a.table), (a.part, b.table)]
                for order in [[2, 3], [3, 2]] {
                    let isFound = zip(order, wanted).allSatisfy { place, pair in
                        products[place].contains { $0.part == pair.0 && $0.table == pair.1 }
                    }
                    if isFound { return (a.part.input, a.table, b.table, isInterleaved) }
                }
            }
        }
        return nil
    }

    /// The embedding `x * cos + (-b, a) * sin`, with halves.
    private func wide(_ sum: Node) -> Parts? {
        for order in [[0, 1], [1, 0]] {
            guard let straight = maker(sum.inputs[order[0]], "Mul"), straight.inputs.count == 2,
                let turned = maker(sum.inputs[order[1]], "Mul"), turned.inputs.count == 2
            else { return nil }
            for place in 0..<2 {
                guard let swapped = maker(turned.inputs[place], "Concat"), swapped.inputs.count == 2,
                    isLast(swapped, of: turned.inputs[place]), let negated = maker(swapped.inputs[0], "Neg"),
                    let second = negated.inputs.first.flatMap(part), let first = part(swapped.inputs[1]),
                    second.isSecond,
                    !second.isInterleaved, first == Part(input: second.input, isSecond: false, isInterleaved: false),
                    let own = straight.inputs.firstIndex(of: first.input)
                else { continue }
                return (first.input, straight.inputs[1 - own], turned.inputs[1 - place], false)
            }
        }
        return nil
    }

    /// The pattern, if its shapes are those that the operator takes.
    private func checked(_ parts: Parts, _ node: Node, wide: Bool) -> RotaryPattern? {
        guard let fact = facts[parts.input], fact.element == .float32, let lengths = fact.dimensions,
            (3...4).contains(lengths.count),
            let head = lengths.last?.constant, head >= 4, head % 2 == 0,
            let axis = positions(parts.cosine, wide ? head : head / 2),
            let same = positions(parts.sine, wide ? head : head / 2), same == axis, axis <= lengths.count,
            !wide || hasEqualHalves(parts.cosine) && hasEqualHalves(parts.sine)
        else { return nil }
        let count = lengths[lengths.count - axis]
        let last = parts.isInterleaved ? [head / 2, 2] : [head]
        guard mayBe(node.outputs[0], lengths.dropLast() + last.map { Extent($0) }) else { return nil }
        let heads = axis == 3 ? lengths[2].constant : 1
        guard axis == 2 || lengths.count == 4, let heads, fits(parts.cosine, axis, count), fits(parts.sine, axis, count)
        else {
            return nil
        }
        return RotaryPattern(
            input: parts.input, output: node.outputs[0], cosine: parts.cosine, sine: parts.sine,
            isInterleaved: parts.isInterleaved, half: head / 2, rank: lengths.count, heads: axis == 3 ? heads : nil,
            name: node.name)
    }

    /// The axis of a table of `width` columns that runs over positions, counted from behind: 2 or 3; all others are 1.
    private func positions(_ table: String, _ width: Int) -> Int? {
        guard let fact = facts[table], fact.element == .float32, let lengths = fact.dimensions, lengths.count >= 2,
            lengths.last?.constant == width
        else { return nil }
        let long = (2...lengths.count).filter { lengths[lengths.count - $0].constant != 1 }
        return long.count == 1 && long[0] <= 3 ? long[0] : nil
    }

    /// Whether a table has as many positions as the input whatever its length is: the runtime's operator takes no others, where
    /// operators that broadcast take one.
    private func fits(_ table: String, _ axis: Int, _ count: Extent) -> Bool {
        guard let lengths = facts[table]?.dimensions else { return false }
        let own = lengths[lengths.count - axis]
        return own == count || own.isLeast(of: count)
    }

    /// Whether the lengths of a value are `lengths`, as far as they are known: what is known of both does not differ.
    private func mayBe(_ value: String, _ lengths: [Extent]) -> Bool {
        guard let own = facts[value]?.dimensions, own.count == lengths.count else { return false }
        return zip(own, lengths).allSatisfy { $0 == $1 || $0.constant == nil || $1.constant == nil }
    }

    private func hasEqualHalves(_ table: String) -> Bool {
        guard let tensor = scope.constant(table, in: graph)?.dense, let numbers = tensor.floats() else { return false }
        let width = tensor.shape.dimensions.last ?? 1
        return numbers.indices.allSatisfy { place in
            let column = place % width
            return column < width / 2 || numbers[place].bitPattern == numbers[place - width / 2].bitPattern
        }
    }

    // MARK: Nodes

    private func maker(_ value: String, _ operation: String) -> Node? {
        guard let position = index.producers[value], graph.nodes[position].isStandard(operation) else { return nil }
        return graph.nodes[position]
    }

    /// Whether a node works along the last axis of its result.
    private func isLast(_ node: Node, of value: String) -> Bool {
        let axis = node.integer("axis", default: 0)
        return axis == -1 || facts[value]?.dimensions.map { axis == $0.count - 1 } ?? false
    }

    /// What `Unsqueeze` gave a last axis.
    private func stacked(_ value: String) -> String? {
        guard let node = maker(value, "Unsqueeze"), let input = node.inputs.first,
            let rank = facts[input]?.dimensions?.count
        else { return nil }
        let axes = node.inputs.count > 1 ? facts[node.inputs[1]]?.fixedContent : node.integers("axes")
        return axes == [-1] || axes == [rank] ? input : nil
    }

    /// The ways in which a value is the product of a part and a table.
    private func factors(of product: String) -> [(part: Part, table: String)] {
        guard let node = maker(product, "Mul"), node.inputs.count == 2 else { return [] }
        return (0..<2).compactMap { place in part(node.inputs[place]).map { ($0, node.inputs[1 - place]) } }
    }

    /// Which part of which value this is.
    private func part(_ value: String) -> Part? {
        guard let position = index.producers[value], let input = graph.nodes[position].inputs.first,
            let whole = facts[input]?.dimensions, let own = facts[value]?.dimensions, whole.count == own.count,
            let width = whole.last?.constant, own.last?.constant == width / 2, width % 2 == 0
        else { return nil }
        let node = graph.nodes[position]
        if node.isStandard("Split"), node.outputs.count == 2, isLast(node, of: value) {
            return Part(input: input, isSecond: node.outputs[1] == value, isInterleaved: false)
        }
        guard node.isStandard("Slice"), scope.opset >= 10, let settings = settings(of: node, whole.count),
            settings.axes == [whole.count - 1], let begin = settings.starts[0]?.constant,
            (1...2).contains(settings.steps[0])
        else { return nil }
        let start = begin < 0 ? begin + width : begin, isInterleaved = settings.steps[0] == 2
        guard start == 0 || start == (isInterleaved ? 1 : width / 2) else { return nil }
        return Part(input: input, isSecond: start > 0, isInterleaved: isInterleaved)
    }

    private func settings(of slice: Node, _ rank: Int) -> SliceSettings? {
        let inputs = slice.inputs.map { $0.isEmpty ? nil : facts[$0] ?? ValueFact() }
        let view = InferenceNode(node: slice, inputs: inputs, opset: scope.opset, path: scope.path) { _ in nil }
        return SliceSettings(view, rank: rank)
    }
}
