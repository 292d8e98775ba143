extension Graph {
    /// Checks that every value has one source and every node can run in some order, nested graphs included, and
    /// puts the nodes into such an order.
    ///
    /// Files whose nodes are merely out of order are accepted: the order is mended, stably.
    /// - Throws: `ModelError` `.missingValue`, `.duplicateValue` or `.cycle`.
    /// - Complexity: O(nodes + values) for each graph.
    public mutating func validate() throws(ModelError) {
        try validate(around: [])
    }

    private mutating func validate(around outer: Set<String>) throws(ModelError) {
        let given = Set(inputs.map(\.name) + weights.names)
        let produced = try producers(besides: given)
        try sort(by: produced, given: given, around: outer)
        for output in outputs where !given.contains(output.name) && produced[output.name] == nil {
            guard outer.contains(output.name) else { throw missing(output.name, readBy: "the output") }
        }
        var known = outer.union(given)
        for index in nodes.indices {
            if nodes[index].hasNestedGraphs {
                for position in nodes[index].attributes.indices {
                    var failure: ModelError?
                    nodes[index].attributes[position].updateGraphs { graph, _ in
                        do throws(ModelError) { try graph.validate(around: known) } catch { failure = failure ?? error }
                    }
                    if let failure { throw failure }
                }
            }
            known.formUnion(nodes[index].outputs)
        }
    }

    private func producers(besides given: Set<String>) throws(ModelError) -> [String: Int] {
        var produced: [String: Int] = [:]
        for (index, node) in nodes.enumerated() {
            for output in node.outputs where !output.isEmpty {
                guard produced.updateValue(index, forKey: output) == nil, !given.contains(output) else {
                    throw ModelError(
                        code: .duplicateValue, subject: node.label,
                        problem: "its output '\(output)' is already defined elsewhere in the graph.",
                        remedy: "Export the model again with unique value names.")
                }
            }
        }
        return produced
    }

    /// Kahn's algorithm, always taking the earliest node that is ready.
    private mutating func sort(
        by produced: [String: Int], given: Set<String>, around outer: Set<String>
    ) throws(ModelError) {
        var waiting = [Int](repeating: 0, count: nodes.count), readers = [[Int]](repeating: [], count: nodes.count)
        var ordered = true
        for (index, node) in nodes.enumerated() {
            for name in node.readNames {
                if let source = produced[name] {
                    waiting[index] += 1
                    readers[source].append(index)
                    ordered = ordered && source < index
                } else if !given.contains(name), !outer.contains(name) {
                    throw missing(name, readBy: node.label)
                }
            }
        }
        guard !ordered else { return }
        var ready = nodes.indices.filter { waiting[$0] == 0 }, order: [Int] = []
        while !ready.isEmpty {
            let index = ready.removeFirst()
            order.append(index)
            for reader in readers[index] {
                waiting[reader] -= 1
                if waiting[reader] == 0 { ready.append(reader) }
            }
        }
        guard order.count == nodes.count else {
            let stuck = nodes[nodes.indices.first { waiting[$0] > 0 } ?? 0]
            throw ModelError(
                code: .cycle, subject: stuck.label, problem: "the graph has a cycle through this node.",
                remedy: "A model graph must not contain cycles; export it again.")
        }
        nodes = order.map { nodes[$0] }
    }

    private func missing(_ value: String, readBy reader: String) -> ModelError {
        ModelError(
            code: .missingValue, subject: reader,
            problem: "it reads '\(value)', which is no input, weight or output of any node.",
            remedy: "The graph is incomplete; export the model again.")
    }
}
