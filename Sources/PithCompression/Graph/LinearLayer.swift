import PithModel
import PithTensor

/// A convolution or matrix product with constant weights, seen by its channels.
struct LinearLayer {
    let node: Node
    let weight: Tensor
    /// The bias by output channel, zeros when the layer has none.
    ///
    /// For `Gemm` it is `beta * C`.
    let bias: [Double]
    let hasBias: Bool
    /// Output channels.
    let channels: Int

    /// Reads `node`; nil when it is no such layer or its parameters are not constant 32-bit or 64-bit floats.
    init?(_ node: Node, in graph: Graph, scope: GraphScope) {
        guard node.isStandard(oneOf: ["Conv", "ConvTranspose", "Gemm", "MatMul"]), node.inputs.count >= 2,
            node.outputs.count == 1,
            scope.constant(node.inputs[0], in: graph) == nil,
            let weight = scope.constant(node.inputs[1], in: graph)?.dense,
            weight.type == .float32 || weight.type == .float64,
            let channels = LinearLayer.channels(of: node, weight: weight)
        else { return nil }
        hasBias = node.inputs.count > 2 && !node.inputs[2].isEmpty
        if hasBias {
            guard let tensor = scope.constant(node.inputs[2], in: graph)?.dense, let values = tensor.doubles,
                tensor.type == weight.type,
                let bias = LinearLayer.bias(values, shape: tensor.shape, channels: channels)
            else { return nil }
            let factor = node.isStandard("Gemm") ? Double(node.float("beta", default: 1)) : 1
            self.bias = bias.map { $0 * factor }
        } else {
            bias = [Double](repeating: 0, count: channels)
        }
        self.node = node
        self.weight = weight
        self.channels = channels
    }

    private static func channels(of node: Node, weight: Tensor) -> Int? {
        let lengths = weight.shape.dimensions, group = node.integer("group", default: 1)
        guard weight.count > 0 else { return nil }
        switch node.operation {
        case "Conv": return lengths.count >= 3 && group > 0 && lengths[0] % group == 0 ? lengths[0] : nil
        case "ConvTranspose":
            guard lengths.count >= 3, group > 0, lengths[0] % group == 0 else { return nil }
            return Shape.product(of: [lengths[1], group])
        case "Gemm": return lengths.count == 2 ? lengths[node.integer("transB", default: 0) == 0 ? 1 : 0] : nil
        default: return lengths.count == 2 ? lengths[1] : nil
        }
    }

    private static func bias(_ values: [Double], shape: Shape, channels: Int) -> [Double]? {
        guard shape.dimensions.dropLast().allSatisfy({ $0 == 1 }) else { return nil }
        if values.count == 1 { return [Double](repeating: values[0], count: channels) }
        return values.count == channels ? values : nil
    }

    /// The output channel each weight belongs to depends on the operator; this multiplies each by its channel's factor.
    func scaled(by scale: [Double]) -> Tensor {
        var numbers = weight.doubles ?? []
        let lengths = weight.shape.dimensions
        switch node.operation {
        case "ConvTranspose":
            let perGroup = lengths[0] / node.integer("group", default: 1), inner = lengths[2...].reduce(1, *)
            for index in numbers.indices {
                let row = index / (lengths[1] * inner), column = index / inner % lengths[1]
                numbers[index] *= scale[row / perGroup * lengths[1] + column]
            }
        case "Gemm" where node.integer("transB", default: 0) == 0, "MatMul":
            for index in numbers.indices { numbers[index] *= scale[index % channels] }
        default:
            let inner = weight.count / max(channels, 1)
            for index in numbers.indices { numbers[index] *= scale[index / inner] }
        }
        return weight.replacing(numbers)
    }

    /// The number of input channels, nil where a map before the layer is not folded.
    var inputChannels: Int? {
        let lengths = weight.shape.dimensions
        switch node.operation {
        case "Conv": return Shape.product(of: [lengths[1], node.integer("group", default: 1)])
        case "Gemm" where node.integer("transA", default: 0) == 0:
            return lengths[node.integer("transB", default: 0) == 0 ? 0 : 1]
        case "MatMul": return lengths[0]
        default: return nil
        }
    }

    /// The input channel that the weight at a flat index is multiplied with.
    private func inputChannel(of index: Int) -> Int {
        let lengths = weight.shape.dimensions
        guard node.operation == "Conv" else {
            return node.operation == "Gemm" && node.integer("transB", default: 0) != 0
                ? index % lengths[1] : index / lengths[1]
        }
        let inner = lengths[2...].reduce(1, *), perGroup = lengths[0] / node.integer("group", default: 1)
        return index / (lengths[1] * inner) / perGroup * lengths[1] + index / inner % lengths[1]
    }

    private func outputChannel(of index: Int) -> Int {
        switch node.operation {
        case "Conv": index / (weight.count / max(channels, 1))
        case "Gemm" where node.integer("transB", default: 0) != 0: index / weight.shape.dimensions[1]
        default: index % channels
        }
    }

    /// The layer applied to `affine(x)` written as a layer applied to `x`: new weights and what is added to the bias.
    func absorbing(_ affine: ChannelAffine) -> (weight: Tensor, bias: [Double]) {
        var numbers = weight.doubles ?? [], added = [Double](repeating: 0, count: channels)
        let alpha = node.isStandard("Gemm") ? Double(node.float("alpha", default: 1)) : 1
        for index in numbers.indices {
            let channel = inputChannel(of: index)
            added[outputChannel(of: index)] += alpha * numbers[index] * affine.shift[channel]
            numbers[index] *= affine.scale[channel]
        }
        return (weight.replacing(numbers), added)
    }

    /// Whether the layer sees no element that is not its input's: a constant added before it may move behind it.
    var isUnpadded: Bool {
        guard node.operation == "Conv" else { return true }
        let automatic = node.string("auto_pad") ?? "NOTSET"
        return automatic == "VALID" || automatic == "NOTSET" && (node.integers("pads") ?? []).allSatisfy { $0 == 0 }
    }
}
