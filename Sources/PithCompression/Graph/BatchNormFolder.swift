package import PithModel
import PithTensor

/// Folds batch normalization, and factors and summands by channel, into the weights of the layer beside them.
///
/// After `Conv`, `ConvTranspose`, `Gemm` and `MatMul`: `W' = W * scale`, `b' = b * scale + shift` by output channel.
/// Before a layer: factors into `Conv`; summands too where it has no padding; normalization into `Gemm` and `MatMul`.
/// Computed in double precision and rounded once. A value that anything else reads stays, and a weight that
/// anything else reads is copied first.
package struct BatchNormFolder: GraphPass {
    package static let name = "normalization"

    package init() {}

    package func apply(to model: inout Model, trace: inout WeightTrace) throws -> Bool {
        var names = NameSource(taken: model.graph.allNames)
        return model.rewriteGraphs(usesFacts: true) { graph, scope in
            var changed = false
            for _ in 0..<16 {
                var round = LayerFolding(graph: graph, scope: scope, names: names)
                for position in graph.nodes.indices { round.fold(at: position, trace: &trace) }
                guard round.changed else { break }
                changed = true
                names = round.names
                graph = round.graph
                graph.removeNodes(at: round.removed)
                graph.pruneValueTypes()
            }
            return changed
        }
    }
}

/// One round over a graph: each node takes part in at most one fold.
private struct LayerFolding {
    var graph: Graph
    var names: NameSource
    var removed: Set<Int> = []
    private let scope: GraphScope
    private let facts: [String: ValueFact]
    private let index: GraphIndex
    private var touched: Set<Int> = []

    var changed: Bool { !touched.isEmpty }

    init(graph: Graph, scope: GraphScope, names: NameSource) {
        self.graph = graph
        self.scope = scope
        self.names = names
        facts = ShapeInference(scope: scope).facts(of: graph)
        index = GraphIndex(graph)
    }

    mutating func fold(at position: Int, trace: inout WeightTrace) {
        let node = graph.nodes[position]
        guard !touched.contains(position), node.outputs.first.map({ !index.pinned.contains($0) }) ?? false,
            node.isStandard(oneOf: ["BatchNormalization", "Mul", "Div", "Add", "Sub"])
        else { return }
        if foldIntoLayerBefore(position, trace: &trace) { return }
        foldIntoLayerAfter(position, trace: &trace)
    }

    /// The rank of a layer's result and where its channels lie, nil when not known.
    private func layout(of layer: LinearLayer) -> (rank: Int, axis: Int)? {
        switch layer.node.operation {
        case "Gemm": return (2, 1)
        case "MatMul": return facts[layer.node.outputs[0]]?.dimensions.map { ($0.count, $0.count - 1) }
        default: return (layer.weight.shape.rank, 1)
        }
    }

    private func affine(at position: Int, channels: Int, rank: Int, axis: Int) -> ChannelAffine? {
        let node = graph.nodes[position]
        if node.isStandard("BatchNormalization") {
            return axis == 1 ? ChannelAffine(normalization: node, channels: channels, in: graph, scope: scope) : nil
        }
        return ChannelAffine(
            arithmetic: node, channels: channels, channelAxis: axis, rank: rank, in: graph, scope: scope)
    }

    private mutating func foldIntoLayerBefore(_ position: Int, trace: inout WeightTrace) -> Bool {
        let node = graph.nodes[position]
        for value in node.inputs.prefix(2) {
            guard let maker = index.producers[value], !touched.contains(maker), index.onlyReader(of: value) == position,
                let layer = LinearLayer(graph.nodes[maker], in: graph, scope: scope), let place = layout(of: layer),
                let map = affine(at: position, channels: layer.channels, rank: place.rank, axis: place.axis),
                map.input == value
            else { continue }
            let isProduct = layer.node.operation == "MatMul"
            guard !isProduct || map.isPureScale || place.rank == 2 else { continue }
            var folded = layer.node
            let note = "\(node.label) folded into \(layer.node.label)"
            folded.outputs = [node.outputs[0]]
            folded.inputs[1] = setWeight(
                layer.scaled(by: map.scale), of: layer.node, map: map, note: note, trace: &trace)
            if layer.hasBias || !map.isPureScale {
                let bias = layer.bias.indices.map { layer.bias[$0] * map.scale[$0] + map.shift[$0] }
                setBias(bias, of: &folded, layer: layer, map: map, note: note, trace: &trace)
            }
            graph.nodes[maker] = folded
            finish(position, with: maker)
            return true
        }
        return false
    }

    private mutating func foldIntoLayerAfter(_ position: Int, trace: inout WeightTrace) {
        let node = graph.nodes[position], output = node.outputs[0]
        guard let reader = index.onlyReader(of: output), !touched.contains(reader),
            graph.nodes[reader].inputs.first == output,
            let layer = LinearLayer(graph.nodes[reader], in: graph, scope: scope), let channels = layer.inputChannels,
            let rank = facts[output]?.dimensions?.count, layer.node.operation == "Conv" || rank == 2,
            layer.node.operation == "Conv" || node.isStandard("BatchNormalization"),
            let map = affine(at: position, channels: channels, rank: rank, axis: 1), !index.pinned.contains(map.input),
            facts[map.input]?.dimensions == facts[output]?.dimensions, map.isPureScale || layer.isUnpadded,
            layer.node.operation != "MatMul" || map.isPureScale || facts[layer.node.outputs[0]]?.dimensions?.count == 2
        else { return }
        let absorbed = layer.absorbing(map), note = "\(node.label) folded into \(layer.node.label)"
        var folded = layer.node
        folded.inputs[0] = map.input
        folded.inputs[1] = setWeight(absorbed.weight, of: layer.node, map: map, note: note, trace: &trace)
        if !map.isPureScale {
            let bias = layer.bias.indices.map { layer.bias[$0] + absorbed.bias[$0] }
            setBias(bias, of: &folded, layer: layer, map: map, note: note, trace: &trace)
        }
        graph.nodes[reader] = folded
        finish(position, with: reader)
    }

    private mutating func finish(_ position: Int, with layer: Int) {
        touched.formUnion([position, layer])
        removed.insert(position)
    }

    /// Whether `name` belongs to this graph and only one place reads it, so that it may change in place.
    private func isOwn(_ name: String) -> Bool {
        graph.weights[name] != nil && index.readers[name]?.count == 1 && !index.outputs.contains(name)
            && !index.captured.contains(name)
    }

    private mutating func setWeight(
        _ tensor: Tensor, of layer: Node, map: ChannelAffine, note: String, trace: inout WeightTrace
    ) -> String {
        let old = layer.inputs[1]
        return set(
            tensor, replacing: old, base: "\(old)_folded", sources: [old] + map.sources, note: note, trace: &trace)
    }

    private mutating func setBias(
        _ bias: [Double], of node: inout Node, layer: LinearLayer, map: ChannelAffine, note: String,
        trace: inout WeightTrace
    ) {
        let values = Tensor([Float](repeating: 0, count: bias.count), shape: .vector(bias.count))
        let tensor = layer.weight.type == .float64 ? Tensor(vector: bias) : values.replacing(bias)
        let old = layer.hasBias ? node.inputs[2] : ""
        let base = layer.hasBias ? "\(old)_folded" : "\(layer.node.inputs[1])_bias"
        let name = set(
            tensor, replacing: old, base: base, sources: (old.isEmpty ? [] : [old]) + map.sources, note: note,
            trace: &trace)
        node.inputs = [node.inputs[0], node.inputs[1], name]
        if node.operation == "MatMul" { node.operation = "Gemm" }
        if node.operation == "Gemm" { node[attribute: "beta"] = nil }
    }

    private mutating func set(
        _ tensor: Tensor, replacing old: String, base: String, sources: [String], note: String, trace: inout WeightTrace
    ) -> String {
        let name = isOwn(old) ? old : names.make(base)
        let origins = sources.map { scope.sourceName($0, in: graph) }
        graph.weights[name] = Weight(name, tensor)
        trace.record(origins, into: [scope.path.qualified(name)], note: note)
        return name
    }
}
