import PithModel
import PithTensor

/// The weight of a convolution or product, seen by the channels it reads and those it makes.
struct ChannelMatrix {
    /// Position of the layer's node.
    let node: Int
    let label: String
    let weight: String
    /// The bias when the node has one: as many numbers as there are outputs, which the caller can not replace.
    let bias: String?
    let outputs: Int
    let inputs: Int
    let isConvolution: Bool
    let shape: Shape
    let numbers: [Float]
    /// Outputs and inputs of one group of a convolution; one group is all of a product.
    private let groupOutputs: Int, groupInputs: Int
    private let inner: Int
    /// Whether neighbours in a product's matrix belong to one input.
    private let outputsLast: Bool

    /// Whether each output is made from one input.
    var isDepthwise: Bool { groupInputs == 1 && isConvolution }

    /// The layer of a node; nil where its weight is not its own, or not finite, or it is no such layer.
    init?(_ position: Int, in graph: Graph, _ index: GraphIndex) {
        let node = graph.nodes[position]
        guard node.isStandard(oneOf: ["Conv", "MatMul", "Gemm"]), node.inputs.count >= 2, node.outputs.count == 1,
            graph.weights[node.inputs[0]] == nil, ChannelMatrix.isOwn(node.inputs[1], graph, index),
            node.integer("transA", default: 0) == 0, let tensor = graph.weights[node.inputs[1]]?.dense,
            tensor.type == .float32, tensor.count > 0, let numbers = tensor.floats(), numbers.allSatisfy(\.isFinite)
        else { return nil }
        let lengths = tensor.shape.dimensions
        isConvolution = node.isStandard("Conv")
        if isConvolution {
            let groups = node.integer("group", default: 1)
            guard lengths.count >= 3, groups > 0, lengths[0] % groups == 0 else { return nil }
            (outputs, inputs) = (lengths[0], lengths[1] * groups)
            (groupOutputs, groupInputs) = (lengths[0] / groups, lengths[1])
            inner = lengths[2...].reduce(1, *)
            outputsLast = false
        } else {
            guard lengths.count == 2 else { return nil }
            outputsLast = node.isStandard("MatMul") || node.integer("transB", default: 0) == 0
            (outputs, inputs) = outputsLast ? (lengths[1], lengths[0]) : (lengths[0], lengths[1])
            (groupOutputs, groupInputs, inner) = (outputs, inputs, 1)
        }
        if node.operation != "MatMul", node.inputs.count > 2, !node.inputs[2].isEmpty {
            guard ChannelMatrix.isRow(node.inputs[2], outputs, graph), !index.inputs.contains(node.inputs[2]) else {
                return nil
            }
            bias = node.inputs[2]
        } else {
            bias = nil
        }
        self.node = position
        self.numbers = numbers
        label = node.label
        weight = node.inputs[1]
        shape = tensor.shape
    }

    /// Whether only one place reads a weight of this graph, so that it may change.
    static func isOwn(_ name: String, _ graph: Graph, _ index: GraphIndex) -> Bool {
        graph.weights[name] != nil && index.readers[name]?.count == 1 && !index.outputs.contains(name)
            && !index.captured.contains(name) && !index.inputs.contains(name)
    }

    /// Whether a weight holds one number for each of `count` channels.
    static func isRow(_ name: String, _ count: Int, _ graph: Graph) -> Bool {
        guard let tensor = graph.weights[name]?.dense, tensor.type == .float32 else { return false }
        return tensor.count == count && tensor.shape.dimensions.last == count
    }

    /// The channels that the weight at a flat index makes and reads.
    private func channels(of index: Int) -> (output: Int, input: Int) {
        guard isConvolution else {
            return outputsLast ? (index % outputs, index / outputs) : (index / inputs, index % inputs)
        }
        let output = index / (groupInputs * inner)
        return (output, output / groupOutputs * groupInputs + index / inner % groupInputs)
    }

    /// Largest magnitude by output and by input, each weight times the factors of its channels.
    func peaks(outputs factors: [Double], inputs others: [Double]) -> (outputs: [Double], inputs: [Double]) {
        var peaks = (outputs: [Double](repeating: 0, count: outputs), inputs: [Double](repeating: 0, count: inputs))
        for index in numbers.indices {
            let (output, input) = channels(of: index)
            let size = abs(Double(numbers[index])) * factors[output] * others[input]
            peaks.outputs[output] = max(peaks.outputs[output], size)
            peaks.inputs[input] = max(peaks.inputs[input], size)
        }
        return peaks
    }

    /// The weight times the factors of its channels, rounded once; nil where a number would not be finite.
    func scaled(outputs factors: [Double], inputs others: [Double]) -> Tensor? {
        var numbers = numbers
        for index in numbers.indices {
            let (output, input) = channels(of: index)
            numbers[index] = Float(Double(numbers[index]) * factors[output] * others[input])
        }
        return numbers.allSatisfy(\.isFinite) ? Tensor(numbers, shape: shape) : nil
    }
}
