extension Graph {
    /// Checks that every value has one source and every node can run in some order, nested graphs included, and
    /// puts the nodes into such an order.
    ///
    /// Files whose nodes are merely out of order are accepted: the order is mended, stably.
    /// - Throws: `ModelError` `.missingValue`, `.duplicateValue` or `.cycle`.
    /// - Complexity: O(nodes + values) for each graph and for each graph around it.
    public mutating func validate() throws(ModelError) {
        try validate(around: [])
    }

    private mutating func validate(around outer: Set<String>) throws(ModelError) {
        let given = Set(inputs.map(\.name) + weights.names)
        try refuseRepeatedInputs()
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

    private func refuseRepeatedInputs() throws(ModelError) {
        var seen: Set<String> = []
        for input in inputs where !seen.insert(input.name).inserted {
            throw ModelError(
                code: .duplicateValue, subject: "the graph '\(name)'",
                problem: "two of its inputs are called '\(input.name)'.",
                remedy: "Export the model again with unique value names.")
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

    /// Puts each node after those it reads from; nodes that already are stay where they are.
    private mutating func sort(
        by produced: [String: Int], given: Set<String>, around outer: Set<String>
    ) throws(ModelError) {
        var sources = [[Int]](repeating: [], count: nodes.count), isOrdered = true
        for (index, node) in nodes.enumerated() {
            for name in node.readNames {
                if let source = produced[name] {
                    sources[index].append(source)
                    isOrdered = isOrdered && source < index
                } else if !given.contains(name), !outer.contains(name) {
                    throw missing(name, readBy: node.label)
                }
            }
            // Sets have no order of their own; the result must.
            sources[index].sort()
        }
        guard !isOrdered else { return }
        nodes = try order(by: sources).map { nodes[$0] }
    }

    /// Indices of the nodes in file order, each preceded by those it reads from: a depth-first walk with its own stack.
    private func order(by sources: [[Int]]) throws(ModelError) -> [Int] {
        var order: [Int] = [], isOpen = [Bool](repeating: false, count: nodes.count), isDone = isOpen
        for root in nodes.indices where !isDone[root] {
            var path = [(node: root, next: 0)]
            isOpen[root] = true
            while let (node, next) = path.last {
                guard next < sources[node].count else {
                    isDone[node] = true
                    order.append(node)
                    path.removeLast()
                    continue
                }
                path[path.count - 1].next += 1
                let source = sources[node][next]
                guard !isDone[source] else { continue }
                guard !isOpen[source] else { throw cycle(through: nodes[source]) }
                isOpen[source] = true
                path.append((source, 0))
            }
        }
        return order
    }

    private func cycle(through node: Node) -> ModelError {
        ModelError(
            code: .cycle, subject: node.label, problem: "the graph has a cycle through this node.",
            remedy: "A model graph must not contain cycles; export it again.")
    }

    private func missing(_ value: String, readBy reader: String) -> ModelError {
        ModelError(
            code: .missingValue, subject: reader,
            problem: "it reads '\(value)', which is no input, weight or output of any node.",
            remedy: "The graph is incomplete; export the model again.")
    }
}
