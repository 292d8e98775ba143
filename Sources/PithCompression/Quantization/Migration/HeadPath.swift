import PithModel
import PithTensor

/// How attention carries the channels of its values to the product that reads them: heads are taken apart, mixed over
/// positions by a product with the attention weights, and put together again, while channels stay what they are.
///
/// Found by following labels: every element of the values is given its channel and row as a label, and the nodes between
/// (`Reshape`, `Transpose`, `Expand`, `Unsqueeze`, `Squeeze`, one `MatMul`) move the labels as they move numbers. So any way
/// of writing heads is understood, heads that share their values among them, and no other one is mistaken for it.
///
/// - Complexity: O(elements of the values of two sequences of three positions, or of as many as the graph fixes).
struct HeadPath: Sendable {
    /// One head.
    struct Head: Hashable, Sendable {
        /// Channels of the values, in rising order.
        let sources: [Int]
        /// For each of them, the channel of the result that holds it.
        let results: [Int]
    }

    /// The value at the start, made by anything.
    let source: String
    /// Channels of the source.
    let sourceChannels: Int
    /// The heads; those that share values have the same sources.
    let heads: [Head]

    /// For each channel of the result, the channel of the source that it comes from.
    var origins: [Int] {
        var origins = [Int](repeating: 0, count: heads.reduce(0) { $0 + $1.results.count })
        for head in heads { for (source, result) in zip(head.sources, head.results) { origins[result] = source } }
        return origins
    }

    /// The path that ends in `value`; nil where what leads there is none.
    init?(to value: String, in graph: Graph, _ index: GraphIndex, _ facts: [String: ValueFact]) {
        var nodes: [Node] = [], current = value
        while let position = index.producers[current], nodes.count < 24 {
            let node = graph.nodes[position]
            guard index.onlyReader(of: current) != nil || current == value, node.outputs.first == current,
                let next = HeadPath.carried(node),
                !node.isStandard("MatMul") || !nodes.contains(where: { $0.isStandard("MatMul") })
            else { break }
            nodes.append(node)
            current = next
        }
        guard nodes.contains(where: { $0.operation == "MatMul" }), index.onlyReader(of: current) != nil,
            let lengths = HeadPath.lengths(facts[current]), let channels = lengths.last
        else { return nil }
        var flow = ChannelFlow(lengths: lengths)
        for node in nodes.reversed() {
            guard flow.follow(node, graph, facts) else { return nil }
        }
        guard let heads = flow.heads else { return nil }
        source = current
        sourceChannels = channels
        self.heads = heads
    }

    /// The input whose elements a node moves; nil for nodes that do something else.
    private static func carried(_ node: Node) -> String? {
        switch node.operation {
        case _ where !node.domain.isEmpty: nil
        case "Reshape", "Transpose", "Expand", "Unsqueeze", "Squeeze", "Identity": node.inputs.first
        case "MatMul": node.inputs.count == 2 && node.inputs[0] != node.inputs[1] ? node.inputs[1] : nil
        default: nil
        }
    }

    /// Axis lengths as far as they are known, and small different ones where the caller chooses.
    private static func lengths(_ fact: ValueFact?) -> [Int]? {
        guard let dimensions = fact?.dimensions, dimensions.count >= 2, dimensions.last?.constant != nil else {
            return nil
        }
        var free = [2, 3, 5, 7].makeIterator()
        let lengths = dimensions.map { $0.constant ?? free.next() ?? 1 }
        return (Shape.product(of: lengths) ?? .max) <= 1 << 22 ? lengths : nil
    }
}
