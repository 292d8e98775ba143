package import PithModel
import PithTensor

/// A layer whose weight can be rounded with the help of its inputs: a convolution or a product with a constant matrix.
package struct RoundingLayer: Sendable {
    /// Where the layer's bias stands.
    package enum Bias: Hashable, Sendable {
        /// There is none, and no place for one.
        case absent
        /// The third input of the node, which may be missing.
        case input(String?)
        /// A weight that a node after a product adds, and the position of that node.
        case summand(String, node: Int)
    }

    /// Position of the node in the graph.
    package let node: Int
    package let label: String
    package let input: String
    /// The weight itself; what the node reads may be its transposition.
    package let weight: String
    package let bias: Bias
    /// The value whose float numbers are wanted: the layer's output with its bias, and with the shortcut if there is one.
    package let target: String
    /// What is added to the layer's output; the rounded layer makes up for the errors of this value as well.
    package let shortcut: String?
    package let isConvolution: Bool
    /// Whether the weight's first axis runs over the outputs, as in convolutions.
    package let outputsFirst: Bool

    /// The layers of `graph` in the order they run.
    package static func all(in graph: Graph) -> [RoundingLayer] {
        let index = GraphIndex(graph)
        return graph.nodes.indices.compactMap { RoundingLayer(graph, index, $0) }
    }

    /// Layers that read the same value, together at the place of the first.
    static func bySharedInput(_ layers: [RoundingLayer]) -> [[RoundingLayer]] {
        var groups: [[RoundingLayer]] = [], places: [String: Int] = [:]
        for layer in layers {
            if let place = places[layer.input], layer.shortcut == nil {
                groups[place].append(layer)
            } else {
                places[layer.input] = groups.count
                groups.append([layer])
            }
        }
        return groups
    }

    private init?(_ graph: Graph, _ index: GraphIndex, _ position: Int) {
        let node = graph.nodes[position]
        guard node.isStandard(oneOf: ["Conv", "MatMul", "Gemm"]), node.inputs.count >= 2,
            let output = node.outputs.first, !index.captured.contains(output), graph.weights[node.inputs[0]] == nil,
            let source = RoundingLayer.source(of: node.inputs[1], graph, index),
            let weight = graph.weights[source.name], weight.type == .float32,
            let part = LayerWeight(node, input: 1, shape: source.isTransposed ? source.shape : weight.shape)
        else { return nil }
        isConvolution = node.isStandard("Conv")
        guard isConvolution ? weight.shape.rank >= 3 && !source.isTransposed : weight.shape.rank == 2 else {
            return nil
        }
        let channels = (source.isTransposed ? source.shape : weight.shape).dimensions[part.axis]
        guard let (bias, value) = RoundingLayer.bias(of: node, output, channels, graph, index) else { return nil }
        self.node = position
        label = node.label
        input = node.inputs[0]
        self.weight = source.name
        self.bias = bias
        outputsFirst = isConvolution || (part.axis == 0) != source.isTransposed
        if let sum = RoundingLayer.sum(of: value, graph, index) {
            (target, shortcut) = (sum.output, sum.shortcut)
        } else {
            (target, shortcut) = (value, nil)
        }
    }

    /// The weight behind a value: itself, or a matrix that a node transposes.
    private static func source(
        of value: String, _ graph: Graph, _ index: GraphIndex
    ) -> (name: String, shape: Shape, isTransposed: Bool)? {
        if let weight = graph.weights[value] { return (value, weight.shape, false) }
        guard let producer = index.producers[value], graph.nodes[producer].isStandard("Transpose"),
            let name = graph.nodes[producer].inputs.first, let weight = graph.weights[name], weight.shape.rank == 2,
            graph.nodes[producer].integers("perm") ?? [1, 0] == [1, 0],
            let shape = try? Shape(weight.shape.dimensions.reversed())
        else { return nil }
        return (name, shape, true)
    }

    /// The layer's bias, and the value that holds its output with it; nil for a bias that is no constant row.
    private static func bias(
        of node: Node, _ output: String, _ channels: Int, _ graph: Graph, _ index: GraphIndex
    ) -> (Bias, String)? {
        func isRow(_ name: String) -> Bool {
            guard let weight = graph.weights[name], weight.dense?.type == .float32 else { return false }
            return weight.shape.count == channels && weight.shape.dimensions.last == channels
        }
        if node.isStandard("MatMul") {
            guard let reader = index.onlyReader(of: output), graph.nodes[reader].isStandard("Add"),
                let sum = graph.nodes[reader].outputs.first,
                let row = graph.nodes[reader].inputs.first(where: { $0 != output && isRow($0) })
            else { return (.absent, output) }
            return (.summand(row, node: reader), sum)
        }
        if node.isStandard("Gemm") {
            guard node.float("alpha", default: 1) == 1, node.float("beta", default: 1) == 1,
                node.integer("transA", default: 0) == 0
            else { return nil }
        }
        guard node.inputs.count > 2, !node.inputs[2].isEmpty else { return (.input(nil), output) }
        return isRow(node.inputs[2]) ? (.input(node.inputs[2]), output) : nil
    }

    /// The sum that alone reads `value`, with its other summand; nil when that is constant.
    private static func sum(
        of value: String, _ graph: Graph, _ index: GraphIndex
    ) -> (output: String, shortcut: String)? {
        guard let reader = index.onlyReader(of: value), graph.nodes[reader].isStandard("Add"),
            let output = graph.nodes[reader].outputs.first,
            let other = graph.nodes[reader].inputs.first(where: { $0 != value }), !other.isEmpty,
            graph.weights[other] == nil
        else { return nil }
        return (output, other)
    }
}
