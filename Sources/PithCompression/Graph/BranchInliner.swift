package import PithModel

/// Puts the branch that is always taken in the place of an `If` whose condition is known.
///
/// Weights and nodes of the branch move into the graph around it, under new names where theirs are taken.
package struct BranchInliner: GraphPass {
    package static let name = "branches"

    package init() {}

    package func apply(to model: inout Model, trace: inout WeightTrace) throws -> Bool {
        var names = NameSource(taken: model.graph.allNames)
        let changed = model.rewriteGraphs(usesFacts: true) { graph, scope in
            guard graph.nodes.contains(where: { $0.isStandard("If") }) else { return false }
            let facts = ShapeInference(scope: scope).facts(of: graph)
            var changed = false, position = 0
            while position < graph.nodes.count {
                let node = graph.nodes[position]
                guard let taken = BranchInliner.takenBranch(of: node, facts: facts) else {
                    position += 1
                    continue
                }
                let owner = node.stepName(at: position)
                var move = BranchMove(node: node, owner: owner, taken: taken, scope: scope)
                graph.nodes.remove(at: position)
                let nodes = move.inline(into: &graph, names: &names, trace: &trace)
                graph.nodes.insert(contentsOf: nodes, at: position)
                position += nodes.count
                changed = true
            }
            if changed { graph.pruneValueTypes() }
            return changed
        }
        if changed { model.formatVersion = max(model.formatVersion, 4) }
        return changed
    }

    /// The name of the attribute with the branch that is always taken, nil when that depends on the input.
    private static func takenBranch(of node: Node, facts: [String: ValueFact]) -> String? {
        guard node.isStandard("If"), let condition = node.inputs.first, let test = facts[condition]?.fixedContent,
            test.count == 1
        else { return nil }
        let taken = test[0] != 0 ? "then_branch" : "else_branch"
        guard case .graph(let branch)? = node[attribute: taken], branch.inputs.isEmpty,
            branch.outputs.count == node.outputs.count
        else { return nil }
        return taken
    }
}

/// The way of one branch into the graph around it.
private struct BranchMove {
    let node: Node
    let owner: String
    let taken: String
    let scope: GraphScope
    private var renamed: [String: String] = [:]

    init(node: Node, owner: String, taken: String, scope: GraphScope) {
        self.node = node
        self.owner = owner
        self.taken = taken
        self.scope = scope
    }

    /// Moves weights into `graph`, tells what happened, and gives back the nodes that take the `If`'s place.
    mutating func inline(into graph: inout Graph, names: inout NameSource, trace: inout WeightTrace) -> [Node] {
        guard case .graph(var branch)? = node[attribute: taken] else { return [node] }
        let source = GraphPath(steps: scope.path.steps + ["\(owner).\(taken)"])
        let steps = renameSteps(of: &branch, beside: graph)
        tellOfNestedWeights(branch, from: source, steps: steps, trace: &trace)
        tellOfDroppedWeights(trace: &trace)
        let links = planNames(of: branch, beside: graph.allNames, names: &names)
        for weight in branch.weights {
            var moved = weight
            moved.name = renamed[weight.name] ?? weight.name
            graph.weights[moved.name] = moved
            trace.record(
                [source.qualified(weight.name)], into: [scope.path.qualified(moved.name)],
                note: "moved out of the branch of \(node.label) that is always taken")
            trace.recordRemoval(of: source.qualified(weight.name), note: "moved")
        }
        for (name, var format) in branch.activationFormats {
            format.exactReaders = Set(format.exactReaders.map { renamed[$0] ?? $0 })
            format.rowReaders = Set(format.rowReaders.map { renamed[$0] ?? $0 })
            graph.activationFormats[renamed[name] ?? name] = format
        }
        var nodes = branch.nodes
        for index in nodes.indices {
            nodes[index].redirectReads(renamed)
            nodes[index].outputs = nodes[index].outputs.map { renamed[$0] ?? $0 }
        }
        return nodes + links
    }

    /// Decides the new name of everything the branch defines.
    ///
    /// - Returns: identities for results that are no values of the branch's own nodes.
    private mutating func planNames(of branch: Graph, beside taken: Set<String>, names: inout NameSource) -> [Node] {
        let made = Set(branch.nodes.flatMap(\.outputs))
        let inner = branch.nodes.reduce(into: Set<String>()) { all, node in
            for graph in node.nestedGraphs { all.formUnion(graph.allNames) }
        }
        var linked: [(from: String, to: String)] = []
        for (output, result) in zip(branch.outputs, node.outputs) where !result.isEmpty {
            if made.contains(output.name), renamed[output.name] == nil, !inner.contains(result) {
                renamed[output.name] = result
            } else {
                linked.append((output.name, result))
            }
        }
        let results = Set(node.outputs)
        for name in branch.definedNames.sorted()
        where renamed[name] == nil && (taken.contains(name) || results.contains(name)) {
            renamed[name] = names.make(name)
        }
        return linked.map { Node("Identity", inputs: [renamed[$0.from] ?? $0.from], outputs: [$0.to]) }
    }

    /// Gives nodes with nested graphs names that are new in `graph`, because paths are made of them.
    ///
    /// - Returns: old names by new names.
    private func renameSteps(of branch: inout Graph, beside graph: Graph) -> [String: String] {
        var used = Set(graph.nodes.filter(\.hasNestedGraphs).map(\.name)), steps: [String: String] = [:]
        for index in branch.nodes.indices where branch.nodes[index].hasNestedGraphs {
            let old = branch.nodes[index].stepName(at: index)
            var name = old, number = 1
            while !used.insert(name).inserted {
                name = "\(old)_\(number)"
                number += 1
            }
            branch.nodes[index].name = name
            steps[name] = old
        }
        return steps
    }

    private func tellOfNestedWeights(
        _ branch: Graph, from source: GraphPath, steps: [String: String], trace: inout WeightTrace
    ) {
        branch.forEachGraph { inner, path in
            guard let first = path.steps.first,
                let node = branch.nodes.first(where: { first.hasPrefix($0.name + ".") && steps[$0.name] != nil })
            else { return }
            let oldFirst = (steps[node.name] ?? node.name) + first.dropFirst(node.name.count)
            let old = GraphPath(steps: source.steps + [oldFirst] + path.steps.dropFirst())
            let new = GraphPath(steps: scope.path.steps + path.steps)
            for name in inner.weights.names {
                trace.record([old.qualified(name)], into: [new.qualified(name)], note: "moved with its branch")
                trace.recordRemoval(of: old.qualified(name), note: "moved")
            }
        }
    }

    private func tellOfDroppedWeights(trace: inout WeightTrace) {
        for attribute in node.attributes where attribute.name != taken {
            guard case .graph(let dropped) = attribute.value else { continue }
            let start = scope.path.steps + ["\(owner).\(attribute.name)"]
            dropped.forEachGraph { inner, path in
                let place = GraphPath(steps: start + path.steps)
                for name in inner.weights.names {
                    trace.recordRemoval(
                        of: place.qualified(name), note: "the branch of \(node.label) it was in can never run")
                }
            }
        }
    }
}
