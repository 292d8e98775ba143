import PithModel

/// The rule for operators that used to see their input as a matrix.
extension OpsetUpgrader {
    /// Until 12, `axis` (1 by default) parted the axes in rows before it and columns from it on; since 13 it is the
    /// only axis of the sum.
    ///
    /// Where at most one of the axes from `axis` on is longer than one, that axis says the same. Otherwise the
    /// flattening is written out, with the shape of the input put back afterwards.
    @Sendable static func oneAxis13(_ node: Node, _ bench: inout Workbench) throws(CompressionError) -> [Node] {
        var node = node
        guard let source = node.inputs.first, let result = node.outputs.first else {
            throw refusal(node, "it lacks its input or output.", remedy: "The file is damaged; export it again.")
        }
        let axis = node.integer("axis", default: 1)
        if let equivalent = equivalentAxis(axis, from: source, to: result, in: bench.facts) {
            node[attribute: "axis"] = .integer(Int64(equivalent))
            return [node]
        }
        let rows = bench.fresh(result, "_rows"), scored = bench.fresh(result, "_scored")
        let shape = bench.fresh(result, "_shape")
        node.inputs = [rows]
        node.outputs = [scored]
        node[attribute: "axis"] = .integer(-1)
        return [
            Node("Flatten", inputs: [source], outputs: [rows], attributes: [Attribute("axis", .integer(Int64(axis)))]),
            node,
            Node("Shape", inputs: [source], outputs: [shape]),
            Node("Reshape", inputs: [scored, shape], outputs: [result]),
        ]
    }

    /// The single axis that stands for all from `axis` on; nil when there is none or too little is known.
    private static func equivalentAxis(
        _ axis: Int, from source: String, to result: String, in facts: ValueFacts
    ) -> Int? {
        if axis == -1 { return -1 }
        guard let rank = facts.rank(of: source) ?? facts.rank(of: result) else { return nil }
        let first = axis < 0 ? axis + rank : axis
        guard first >= 0, first < rank else { return nil }
        if first == rank - 1 { return -1 }
        guard let lengths = facts.dimensions(of: source) ?? facts.dimensions(of: result) else { return nil }
        let long = (first..<rank).filter { lengths[$0] != .fixed(1) }
        return long.count > 1 ? nil : long.first ?? rank - 1
    }
}
