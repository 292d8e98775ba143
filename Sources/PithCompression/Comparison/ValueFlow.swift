import PithModel
import PithTensor

/// Which values of a graph follow from its inputs, and what its constants hold.
///
/// - Complexity: O(nodes + values); nested graphs are searched for what they read.
struct ValueFlow {
    /// What a constant holds, as far as layers care.
    enum Constant {
        /// Several floats as they are: a weight that was left alone.
        case plain
        /// Numbers in fewer than 32 bits, or what is decoded from them: a weight that was rounded.
        case encoded
        /// Anything else: shapes, axes, single numbers.
        case other
    }

    /// Values that follow from inputs of the graph.
    private(set) var computed: Set<String>
    /// Every other value.
    private(set) var constants: [String: Constant] = [:]

    /// Looks at every node of `graph` once, in the order in which they run.
    init(_ graph: Graph) {
        computed = Set(graph.requiredInputs.map(\.name))
        for weight in graph.weights { constants[weight.name] = ValueFlow.kind(of: weight) }
        for node in graph.nodes {
            let names = node.readNames, outputs = node.outputs.filter { !$0.isEmpty }
            if names.contains(where: computed.contains) {
                computed.formUnion(outputs)
                continue
            }
            var kind = Constant.other
            if node.operation == "DequantizeLinear" || names.contains(where: { isEncoded($0) }) { kind = .encoded }
            if case .tensor(let weight) = node[attribute: "value"], node.isStandard("Constant") {
                kind = ValueFlow.kind(of: weight)
            }
            for output in outputs { constants[output] = kind }
        }
    }

    /// Whether a value is a rounded weight.
    func isEncoded(_ name: String) -> Bool { if case .encoded = constants[name] { true } else { false } }

    /// Whether a value is a weight, rounded or not.
    func isWeight(_ name: String) -> Bool {
        switch constants[name] {
        case .plain, .encoded: true
        default: false
        }
    }

    private static func kind(of weight: Weight) -> Constant {
        guard weight.shape.count > 1 else { return .other }
        switch weight.type {
        case .float32, .float64: return .plain
        case .bool, .string, .int64, .int32, .uint64, .uint32, .complex64, .complex128: return .other
        default: return .encoded
        }
    }
}

extension Node {
    /// Operators that multiply what they read with weights, or look rows up in them; those of ONNX Runtime among them.
    private static let weighing: Set<String> = [
        "Conv", "ConvTranspose", "Gemm", "MatMul", "Einsum", "LSTM", "GRU", "RNN", "Gather", "GatherND", "ConvInteger",
        "MatMulInteger", "QLinearConv", "QLinearMatMul", "QGemm", "MatMulNBits", "GatherBlockQuantized", "FusedConv",
        "FusedGemm", "FusedMatMul", "MatMulIntegerToFloat", "DynamicQuantizeMatMul", "DynamicQuantizeLSTM", "Attention",
        "QAttention", "EmbedLayerNormalization",
    ]
    private static let activationRounding: Set<String> = ["QuantizeLinear", "DynamicQuantizeLinear"]

    /// Whether this is a layer with weights: a product with, or a look-up in, constants of several numbers; or an operator
    /// with graphs of its own that hold such layers.
    func isLayer(in flow: ValueFlow) -> Bool {
        if Node.weighing.contains(operation) { return inputs.contains { flow.isWeight($0) } }
        return nestedGraphs.contains { !$0.layerNames().isEmpty }
    }

    /// Whether this rounds a computed value.
    func isRounding(in flow: ValueFlow) -> Bool {
        Node.activationRounding.contains(operation) && inputs.first.map { flow.computed.contains($0) } ?? false
    }
}

extension Graph {
    /// The layers with weights in this graph and those nested in it, with the paths of their graphs from here.
    ///
    /// In a nested graph a value from around it counts as computed, so that a layer there needs a weight of its own graph.
    func layerNames() -> [(path: GraphPath, name: String)] {
        var names: [(path: GraphPath, name: String)] = []
        forEachGraph { graph, path in
            var inner = graph
            inner.inputs += graph.capturedNames.sorted().map { ValueInfo(name: $0) }
            let flow = ValueFlow(inner)
            for node in graph.nodes where !node.hasNestedGraphs && node.isLayer(in: flow) {
                names.append((path, node.title))
            }
        }
        return names
    }
}

extension Node {
    /// What tables call this node: its name, else its first output.
    var title: String { calledName.isEmpty ? operation : calledName }
}
