import PithModel

extension Graph {
    /// Makes every reader of a key read its value instead, nested graphs included; chains are followed.
    ///
    /// Outputs of this graph keep their names.
    mutating func redirectReads(_ replacements: [String: String]) {
        guard !replacements.isEmpty else { return }
        let settled = Graph.settled(replacements)
        for index in nodes.indices { nodes[index].redirectReads(settled) }
    }

    /// Follows chains of replacements to their ends.
    private static func settled(_ replacements: [String: String]) -> [String: String] {
        var settled = replacements
        for (name, target) in replacements {
            var last = target, seen: Set<String> = [name]
            while let next = replacements[last], seen.insert(last).inserted { last = next }
            settled[name] = last
        }
        return settled
    }

    /// Removes the nodes at `positions` and what the graph says of the values only they made.
    mutating func removeNodes(at positions: Set<Int>) {
        guard !positions.isEmpty else { return }
        nodes = nodes.indices.filter { !positions.contains($0) }.map { nodes[$0] }
    }

    /// Drops stated types of values that are gone, and of values named in `changed`.
    mutating func pruneValueTypes() {
        let alive = definedNames
        valueTypes.removeAll { !alive.contains($0.name) || weights[$0.name] != nil }
        activationFormats = activationFormats.filter { alive.contains($0.key) }
    }
}

extension Node {
    /// Replaces names this node reads, in nested graphs as well where they mean the same value.
    mutating func redirectReads(_ replacements: [String: String]) {
        for index in inputs.indices {
            if let target = replacements[inputs[index]] { inputs[index] = target }
        }
        guard hasNestedGraphs else { return }
        for position in attributes.indices {
            _ = attributes[position].rewriteGraphs { graph, _ in
                graph.redirectCaptures(replacements)
                return true
            }
        }
    }
}

extension Graph {
    /// Replaces names this graph takes from around it.
    fileprivate mutating func redirectCaptures(_ replacements: [String: String]) {
        let own = definedNames
        let outside = replacements.filter { !own.contains($0.key) }
        guard !outside.isEmpty else { return }
        for index in nodes.indices { nodes[index].redirectReads(outside) }
        for index in outputs.indices {
            if let target = outside[outputs[index].name] { outputs[index].name = target }
        }
    }
}
