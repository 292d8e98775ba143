import PithModel
import PithTensor

/// The part a weight plays in the layer that reads it, and the axis along which its output channels lie.
struct LayerWeight: Hashable {
    /// Kinds of layers whose weights are worth integers.
    enum Layer: String, Hashable {
        case convolution, product, recurrent, table
    }

    let layer: Layer
    /// The axis of a scale for each output channel (each row, for tables).
    let axis: Int

    /// The part of input `index` of `node`, which has `shape`; nil when it is no weight of a layer.
    init?(_ node: Node, input index: Int, shape: Shape) {
        guard node.domain.isEmpty, shape.rank >= 2 else { return nil }
        switch (node.operation, index) {
        case ("Conv", 1): self.init(.convolution, axis: 0)
        case ("ConvTranspose", 1): self.init(.convolution, axis: 1)
        case ("MatMul", 1): self.init(.product, axis: shape.rank - 1)
        case ("MatMul", 0): self.init(.product, axis: shape.rank - 2)
        case ("Gemm", 1): self.init(.product, axis: node.integer("transB", default: 0) == 0 ? 1 : 0)
        case ("LSTM", 1), ("LSTM", 2), ("GRU", 1), ("GRU", 2), ("RNN", 1), ("RNN", 2):
            guard shape.rank == 3 else { return nil }
            self.init(.recurrent, axis: 1)
        case ("Gather", 0) where node.integer("axis", default: 0) == 0: self.init(.table, axis: 0)
        default: return nil
        }
    }

    private init(_ layer: Layer, axis: Int) {
        self.layer = layer
        self.axis = axis
    }
}

/// A place that reads a weight.
struct WeightReader: Hashable {
    /// How messages name the node.
    let label: String
    /// The node's own name, perhaps empty.
    let name: String
    let operation: String
    /// The part the weight plays there; nil when it is no weight of a layer.
    let part: LayerWeight?
    /// Whether the operator is of the standard set, so that it is known what it does with the weight.
    let isStandard: Bool
    /// Whether the node stands in a graph nested in the weight's own.
    let isNested: Bool
}

extension Graph {
    /// Who reads each weight of this graph, nested graphs included.
    func weightReaders() -> [String: [WeightReader]] {
        var shapes: [String: Shape] = [:]
        for weight in weights { shapes[weight.name] = weight.shape }
        var readers: [String: [WeightReader]] = [:]
        collectReaders(of: shapes, isNested: false, into: &readers)
        return readers
    }

    private func collectReaders(
        of shapes: [String: Shape], isNested: Bool, into readers: inout [String: [WeightReader]]
    ) {
        var visible = shapes
        if isNested {
            for name in weights.names + inputs.map(\.name) { visible[name] = nil }
        }
        for node in nodes {
            for (index, input) in node.inputs.enumerated() {
                guard let shape = visible[input] else { continue }
                let part = LayerWeight(node, input: index, shape: shape)
                readers[input, default: []].append(
                    WeightReader(
                        label: node.label, name: node.name, operation: node.operation, part: part,
                        isStandard: node.domain.isEmpty,
                        isNested: isNested))
            }
            for graph in node.nestedGraphs { graph.collectReaders(of: visible, isNested: true, into: &readers) }
        }
    }
}
