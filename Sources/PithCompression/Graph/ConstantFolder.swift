package import PithModel
import PithTensor

/// Computes nodes whose inputs are all constant; their results become weights.
///
/// The computation is the runtime's own, with its optimizations off. Left alone: random operators, quantization,
/// weights stored in narrow numbers on purpose, and results much larger than the weights they replace.
package struct ConstantFolder: GraphPass {
    package static let name = "folding"

    private let evaluator: any ConstantEvaluator

    /// Folds with `evaluator`.
    package init(evaluator: any ConstantEvaluator) { self.evaluator = evaluator }

    package func apply(to model: inout Model, trace: inout WeightTrace) throws -> Bool {
        let shell = Model(
            graph: Graph(), operatorSets: ["": model.opset], formatVersion: max(model.formatVersion, 4),
            producer: model.producer)
        let changed = model.rewriteGraphs(usesFacts: true) { graph, scope in
            let candidates = Candidates(graph, scope: scope)
            guard !candidates.positions.isEmpty else { return false }
            let results = results(of: candidates, in: graph, scope: scope, shell: shell)
            guard !results.isEmpty else { return false }
            candidates.replace(in: &graph, by: results, scope: scope, trace: &trace)
            return true
        }
        if changed { model.formatVersion = max(model.formatVersion, 4) }
        return changed
    }

    /// The values of all candidates in one run; when that fails, of those that can be run alone.
    private func results(
        of candidates: Candidates, in graph: Graph, scope: GraphScope, shell: Model
    ) -> [String: Tensor] {
        if let all = evaluate(candidates.positions, in: graph, scope: scope, shell: shell) { return all }
        var known = graph, results: [String: Tensor] = [:]
        for position in candidates.positions {
            guard let values = evaluate([position], in: known, scope: scope, shell: shell) else { continue }
            for (name, tensor) in values {
                results[name] = tensor
                known.weights[name] = Weight(name, tensor)
            }
        }
        return results
    }

    private func evaluate(
        _ positions: [Int], in graph: Graph, scope: GraphScope, shell: Model
    ) -> [String: Tensor]? {
        var model = shell
        model.graph.nodes = positions.map { graph.nodes[$0] }
        let made = Set(model.graph.nodes.flatMap(\.outputs)).subtracting([""])
        for node in model.graph.nodes {
            for name in node.inputs where !name.isEmpty && !made.contains(name) {
                guard let tensor = scope.constant(name, in: graph)?.dense else { return nil }
                model.graph.weights[name] = Weight(name, tensor)
            }
        }
        let outputs = made.sorted()
        model.graph.name = "constants"
        model.graph.outputs = outputs.map { ValueInfo(name: $0) }
        // A node the runtime refuses is no error of the model's user here: it stays, and fails where it is run.
        guard let values = try? evaluator.evaluate(model, outputs: outputs), outputs.allSatisfy({ values[$0] != nil })
        else { return nil }
        return values
    }
}

/// The nodes of a graph that may be computed ahead, in order.
///
/// Nodes that share values or weights are judged together: taking a weight apart and joining the parts again costs
/// nothing, although each part alone adds to the file.
private struct Candidates {
    private(set) var positions: [Int] = []
    private let index: GraphIndex
    private let graph: Graph
    private let scope: GraphScope
    private let facts: [String: ValueFact]

    init(_ graph: Graph, scope: GraphScope) {
        index = GraphIndex(graph)
        self.graph = graph
        self.scope = scope
        facts = ShapeInference(scope: scope).facts(of: graph)
        let wide = select { FoldingRules.isBounded($0, results: $1, inputBytes: $2) }
        let groups = grouped(wide)
        var fitting: Set<Int> = [], grown = 0
        for group in groups {
            let growth = stored(by: group) - freed(by: group)
            guard growth <= limit(of: group), grown + max(growth, 0) <= FoldingRules.growthBudget else { continue }
            grown += max(growth, 0)
            fitting.formUnion(group)
        }
        positions = wide.filter(fitting.contains)
        if positions.count < wide.count { addSmallOnes(from: wide, besides: fitting, grown: grown) }
    }

    /// Of groups that are too large as a whole, the nodes that are small by themselves.
    private mutating func addSmallOnes(from wide: [Int], besides fitting: Set<Int>, grown: Int) {
        let allowed = Set(wide), index = index, facts = facts
        var grown = grown
        var position = -1
        positions = select { node, results, inputBytes in
            position = index.producers[node.outputs.first { !$0.isEmpty } ?? ""] ?? -1
            guard allowed.contains(position) else { return false }
            if fitting.contains(position) { return true }
            let freed = Set(node.inputs).filter { index.readers[$0]?.count == 1 && !index.outputs.contains($0) }
                .reduce(0) { $0 + (facts[$1]?.byteCount ?? 0) }
            let bytes = results.compactMap(\.byteCount).reduce(0, +)
            let limit = FoldingRules.growthLimit(results.first?.element)
            guard bytes - freed <= limit, grown + max(bytes - freed, 0) <= FoldingRules.growthBudget else {
                return false
            }
            grown += max(bytes - freed, 0)
            return true
        }
    }

    /// Nodes whose inputs are constant or made by a node before that is taken too, and that `accepts`.
    private func select(where accepts: (Node, [ValueFact], Int) -> Bool) -> [Int] {
        var taken: [Int] = [], known: Set<String> = []
        for (position, node) in graph.nodes.enumerated() where FoldingRules.allows(node) {
            let inputs = node.inputs.filter { !$0.isEmpty }, outputs = node.outputs.filter { !$0.isEmpty }
            let isConstant = inputs.allSatisfy { known.contains($0) || scope.constant($0, in: graph)?.dense != nil }
            guard isConstant, !outputs.isEmpty, !outputs.contains(where: index.pinned.contains) else { continue }
            let given = inputs.map { facts[$0] ?? ValueFact() }, results = outputs.map { facts[$0] ?? ValueFact() }
            let inputBytes = given.reduce(0) { $0 + ($1.byteCount ?? 0) }
            guard !FoldingRules.unpacks(node, inputs: given, result: results[0]),
                !FoldingRules.dividesByZero(node, divisor: given.dropFirst().first), accepts(node, results, inputBytes)
            else { continue }
            taken.append(position)
            known.formUnion(outputs)
        }
        return taken
    }

    /// The positions by connected parts, each in order.
    private func grouped(_ positions: [Int]) -> [[Int]] {
        var group: [Int: Int] = [:], members: [Int: [Int]] = [:], owner: [String: Int] = [:]
        for position in positions {
            let node = graph.nodes[position]
            let names = Set(node.inputs + node.outputs).subtracting([""])
            var merged = [position]
            let touching = Set(names.compactMap { owner[$0].flatMap { group[$0] } })
            for old in touching.sorted() { merged += members.removeValue(forKey: old) ?? [] }
            members[position] = merged
            for member in merged { group[member] = position }
            for name in names { owner[name] = position }
        }
        return members.sorted { $0.key < $1.key }.map { $0.value.sorted() }
    }

    /// Bytes of the results that anything outside the group reads.
    private func stored(by group: [Int]) -> Int {
        let inside = Set(group)
        let results = group.flatMap { graph.nodes[$0].outputs }.filter { name in
            index.outputs.contains(name) || (index.readers[name] ?? []).contains { !inside.contains($0) }
        }
        return results.reduce(0) { $0 + (facts[$1]?.byteCount ?? 0) }
    }

    /// Bytes of the weights of this graph that only the group reads.
    private func freed(by group: [Int]) -> Int {
        let inside = Set(group)
        let sources = Set(group.flatMap { graph.nodes[$0].inputs }).filter { name in
            graph.weights[name] != nil && !index.outputs.contains(name)
                && (index.readers[name] ?? []).allSatisfy(inside.contains)
        }
        return sources.reduce(0) { $0 + (graph.weights[$1]?.byteCount ?? 0) }
    }

    private func limit(of group: [Int]) -> Int {
        let isFloat = group.contains { position in
            graph.nodes[position].outputs.contains { name in
                guard let fact = facts[name], fact.element?.isFloatingPoint ?? true else { return false }
                return (fact.byteCount ?? 0) > FoldingRules.growthLimit(.float32)
            }
        }
        return FoldingRules.growthLimit(isFloat ? .float32 : .int64)
    }

    /// Puts results that anything else reads into the weights, and takes the computed nodes out.
    func replace(in graph: inout Graph, by results: [String: Tensor], scope: GraphScope, trace: inout WeightTrace) {
        let computed = Set(
            positions.filter { position in
                graph.nodes[position].outputs.allSatisfy { $0.isEmpty || results[$0] != nil }
            })
        var origins: [String: [String]] = [:]
        for position in positions where computed.contains(position) {
            let node = graph.nodes[position]
            var sources: [String] = []
            for name in node.inputs where !name.isEmpty {
                let found = origins[name] ?? [scope.sourceName(name, in: graph)]
                sources += found.filter { !sources.contains($0) }
            }
            for name in node.outputs where !name.isEmpty {
                origins[name] = sources
                let outside =
                    index.outputs.contains(name) || (index.readers[name] ?? []).contains { !computed.contains($0) }
                guard outside, let tensor = results[name] else { continue }
                graph.weights[name] = Weight(name, tensor)
                trace.record(sources, into: [scope.path.qualified(name)], note: "computed ahead (\(node.label))")
            }
        }
        graph.removeNodes(at: computed)
        graph.pruneValueTypes()
    }
}

extension GraphScope {
    /// The qualified name of a constant that `graph` reads, in this graph or the one around it that owns it.
    func sourceName(_ name: String, in graph: Graph) -> String {
        graph.weights[name] != nil ? path.qualified(name) : owners[name]?.qualified(name) ?? path.qualified(name)
    }
}
