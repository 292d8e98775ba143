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
    /// The axis that the layer sums over, along which blocks lie (along the rows, for tables); nil for convolutions.
    let reduced: Int?

    /// Operators of layers whose weights are worth integers.
    static let operators: Set<String> = ["Conv", "ConvTranspose", "MatMul", "Gemm", "LSTM", "GRU", "RNN", "Gather"]

    /// The part of input `index` of `node`, which has `shape`; nil when it is no weight of a layer.
    init?(_ node: Node, input index: Int, shape: Shape) {
        guard node.domain.isEmpty, shape.rank >= 2 else { return nil }
        let last = shape.rank - 1
        switch (node.operation, index) {
        case ("Conv", 1): self.init(.convolution, axis: 0, reduced: nil)
        case ("ConvTranspose", 1): self.init(.convolution, axis: 1, reduced: nil)
        case ("MatMul", 1): self.init(.product, axis: last, reduced: last - 1)
        case ("MatMul", 0): self.init(.product, axis: last - 1, reduced: last)
        case ("Gemm", 1):
            let isTransposed = node.integer("transB", default: 0) != 0
            self.init(.product, axis: isTransposed ? 0 : 1, reduced: isTransposed ? 1 : 0)
        case ("LSTM", 1), ("LSTM", 2), ("GRU", 1), ("GRU", 2), ("RNN", 1), ("RNN", 2):
            guard shape.rank == 3 else { return nil }
            self.init(.recurrent, axis: 1, reduced: 2)
        case ("Gather", 0) where node.integer("axis", default: 0) == 0: self.init(.table, axis: 0, reduced: last)
        default: return nil
        }
    }

    private init(_ layer: Layer, axis: Int, reduced: Int?) {
        self.layer = layer
        self.axis = axis
        self.reduced = reduced
    }

    /// The same part of a weight whose axes a layer sees in another order.
    func mapped(_ axes: [Int]) -> LayerWeight {
        LayerWeight(layer, axis: axes[axis], reduced: reduced.map { axes[$0] })
    }
}

extension LayerWeight {
    /// The part of a weight that rounding takes, or why it stays as it is.
    static func rounded(_ tensor: Tensor, readers: [WeightReader]) -> Result<LayerWeight, KeptReason> {
        guard let part = readers.compactMap(\.part).min(by: { $0.axis < $1.axis }) else {
            let operations = Set(readers.map(\.operation)).sorted().joined(separator: ", ")
            let isKnown = readers.allSatisfy(\.isStandard)
            let role = isKnown ? "not as the weight of a layer" : "an operator that is not known"
            return .failure(KeptReason(text: "read by \(operations), \(role)", isRefusal: !isKnown))
        }
        guard tensor.type == .float32 else {
            return .failure(
                KeptReason(text: "only float32 weights are rounded, it is \(tensor.type.rawValue)", isRefusal: true))
        }
        return .success(part)
    }

    /// How a runtime computes with levels that these places read: a table whose rows have one scale each stays in integers.
    static func execution(of form: any Representation, readers: [WeightReader]) -> Weight.Execution {
        let isTable = readers.allSatisfy { $0.part?.layer == .table && !$0.isNested }
        return isTable && (form as? GroupedIntegers)?.hasByteRows == true ? .integer : .folded
    }
}

extension GroupedIntegers {
    /// Whether `Gather` can take rows out of the levels, each with one scale.
    fileprivate var hasByteRows: Bool {
        grouping == .channel(axis: 0) && levelBits >= 8 && zeroPoints == nil
    }
}

/// A place that reads a weight.
struct WeightReader: Hashable {
    /// How messages name the node.
    let label: String
    /// The node's own name, or its first output where it has none.
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
    /// Who reads each weight of this graph, nested graphs included; who reads it transposed counts, not the transposition.
    func weightReaders() -> [String: [WeightReader]] {
        var visible: [String: SeenWeight] = [:]
        for weight in weights {
            visible[weight.name] = SeenWeight(
                name: weight.name, shape: weight.shape, axes: Array(0..<weight.shape.rank))
        }
        var readers: [String: [WeightReader]] = [:]
        collectReaders(of: visible, isNested: false, into: &readers)
        return readers
    }

    private func collectReaders(
        of outer: [String: SeenWeight], isNested: Bool, into readers: inout [String: [WeightReader]]
    ) {
        var visible = outer
        if isNested {
            for name in weights.names + inputs.map(\.name) { visible[name] = nil }
        }
        let outputs = Set(self.outputs.map(\.name))
        for node in nodes {
            if let input = node.inputs.first, let seen = visible[input]?.transposed(by: node),
                let output = node.outputs.first, !outputs.contains(output)
            {
                visible[output] = seen
                continue
            }
            for (index, input) in node.inputs.enumerated() {
                guard let seen = visible[input] else { continue }
                let part = LayerWeight(node, input: index, shape: seen.shape)?.mapped(seen.axes)
                readers[seen.name, default: []].append(
                    WeightReader(
                        label: node.label, name: node.calledName, operation: node.operation, part: part,
                        isStandard: node.domain.isEmpty, isNested: isNested))
            }
            for graph in node.nestedGraphs { graph.collectReaders(of: visible, isNested: true, into: &readers) }
        }
    }
}

/// A weight as nodes see it: under its own name, or transposed under another.
private struct SeenWeight {
    let name: String
    let shape: Shape
    /// For each axis that is seen, the weight's own.
    let axes: [Int]

    func transposed(by node: Node) -> SeenWeight? {
        guard node.isStandard("Transpose") else { return nil }
        let order = node.integers("perm") ?? Array(axes.indices.reversed())
        guard order.sorted() == Array(axes.indices),
            let shape = try? Shape(order.map { shape.dimensions[$0] })
        else { return nil }
        return SeenWeight(name: name, shape: shape, axes: order.map { axes[$0] })
    }
}
