package import PithModel
import PithTensor

/// Merges nodes that compute the same from the same values, and weights that hold the same bytes.
///
/// Only operators of the standard set that give the same result every time are merged. A weight of a nested graph
/// that equals one it can see around it is read from there.
package struct DuplicateMerger: GraphPass {
    package static let name = "duplicates"

    package init() {}

    package func apply(to model: inout Model, trace: inout WeightTrace) throws -> Bool {
        model.rewriteGraphs { graph, scope in
            let weights = DuplicateMerger.mergeWeights(of: &graph, scope: scope, trace: &trace)
            let nodes = DuplicateMerger.mergeNodes(of: &graph, scope: scope)
            guard weights || nodes else { return false }
            graph.pruneValueTypes()
            return true
        }
    }

    private static func mergeWeights(of graph: inout Graph, scope: GraphScope, trace: inout WeightTrace) -> Bool {
        let index = GraphIndex(graph)
        var groups: [WeightKey: [(weight: Weight, place: GraphPath)]] = [:], replacements: [String: String] = [:]
        for (name, weight) in scope.weights.sorted(by: { $0.key < $1.key }) {
            guard let key = WeightKey(weight) else { continue }
            groups[key, default: []].append((weight, scope.owners[name] ?? .main))
        }
        for weight in graph.weights where !index.inputs.contains(weight.name) {
            guard let key = WeightKey(weight), let tensor = weight.dense else { continue }
            let twin = groups[key]?.first {
                $0.weight.dense == tensor && index.canRedirect(weight.name, to: $0.weight.name)
            }
            guard let twin, !index.outputs.contains(weight.name) else {
                groups[key, default: []].append((weight, scope.path))
                continue
            }
            replacements[weight.name] = twin.weight.name
            let old = scope.path.qualified(weight.name)
            let isMade = trace.events.contains { $0.results.contains(old) && !$0.sources.contains(old) }
            trace.record(
                [old], into: [twin.place.qualified(twin.weight.name)],
                note: "\(isMade ? "\(weight.name) holds " : "")the same numbers as \(twin.weight.name)")
            trace.recordRemoval(of: old, note: "merged")
        }
        guard !replacements.isEmpty else { return false }
        graph.redirectReads(replacements)
        graph.weights = WeightTable(graph.weights.filter { replacements[$0.name] == nil })
        return true
    }

    private static func mergeNodes(of graph: inout Graph, scope: GraphScope) -> Bool {
        let index = GraphIndex(graph)
        var known: [NodeKey: Int] = [:], replacements: [String: String] = [:], removed: Set<Int> = []
        for (position, node) in graph.nodes.enumerated() {
            let inputs = node.inputs.map { replacements[$0] ?? $0 }
            guard let key = NodeKey(node, inputs: inputs) else { continue }
            guard let first = known[key] else {
                known[key] = position
                continue
            }
            let pairs = zip(node.outputs, graph.nodes[first].outputs).filter { !$0.0.isEmpty }
            let canMerge =
                node.outputs.count == graph.nodes[first].outputs.count
                && pairs.allSatisfy { old, new in
                    !new.isEmpty && !index.outputs.contains(old) && index.canRedirect(old, to: new)
                }
            guard canMerge else { continue }
            for (old, new) in pairs { replacements[old] = new }
            removed.insert(position)
        }
        guard !removed.isEmpty else { return false }
        graph.redirectReads(replacements)
        graph.removeNodes(at: removed)
        return true
    }
}

/// What two equal weights have in common, cheap to compute: the bytes themselves are compared afterwards.
private struct WeightKey: Hashable {
    private let type: ScalarType
    private let shape: Shape
    private let start: [UInt8]

    /// Nil for weights in a compressed form and for strings, which are never merged.
    init?(_ weight: Weight) {
        guard let tensor = weight.dense, tensor.type != .string else { return nil }
        type = tensor.type
        shape = tensor.shape
        start = tensor.storage.withBytes { span in (0..<min(span.byteCount, 32)).map { span.byte(at: $0) } }
    }
}

/// All that decides what a node computes.
private struct NodeKey: Hashable {
    private let operation: String
    private let inputs: [String]
    private let attributes: [String]
    private let outputCount: Int

    private static let commutative: Set<String> = ["Add", "Mul", "And", "Or", "Xor", "Equal"]

    /// Operators that stay as often as they are: random ones, and those whose pairs runtimes fuse with one neighbour.
    private static let kept = FoldingRules.random.union(["Constant", "QuantizeLinear", "DequantizeLinear"])

    /// Nil for nodes that may give another result each time, hold graphs, or are not of the standard set.
    init?(_ node: Node, inputs: [String]) {
        guard node.domain.isEmpty, !node.hasNestedGraphs, !NodeKey.kept.contains(node.operation),
            node.operation != "Dropout" || node.inputs.count < 3
        else { return nil }
        var attributes: [String] = []
        for attribute in node.attributes {
            guard let text = NodeKey.text(of: attribute) else { return nil }
            attributes.append(text)
        }
        operation = node.operation
        self.inputs = NodeKey.commutative.contains(operation) ? inputs.sorted() : inputs
        self.attributes = attributes.sorted()
        outputCount = node.outputs.count
    }

    private static func text(of attribute: Attribute) -> String? {
        guard attribute.foreign.isEmpty else { return nil }
        let value: String
        switch attribute.value {
        case .integer(let number): value = "i\(number)"
        case .float(let number): value = "f\(number.bitPattern)"
        case .string(let bytes): value = "s\(bytes)"
        case .integers(let numbers): value = "I\(numbers)"
        case .floats(let numbers): value = "F\(numbers.map(\.bitPattern))"
        case .strings(let list): value = "S\(list)"
        case .tensor(let weight):
            guard let tensor = weight.dense, tensor.type != .string, tensor.byteCount <= 1 << 12 else { return nil }
            value = "t\(tensor.type.rawValue)\(tensor.shape.dimensions)\(tensor.storage.withBytes { $0.bytes })"
        default: return nil
        }
        return "\(attribute.name)=\(value)"
    }
}
