import PithModel
import PithTensor

/// Two layers between which factors of channels can be moved: the second alone reads what the first makes, through
/// operators that give `s` times the result for `s` times their input.
struct EqualizationPair {
    /// Places of the layers in a list of matrices.
    let first: Int, second: Int
    /// What the second layer reads.
    let value: String
    /// Inputs of the second layer that come from one output of the first.
    let repeats: Int
    /// A row that is added to a product's result.
    let summand: String?
    /// Nodes on the way that clip at zero and at an upper bound, with the value that each makes.
    let clips: [(node: Int, output: String, bound: Float)]

    /// Operators that hand on each number times a factor that its channel chooses.
    private static let elementwise: Set<String> = ["Relu", "LeakyRelu", "Identity"]
    private static let spatial: Set<String> = ["MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool"]

    /// The pairs of a graph whose layers are `matrices`, in the order of the first.
    static func all(in graph: Graph, _ index: GraphIndex, _ matrices: [ChannelMatrix]) -> [EqualizationPair] {
        let places = Dictionary(uniqueKeysWithValues: matrices.enumerated().map { ($1.node, $0) })
        return matrices.indices.compactMap { EqualizationPair(from: $0, graph, index, matrices, places) }
    }

    private init?(
        from first: Int, _ graph: Graph, _ index: GraphIndex, _ matrices: [ChannelMatrix], _ places: [Int: Int]
    ) {
        let layer = matrices[first]
        var walk = Walk(value: graph.nodes[layer.node].outputs[0], isConvolution: layer.isConvolution)
        while let reader = index.onlyReader(of: walk.value) {
            let node = graph.nodes[reader]
            if let place = places[reader], node.inputs[0] == walk.value {
                guard let repeats = walk.repeats(from: layer, to: matrices[place]) else { return nil }
                self.first = first
                second = place
                value = walk.value
                self.repeats = repeats
                summand = walk.summand
                clips = walk.clips
                return
            }
            guard walk.pass(node, at: reader, after: layer, graph, index) else { return nil }
        }
        return nil
    }

    /// What changes with the pair beside the weights of its layers, by name: a bias, the node that adds it, clips.
    func companions(in graph: Graph, _ index: GraphIndex, _ matrices: [ChannelMatrix]) -> [String] {
        var names = clips.map { graph.nodes[$0.node].name }
        if let bias = matrices[first].bias ?? summand { names.append(bias) }
        if let summand { names += (index.readers[summand] ?? []).map { graph.nodes[$0].name } }
        return names.filter { !$0.isEmpty }
    }

    /// The way from one layer to the next.
    private struct Walk {
        var value: String
        let isConvolution: Bool
        var isFlat = false
        var isPooled = false
        var isStart = true
        var summand: String?
        var clips: [(node: Int, output: String, bound: Float)] = []

        /// Goes on behind a node; false where factors can not pass it.
        mutating func pass(
            _ node: Node, at position: Int, after layer: ChannelMatrix, _ graph: Graph, _ index: GraphIndex
        ) -> Bool {
            guard node.domain.isEmpty, node.outputs.count == 1, node.nestedGraphs.isEmpty,
                graph.activationFormats[node.outputs[0]] == nil
            else { return false }
            switch node.operation {
            case "Add":
                guard isStart, !isConvolution, layer.bias == nil,
                    let row = node.inputs.first(where: { $0 != value }),
                    ChannelMatrix.isOwn(row, graph, index), ChannelMatrix.isRow(row, layer.outputs, graph)
                else { return false }
                summand = row
            case "PRelu":
                guard node.inputs[0] == value,
                    EqualizationPair.constant(1, of: node, graph, index) != nil
                else { return false }
            case "Clip":
                guard let bounds = EqualizationPair.bounds(of: node, graph, index), bounds.low == 0 else {
                    return false
                }
                if let bound = bounds.high { clips.append((position, node.outputs[0], bound)) }
            case "Flatten":
                guard isConvolution, node.integer("axis", default: 1) == 1 else { return false }
                isFlat = true
            case "Reshape", "Squeeze":
                // After a global pool a channel is one number, so any vector of them is in order.
                guard isConvolution, isPooled, node.inputs[0] == value else { return false }
                isFlat = true
            case "Pad":
                guard isConvolution, !isFlat,
                    EqualizationPair.padsSpace(node, rank: layer.shape.rank, graph, index)
                else { return false }
            case let name where EqualizationPair.elementwise.contains(name): break
            case let name where EqualizationPair.spatial.contains(name):
                guard isConvolution, !isFlat else { return false }
                isPooled = isPooled || name.hasPrefix("Global")
            default: return false
            }
            isStart = false
            value = node.outputs[0]
            return true
        }

        /// How many inputs of the next layer an output has become; nil where they do not fit.
        func repeats(from layer: ChannelMatrix, to next: ChannelMatrix) -> Int? {
            guard isConvolution != next.isConvolution || !isFlat, isConvolution || !next.isConvolution,
                next.isConvolution || !isConvolution || isFlat, next.inputs % layer.outputs == 0
            else { return nil }
            let repeats = next.inputs / layer.outputs
            return repeats == 1 || isFlat && !isPooled ? repeats : nil
        }
    }

    /// What a node reads, where the caller can not replace it.
    private static func constant(_ input: Int, of node: Node, _ graph: Graph, _ index: GraphIndex) -> Tensor? {
        guard node.inputs.count > input, !index.inputs.contains(node.inputs[input]) else { return nil }
        return graph.weights[node.inputs[input]]?.dense
    }

    /// The bounds of a clip, attributes in old operator sets; nil where they are not constant, or nothing lies between them.
    private static func bounds(of node: Node, _ graph: Graph, _ index: GraphIndex) -> (low: Float, high: Float?)? {
        func bound(_ input: Int, _ attribute: String) -> Float?? {
            if case .float(let value) = node[attribute: attribute] { return value }
            guard node.inputs.count > input, !node.inputs[input].isEmpty else { return .some(nil) }
            return constant(input, of: node, graph, index)?.floats()?.first.map { .some($0) }
        }
        guard let low = bound(1, "min"), let high = bound(2, "max"), let low else { return nil }
        guard let high else { return (low, nil) }
        guard high > low else { return nil }
        return (low, high < Float.greatestFiniteMagnitude ? high : nil)
    }

    /// Whether a node pads axes behind the channels only, and with zeros or what is there.
    private static func padsSpace(_ node: Node, rank: Int, _ graph: Graph, _ index: GraphIndex) -> Bool {
        func isGiven(_ input: Int) -> Bool { node.inputs.count > input && !node.inputs[input].isEmpty }
        if node.string("mode") ?? "constant" == "constant" {
            let value = isGiven(2) ? constant(2, of: node, graph, index)?.floats() : [node.float("value", default: 0)]
            guard value == [0] else { return false }
        }
        guard let pads = node.integers("pads") ?? constant(1, of: node, graph, index)?.integers(),
            let stated = isGiven(3) ? constant(3, of: node, graph, index)?.integers() : Array(0..<rank)
        else { return false }
        let axes = stated.map { $0 < 0 ? $0 + rank : $0 }
        guard pads.count == 2 * axes.count, axes.allSatisfy((0..<rank).contains) else { return false }
        return axes.indices.allSatisfy { axes[$0] > 1 || pads[$0] == 0 && pads[$0 + axes.count] == 0 }
    }
}
