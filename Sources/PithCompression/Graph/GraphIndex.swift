import PithModel

/// Who makes and who reads each value of one graph, as it was when the index was made.
struct GraphIndex {
    /// The node that makes a value.
    let producers: [String: Int]
    /// The nodes that read a value, once for each place that reads it; graphs nested in a node count as one place.
    let readers: [String: [Int]]
    /// Values that nested graphs take from this graph or from around it.
    let captured: Set<String>
    /// Names that nested graphs define for themselves.
    let nestedNames: Set<String>
    /// Names of the graph's outputs.
    let outputs: Set<String>
    /// Names of the graph's inputs.
    let inputs: Set<String>
    /// Values whose integer format is already settled: passes leave them where they are.
    let pinned: Set<String>

    /// Looks at every node once; nested graphs are searched in full.
    init(_ graph: Graph) {
        var producers: [String: Int] = [:], readers: [String: [Int]] = [:]
        var captured: Set<String> = [], nestedNames: Set<String> = []
        for (index, node) in graph.nodes.enumerated() {
            for output in node.outputs where !output.isEmpty { producers[output] = index }
            for input in node.inputs where !input.isEmpty { readers[input, default: []].append(index) }
            for nested in node.nestedGraphs {
                let names = nested.capturedNames
                for name in names { readers[name, default: []].append(index) }
                captured.formUnion(names)
                nestedNames.formUnion(nested.allNames.subtracting(names))
            }
        }
        self.producers = producers
        self.readers = readers
        self.captured = captured
        self.nestedNames = nestedNames
        outputs = Set(graph.outputs.map(\.name))
        inputs = Set(graph.inputs.map(\.name))
        pinned = Set(graph.activationFormats.keys)
    }

    /// Whether anything reads `value`.
    func isRead(_ value: String) -> Bool { outputs.contains(value) || !(readers[value] ?? []).isEmpty }

    /// The only place that reads `value`, when it is a node's own input and the value is free to change.
    func onlyReader(of value: String) -> Int? {
        guard let places = readers[value], places.count == 1, !outputs.contains(value), !captured.contains(value),
            !pinned.contains(value)
        else { return nil }
        return places[0]
    }

    /// Whether readers of `old` can read `new` instead: no nested graph gives `new` a meaning of its own.
    func canRedirect(_ old: String, to new: String) -> Bool {
        !pinned.contains(old) && !pinned.contains(new) && !(captured.contains(old) && nestedNames.contains(new))
    }
}
