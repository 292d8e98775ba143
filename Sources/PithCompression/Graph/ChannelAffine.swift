import PithModel
import PithTensor

/// `y = scale * x + shift` with one pair of numbers for each channel, in double precision.
struct ChannelAffine {
    /// Factor of each channel.
    var scale: [Double]
    /// Summand of each channel.
    var shift: [Double]
    /// The node's input that the map is applied to.
    var input: String
    /// The constants it was read from.
    var sources: [String]

    /// Whether nothing is added.
    var isPureScale: Bool { shift.allSatisfy { $0 == 0 } }

    /// Reads an inference-time `BatchNormalization` of `channels` channels.
    ///
    /// `scale = gamma / sqrt(variance + epsilon)`, `shift = beta - mean * scale`.
    init?(normalization node: Node, channels: Int, in graph: Graph, scope: GraphScope) {
        guard node.isStandard("BatchNormalization"), node.inputs.count == 5, node.integer("spatial", default: 1) != 0,
            node.integer("training_mode", default: 0) == 0, node.outputs.dropFirst().allSatisfy(\.isEmpty)
        else { return nil }
        if scope.opset < 7, node.integer("is_test", default: 0) == 0 { return nil }
        let parts = node.inputs.dropFirst().map { ChannelAffine.numbers($0, count: channels, in: graph, scope: scope) }
        guard let gamma = parts[0], let beta = parts[1], let mean = parts[2], let variance = parts[3] else {
            return nil
        }
        let epsilon = Double(node.float("epsilon", default: 1e-5))
        scale = (0..<channels).map { gamma[$0] / (variance[$0] + epsilon).squareRoot() }
        shift = []
        input = node.inputs[0]
        sources = Array(node.inputs.dropFirst())
        shift = (0..<channels).map { beta[$0] - mean[$0] * scale[$0] }
        guard isFinite else { return nil }
    }

    /// Reads `Mul`, `Div`, `Add` or `Sub` with a constant that has one number for each channel or one for all.
    ///
    /// The channels lie along `channelAxis` of the result, which has `rank` axes.
    init?(arithmetic node: Node, channels: Int, channelAxis: Int, rank: Int, in graph: Graph, scope: GraphScope) {
        guard node.isStandard(oneOf: ["Mul", "Div", "Add", "Sub"]), node.inputs.count == 2, scope.opset >= 7 else {
            return nil
        }
        let constants = node.inputs.map { scope.constant($0, in: graph) }
        guard let side = [1, 0].first(where: { constants[$0] != nil && constants[1 - $0] == nil }),
            let weight = constants[side],
            let spread = ChannelAffine.perChannel(weight, channels: channels, axis: channelAxis, rank: rank)
        else { return nil }
        input = node.inputs[1 - side]
        sources = [node.inputs[side]]
        let ones = [Double](repeating: 1, count: channels), zeros = [Double](repeating: 0, count: channels)
        switch (node.operation, side) {
        case ("Mul", _): (scale, shift) = (spread, zeros)
        case ("Div", 1): (scale, shift) = (spread.map { 1 / $0 }, zeros)
        case ("Add", _): (scale, shift) = (ones, spread)
        case ("Sub", 1): (scale, shift) = (ones, spread.map { -$0 })
        case ("Sub", 0): (scale, shift) = (ones.map { -$0 }, spread)
        default: return nil
        }
        guard isFinite else { return nil }
    }

    /// Folding turns numbers that overflow or divide by zero into wrong ones, so such maps are left alone.
    private var isFinite: Bool { scale.allSatisfy { $0.isFinite && $0 != 0 } && shift.allSatisfy(\.isFinite) }

    private static func numbers(_ name: String, count: Int, in graph: Graph, scope: GraphScope) -> [Double]? {
        guard let tensor = scope.constant(name, in: graph)?.dense, tensor.count == count else { return nil }
        return tensor.doubles
    }

    /// A constant's numbers by channel, nil when it varies along any other axis.
    private static func perChannel(_ weight: Weight, channels: Int, axis: Int, rank: Int) -> [Double]? {
        guard let tensor = weight.dense, tensor.shape.rank <= rank, let values = tensor.doubles else { return nil }
        let lengths = [Int](repeating: 1, count: rank - tensor.shape.rank) + tensor.shape.dimensions
        guard lengths.indices.allSatisfy({ lengths[$0] == 1 || $0 == axis }) else { return nil }
        if values.count == 1 { return [Double](repeating: values[0], count: channels) }
        return values.count == channels ? values : nil
    }
}

extension Tensor {
    /// The elements of a 32-bit or 64-bit float tensor in double precision, nil for other types.
    var doubles: [Double]? {
        switch type {
        case .float64: elements(as: Double.self)
        case .float32: elements(as: Float.self).map(Double.init)
        default: nil
        }
    }

    /// A tensor of this one's shape and type with other numbers, each rounded once.
    func replacing(_ numbers: [Double]) -> Tensor {
        type == .float64 ? Tensor(numbers, shape: shape) : Tensor(numbers.map { Float($0) }, shape: shape)
    }
}
