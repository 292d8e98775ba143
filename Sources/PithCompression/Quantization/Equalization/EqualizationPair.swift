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
                guard node.inputs[0] == value, graph.weights[node.inputs[1]] != nil else { return false }
            case "Clip":
                guard let bounds = EqualizationPair.bounds(of: node, graph), bounds.low == 0 else { return false }
                if let bound = bounds.high { clips.append((position, node.outputs[0], bound)) }
            case "Flatten":
                guard isConvolution, node.integer("axis", default: 1) == 1 else { return false }
                isFlat = true
            case "Reshape", "Squeeze":
                // After a global pool a channel is one number, so any vector of them is in order.
                guard isConvolution, isPooled, node.inputs[0] == value else { return false }
                isFlat = true
            case "Pad":
                guard isConvolution, !isFlat, EqualizationPair.padsZeros(node, graph) else { return false }
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

    /// The bounds of a clip, attributes in old operator sets; nil where they are not constant.
    private static func bounds(of node: Node, _ graph: Graph) -> (low: Float, high: Float?)? {
        func bound(_ input: Int, _ attribute: String) -> Float?? {
            if case .float(let value) = node[attribute: attribute] { return value }
            guard node.inputs.count > input, !node.inputs[input].isEmpty else { return .some(nil) }
            return graph.weights[node.inputs[input]]?.dense?.floats()?.first.map { .some($0) }
        }
        guard let low = bound(1, "min"), let high = bound(2, "max"), let low else { return nil }
        return (low, high.flatMap { $0 < Float.greatestFiniteMagnitude ? $0 : nil })
    }

    private static func padsZeros(_ node: Node, _ graph: Graph) -> Bool {
        guard node.string("mode") ?? "constant" == "constant" else { return true }
        guard node.inputs.count > 2, !node.inputs[2].isEmpty else { return node.float("value", default: 0) == 0 }
        return graph.weights[node.inputs[2]]?.dense?.floats() == [0]
    }
}
