import PithModel
import PithTensor

/// The constants of what makes an activation that can take up a factor for each of its channels.
///
/// | made by | takes the factors |
/// | --- | --- |
/// | `Mul` or `Div` with a constant: the gain of a written-out normalization | the constant (a single number becomes a row) |
/// | `LayerNormalization`, `RMSNormalization` | gain, and bias |
/// | `MatMul`, `Gemm` with a constant matrix | the matrix by its output channels, and the bias |
/// | `Add` with a constant | the constant, and what the other summand is made by |
/// | `Relu`, `LeakyRelu`, `Neg`, `Identity` | what their input is made by |
/// | `Mul` of two activations | what one of them is made by: the second where both could |
/// | attention (``HeadPath``) | what the values are made by; heads that share values have the same factors |
struct ScaleSink: Sendable {
    /// A constant that is divided, or, as a divisor, multiplied.
    struct Target: Hashable, Sendable {
        let place: ConstantReaders.Place
        /// The axis of a matrix as the node sees it; nil for rows.
        let axis: Int?
        let isDivisor: Bool
    }

    /// The constants.
    let targets: [Target]
    /// For each channel of the activation, the channel of the constants that it goes with.
    let origins: [Int]
    /// Channels of the constants.
    let channels: Int

    /// The constants that make `value`, an activation of `channels` channels; nil where nothing can take factors up.
    init?(
        of value: String, channels: Int, in graph: Graph, _ readers: ConstantReaders, _ facts: [String: ValueFact]
    ) {
        let index = GraphIndex(graph)
        let search = SinkSearch(graph: graph, index: index, readers: readers, facts: facts)
        if let targets = search.targets(of: value, channels: channels, depth: 0) {
            self.targets = targets
            origins = Array(0..<channels)
            self.channels = channels
        } else if let path = HeadPath(to: value, in: graph, index, facts), path.origins.count == channels,
            let targets = search.targets(of: path.source, channels: path.sourceChannels, depth: 0)
        {
            self.targets = targets
            origins = path.origins
            self.channels = path.sourceChannels
        } else {
            return nil
        }
    }

    /// The matrix and the bias of the layer that makes `value`; nil where anything else does.
    init?(layerOf value: String, channels: Int, in graph: Graph, _ readers: ConstantReaders) {
        let index = GraphIndex(graph)
        let search = SinkSearch(graph: graph, index: index, readers: readers, facts: [:])
        guard let targets = search.layerTargets(of: value, channels: channels) else { return nil }
        self.targets = targets
        origins = Array(0..<channels)
        self.channels = channels
    }

    /// Asks `plan` to divide the activation by `factors`, one for each channel of the constants.
    ///
    /// - Returns: Whether every constant has that many channels.
    func divide(by factors: [Double], in plan: inout ConstantPlan) -> Bool {
        let inverse = ChannelTransform(scaling: factors.map { 1 / $0 }), direct = ChannelTransform(scaling: factors)
        return targets.allSatisfy { plan.add($0.isDivisor ? direct : inverse, at: $0.place, axis: $0.axis) }
    }

    /// The factor of each channel of the activation.
    func spread(_ factors: [Double]) -> [Double] { origins.map { factors[$0] } }

    /// The mean of `values`, one for each channel of the activation, over those that go with a channel of the constants.
    func gathered(_ values: [Double]) -> [Double] {
        var sums = [Double](repeating: 0, count: channels), counts = sums
        for (channel, value) in zip(origins, values) {
            sums[channel] += value
            counts[channel] += 1
        }
        return zip(sums, counts).map { $1 > 0 ? $0 / $1 : 0 }
    }
}

/// The walk from an activation to what makes it.
private struct SinkSearch {
    let graph: Graph
    let index: GraphIndex
    let readers: ConstantReaders
    let facts: [String: ValueFact]

    /// Most nodes on the way.
    private static let deepest = 8

    func targets(of value: String, channels: Int, depth: Int) -> [ScaleSink.Target]? {
        guard depth < SinkSearch.deepest, let position = index.producers[value], !index.pinned.contains(value),
            graph.nodes[position].outputs.first == value
        else { return nil }
        let node = graph.nodes[position]
        func before(_ input: String) -> [ScaleSink.Target]? {
            guard index.onlyReader(of: input) == position else { return nil }
            return targets(of: input, channels: channels, depth: depth + 1)
        }
        func row(_ input: Int, isDivisor: Bool = false) -> ScaleSink.Target? {
            guard node.inputs.count > input, let source = readers.source(of: node.inputs[input]) else { return nil }
            let count = source.lengths.reduce(1, *)
            guard count == 1 || count == channels && source.lengths.last == channels, !source.isTransposed else {
                return nil
            }
            return ScaleSink.Target(
                place: ConstantReaders.Place(node: position, input: input), axis: nil, isDivisor: isDivisor)
        }
        switch node.operation {
        case _ where !node.domain.isEmpty: return nil
        case "Relu", "LeakyRelu", "Neg", "Identity": return before(node.inputs[0])
        case "MatMul", "Gemm": return layer(node, position, channels)
        case "LayerNormalization", "RMSNormalization", "SimplifiedLayerNormalization":
            guard [-1, rank(of: value) - 1].contains(node.integer("axis", default: -1)), let gain = row(1) else {
                return nil
            }
            guard node.inputs.count > 2, !node.inputs[2].isEmpty else { return [gain] }
            return row(2).map { [gain, $0] }
        case "Add", "Sub":
            guard node.inputs.count == 2, let side = node.inputs.indices.first(where: { row($0) != nil }),
                let constant = row(side), let rest = before(node.inputs[1 - side])
            else { return nil }
            return rest + [constant]
        case "Div":
            guard readers.source(of: node.inputs[0]) == nil, let constant = row(1, isDivisor: true) else { return nil }
            return before(node.inputs[0]).flatMap { isSingle(node.inputs[1]) ? $0 : nil } ?? [constant]
        case "Mul":
            guard node.inputs.count == 2, node.inputs[0] != node.inputs[1] else { return nil }
            guard let side = node.inputs.indices.first(where: { row($0) != nil }) else {
                return before(node.inputs[1]) ?? before(node.inputs[0])
            }
            // A single number stays one where something before it can take the factors up.
            return (isSingle(node.inputs[side]) ? before(node.inputs[1 - side]) : nil) ?? row(side).map { [$0] }
        default: return nil
        }
    }

    private func isSingle(_ name: String) -> Bool { readers.source(of: name)?.lengths.allSatisfy { $0 == 1 } ?? false }

    private func rank(of value: String) -> Int { facts[value]?.dimensions?.count ?? 0 }

    /// The constants of a layer, and of the sum with a row that stands behind it.
    func layerTargets(of value: String, channels: Int) -> [ScaleSink.Target]? {
        guard let position = index.producers[value], !index.pinned.contains(value) else { return nil }
        let node = graph.nodes[position]
        guard node.isStandard("Add"), node.inputs.count == 2 else { return layer(node, position, channels) }
        guard let side = node.inputs.indices.first(where: { readers.source(of: node.inputs[$0]) != nil }),
            index.onlyReader(of: node.inputs[1 - side]) == position,
            let maker = index.producers[node.inputs[1 - side]],
            let matrix = layer(graph.nodes[maker], maker, channels)
        else { return nil }
        let place = ConstantReaders.Place(node: position, input: side)
        return matrix + [ScaleSink.Target(place: place, axis: nil, isDivisor: false)]
    }

    /// The matrix of a layer by its output channels, and its bias.
    private func layer(_ node: Node, _ position: Int, _ channels: Int) -> [ScaleSink.Target]? {
        guard let axis = ProductGroup.inputAxis(of: node), let source = readers.source(of: node.inputs[1]),
            source.lengths.count == 2, source.lengths[1 - axis] == channels,
            readers.source(of: node.inputs[0]) == nil
        else { return nil }
        func target(_ input: Int, _ axis: Int?) -> ScaleSink.Target {
            ScaleSink.Target(
                place: ConstantReaders.Place(node: position, input: input), axis: axis, isDivisor: false)
        }
        guard node.inputs.count > 2, !node.inputs[2].isEmpty else { return [target(1, 1 - axis)] }
        guard let bias = readers.source(of: node.inputs[2]), bias.lengths.last ?? 1 == bias.lengths.reduce(1, *) else {
            return nil
        }
        return [target(1, 1 - axis), target(2, nil)]
    }
}
