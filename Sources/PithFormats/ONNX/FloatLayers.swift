internal import PithModel
internal import PithTensor

/// The convolutions and `Gemm`s with a constant weight in float that read one rounded value, as it is or moved.
struct FloatLayers {
    /// Channels of the value, along axis 1.
    let channels: Int
    /// What reads the value for them, layers or operators that move its numbers, by first outputs.
    var readers: [String]

    /// Operators that a runtime moves a `DequantizeLinear` through.
    private static let moving: Set<String> = [
        "MaxPool", "Reshape", "Flatten", "Transpose", "Squeeze", "Unsqueeze", "Slice",
    ]
    /// Operators between a layer and its result that leave the channels as they are.
    private static let keepingChannels: Set<String> = [
        "Relu", "LeakyRelu", "PRelu", "Clip", "Sigmoid", "Identity", "Add", "Mul", "BatchNormalization", "MaxPool",
        "AveragePool", "GlobalAveragePool",
    ]

    /// Those of `graph`, by the value that they read.
    static func all(in graph: Graph) -> [String: FloatLayers] {
        guard !graph.activationFormats.isEmpty else { return [:] }
        var makers: [String: Node] = [:], found: [String: FloatLayers] = [:]
        for node in graph.nodes { for output in node.outputs { makers[output] = node } }
        for node in graph.nodes where node.isStandard(oneOf: ["Conv", "ConvTranspose", "Gemm"]) {
            guard node.inputs.count > 1, let lengths = floatWeight(of: node, graph, makers) else { continue }
            var value = node.inputs[0], reader = node, isMoved = false
            while graph.activationFormats[value] == nil, let maker = makers[value],
                maker.isStandard(oneOf: moving), let input = maker.inputs.first
            {
                (value, reader, isMoved) = (input, maker, true)
            }
            guard graph.activationFormats[value] != nil, let output = reader.outputs.first,
                let channels = isMoved ? madeChannels(value, graph, makers) : inputChannels(of: node, lengths),
                channels > 1, found[value].map({ $0.channels == channels }) ?? true
            else { continue }
            found[value, default: FloatLayers(channels: channels, readers: [])].readers.append(output)
        }
        return found
    }

    /// The lengths of a layer's weight as it reads it; nil where that is not constant, or held in integers.
    private static func floatWeight(of node: Node, _ graph: Graph, _ makers: [String: Node]) -> [Int]? {
        func lengths(_ name: String) -> [Int]? {
            guard let weight = graph.weights[name], weight.dense != nil || weight.execution == .folded else {
                return nil
            }
            return weight.shape.dimensions
        }
        if let direct = lengths(node.inputs[1]) { return direct }
        // A matrix that stands twice may be stored once, and transposed for one of its readers.
        guard let maker = makers[node.inputs[1]], maker.isStandard("Transpose"), node.isStandard("Gemm"),
            let stored = maker.inputs.first.flatMap(lengths), stored.count == 2
        else { return nil }
        return stored.reversed()
    }

    private static func inputChannels(of node: Node, _ lengths: [Int]) -> Int? {
        guard lengths.count >= 2, node.isStandard("Gemm") || lengths.count >= 3 else { return nil }
        if node.isStandard("ConvTranspose") { return bounded(lengths[0], lengths) }
        if node.isStandard("Conv") { return bounded(lengths[1], times: node, lengths) }
        guard node.integer("transA", default: 0) == 0 else { return nil }
        return bounded(node.integer("transB", default: 0) == 0 ? lengths[0] : lengths[1], lengths)
    }

    /// Channels of what a layer makes, or of what comes out of one by way of operators that keep channels.
    private static func madeChannels(_ value: String, _ graph: Graph, _ makers: [String: Node]) -> Int? {
        var value = value
        for _ in graph.nodes.indices {
            guard let maker = makers[value] else { return nil }
            if maker.isStandard(oneOf: ["Conv", "ConvTranspose", "Gemm"]), maker.inputs.count > 1,
                let lengths = graph.weights[maker.inputs[1]]?.shape.dimensions, lengths.count >= 2
            {
                if maker.isStandard("Conv") { return bounded(lengths[0], lengths) }
                if maker.isStandard("ConvTranspose") { return bounded(lengths[1], times: maker, lengths) }
                return bounded(maker.integer("transB", default: 0) == 0 ? lengths[1] : lengths[0], lengths)
            }
            guard maker.isStandard(oneOf: keepingChannels),
                let input = maker.inputs.first(where: { makers[$0] != nil })
            else { return nil }
            value = input
        }
        return nil
    }

    /// `count`, times the groups of a convolution, where a weight of those `lengths` can have as many channels.
    private static func bounded(_ count: Int, times node: Node? = nil, _ lengths: [Int]) -> Int? {
        let groups = node?.integer("group", default: 1) ?? 1
        guard groups >= 1, lengths[0] % groups == 0, lengths.allSatisfy({ $0 > 0 }) else { return nil }
        let (channels, isTooMany) = count.multipliedReportingOverflow(by: groups)
        return isTooMany ? nil : channels
    }
}
