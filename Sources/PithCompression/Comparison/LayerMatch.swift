package import PithModel
import PithTensor

/// The values that a reference and a candidate both compute, and the candidate's layers between them.
///
/// Values are matched by name. A candidate that holds an activation in integers has the value three times: before it
/// is rounded, as levels, and after; the pair of `QuantizeLinear` and `DequantizeLinear` is looked through, so that the
/// value before and the value after are both held against the one of the reference, whichever of them kept its name.
package struct LayerMatch {
    /// A value of both models.
    package struct Pair: Hashable, Sendable {
        /// Its name in the reference.
        package var reference: String
        /// Its name in the candidate, before any rounding.
        package var candidate: String
        /// Its name in the candidate once rounded; nil where it is not rounded.
        package var rounded: String?
        /// Whether rounding cuts off what is below zero, as everything does that reads the value in the reference: a ReLU
        /// that became part of the range.
        package var isRectified = false
    }

    /// What the candidate computes between values that both models have.
    package struct Layer: Hashable, Sendable {
        /// The name of the node with the weights, or of the node that makes the value.
        package var name: String
        package var operation: String
        /// Other nodes with weights that stand between the same values, so that they can not be told apart.
        package var companions: [String]
        /// The value that is compared.
        package var pair: Pair
    }

    /// Values of both models, in the candidate's order.
    package private(set) var pairs: [Pair] = []
    /// Values that only the reference computes, of the main graph.
    package private(set) var onlyInReference = 0
    /// Values that only the candidate computes, pairs of rounding operators aside.
    package private(set) var onlyInCandidate = 0
    /// Layers in nested graphs of the candidate: they are seen from outside only.
    package let innerLayers: [String]

    private let graph: Graph
    private let flow: ValueFlow
    private let producers: [String: Int]

    /// Matches the main graphs of two models.
    package init(reference: Graph, candidate: Graph) {
        graph = candidate
        flow = ValueFlow(candidate)
        let index = GraphIndex(candidate), theirIndex = GraphIndex(reference)
        producers = index.producers
        innerLayers = candidate.layerNames().filter { $0.path != .main }.map { $0.path.qualified($0.name) }
        let theirs = ValueFlow(reference).computed.subtracting(reference.requiredInputs.map(\.name))
        var matched: Set<String> = []
        for node in candidate.nodes {
            for value in node.outputs where flow.computed.contains(value) {
                guard !isRoundingPart(node, index) else { continue }
                let rounded = roundedName(of: value, index)
                if let name = [value, rounded ?? ""].first(where: theirs.contains), matched.insert(name).inserted {
                    let isRectified =
                        rounded != nil && rectifies(value, index) && LayerMatch.isRectified(name, reference, theirIndex)
                    pairs.append(
                        Pair(reference: name, candidate: value, rounded: rounded, isRectified: isRectified))
                } else {
                    onlyInCandidate += 1
                }
            }
        }
        onlyInReference = theirs.count - matched.count
    }

    /// Leaves out pairs that can not be compared.
    package mutating func keepPairs(where isComparable: (Pair) -> Bool) { pairs = pairs.filter(isComparable) }

    /// Whether a node rounds an activation, or takes levels that the node before made from one back to floats.
    private func isRoundingPart(_ node: Node, _ index: GraphIndex) -> Bool {
        if node.operation == "QuantizeLinear" { return true }
        guard node.operation == "DequantizeLinear", let source = node.inputs.first.flatMap({ index.producers[$0] })
        else { return false }
        return graph.nodes[source].operation == "QuantizeLinear"
    }

    /// The value that `QuantizeLinear` and `DequantizeLinear` make of `value`.
    private func roundedName(of value: String, _ index: GraphIndex) -> String? {
        for reader in index.readers[value] ?? [] {
            let first = graph.nodes[reader]
            guard first.operation == "QuantizeLinear", first.inputs[0] == value else { continue }
            for next in index.readers[first.outputs[0]] ?? [] {
                let second = graph.nodes[next]
                if second.operation == "DequantizeLinear", second.inputs[0] == first.outputs[0] {
                    return second.outputs[0]
                }
            }
        }
        return nil
    }

    /// Whether the levels that a value is rounded to begin at zero.
    private func rectifies(_ value: String, _ index: GraphIndex) -> Bool {
        (index.readers[value] ?? []).map { graph.nodes[$0] }.filter { $0.operation == "QuantizeLinear" }
            .allSatisfy { LayerMatch.beginsAtZero($0, graph) }
    }

    /// Whether all that reads a value in the reference takes what is below zero for zero.
    private static func isRectified(_ value: String, _ graph: Graph, _ index: GraphIndex) -> Bool {
        let readers = (index.readers[value] ?? []).map { graph.nodes[$0] }
        return !readers.isEmpty && !graph.outputs.contains { $0.name == value }
            && readers.allSatisfy { $0.isStandard("Relu") || beginsAtZero($0, graph) }
    }

    /// Whether a `QuantizeLinear` has its zero point at the lowest level.
    private static func beginsAtZero(_ node: Node, _ graph: Graph) -> Bool {
        guard node.operation == "QuantizeLinear" else { return false }
        guard node.inputs.count > 2, !node.inputs[2].isEmpty else { return true }
        guard let zero = graph.weights[node.inputs[2]]?.dense, let range = zero.type.integerRange else { return false }
        return zero.integers()?.allSatisfy { $0 == range.lowerBound } ?? false
    }

    // MARK: Layers

    /// The pairs whose value comes, within the candidate, from weights or from rounded activations since the pairs
    /// before it; values that other nodes only pass on are left out.
    ///
    /// - Complexity: O(nodes) for each pair at most; in matched graphs each node belongs to a few pairs.
    package func layers() -> [Layer] {
        let known = Set(pairs.map(\.candidate))
        return pairs.compactMap { pair in
            let nodes = cone(of: pair.candidate, known: known)
            let weighing = nodes.filter { graph.nodes[$0].isLayer(in: flow) }
            let isRounded = nodes.contains { place in
                let node = graph.nodes[place]
                return node.isRounding(in: flow) || node.inputs.contains { flow.isEncoded($0) }
            }
            guard let main = weighing.last ?? (isRounded ? nodes.last : nil) else { return nil }
            return Layer(
                name: graph.nodes[main].title, operation: graph.nodes[main].operation,
                companions: weighing.dropLast().map { graph.nodes[$0].title }, pair: pair)
        }
    }

    /// Positions of the nodes between `value` and the known values before it, in order; none that make constants.
    private func cone(of value: String, known: Set<String>) -> [Int] {
        var found: Set<Int> = [], open = producers[value].map { [$0] } ?? []
        while let place = open.popLast() {
            guard found.insert(place).inserted else { continue }
            for name in graph.nodes[place].readNames where flow.computed.contains(name) && !known.contains(name) {
                if let source = producers[name] { open.append(source) }
            }
        }
        return found.sorted()
    }
}
