package import PithModel
import PithTensor

/// A layer that integer kernels can run: a convolution or product with a constant weight.
package struct IntegerLayer: Hashable {
    /// Position of the node in the graph.
    package let node: Int
    package let label: String
    package let input: String
    package let output: String
    package let weight: String
    /// The bias when it is a weight.
    package let bias: String?
    /// Axis of the weight's output channels.
    package let axis: Int
    /// Axis of the input that runs over its channels.
    package let inputAxis: Int
}

/// Which activations of a graph are held in integers so that a runtime can fuse integer kernels around them.
///
/// Found backwards: an integer layer wants its input; where a wanted value comes out of an operator that has an
/// integer kernel of its own (sums, pools, movements), that operator's inputs are wanted too. Outputs of convolutions
/// are always wanted, or their integer kernel can not be fused; those of products may stay float. A value between a
/// layer and its ReLU is passed over: the format after the ReLU makes the ReLU itself needless.
package struct Placement {
    /// Layers in graph order.
    package var layers: [IntegerLayer] = []
    /// Values to be held in integers, in graph order.
    package var values: [String] = []
    /// Values that take the format of another one: outputs of operators that only move numbers.
    package var shared: [String: String] = [:]
    /// Upper bounds that a clip puts on values.
    package var clipped: [String: Float] = [:]
    /// Positions of the sums that integer kernels run, in graph order.
    package var sums: [Int] = []
    /// First outputs of the nodes that compute in float from a value made in float: they need not read it rounded.
    package var exactReaders: [String: Set<String>] = [:]
    /// Values of float convolutions that sums add to those of integer ones, which have their channels last.
    package var mixedLayouts: Set<String> = []
    /// Values that are read only by a sum in front of a ReLU, with the sum's other operand: what the ReLU cuts off needs no levels.
    package var cutSummands: [String: String] = [:]

    /// Operators that hand on what they get, moved: output and input have one format.
    private static let moving: Set<String> = [
        "Reshape", "Flatten", "Transpose", "Slice", "Pad", "Squeeze", "Unsqueeze", "MaxPool",
    ]
    /// Operators with integer kernels that compute: each input and output has a format of its own.
    private static let computing: Set<String> = [
        "Add", "Mul", "Concat", "AveragePool", "GlobalAveragePool", "Relu", "Clip", "LeakyRelu", "Sigmoid",
    ]
    private static let several: Set<String> = ["Add", "Mul", "Concat"]

    /// Plans `graph`; layers whose position is in `excluded` stay float, and sums whose position is in `floatSums`.
    package init(_ graph: Graph, excluded: Set<Int> = [], floatSums: Set<Int> = []) {
        let index = GraphIndex(graph), all = Placement.layers(of: graph, index)
        var excluded = excluded, isSettled = false
        while !isSettled {
            layers = all.filter { !excluded.contains($0.node) }
            plan(graph, index, floatSums)
            // Without a format behind it, a convolution's integer kernel is not fused and costs more than float.
            let placed = Set(values)
            let bare = layers.filter {
                graph.nodes[$0.node].isStandard("Conv") && !placed.contains(result(of: $0, graph, index))
            }
            excluded.formUnion(bare.map(\.node))
            isSettled = bare.isEmpty
        }
    }

    private mutating func plan(_ graph: Graph, _ index: GraphIndex, _ floatSums: Set<Int>) {
        (shared, clipped) = ([:], [:])
        let (wanted, integers) = wantedValues(graph, index, floatSums)
        let outputs = Set(graph.outputs.map(\.name))
        func isPlaced(_ value: String) -> Bool { wanted.contains(value) && !outputs.contains(value) }
        values = graph.inputs.map(\.name).filter(isPlaced)
        for node in graph.nodes {
            for output in node.outputs where isPlaced(output) && !isHidden(output, by: node, graph, index) {
                values.append(output)
                if Placement.isMoving(node, graph), let input = node.inputs.first { shared[output] = input }
                if node.isStandard("Clip"), let bound = Placement.upperBound(node, graph) { clipped[output] = bound }
            }
        }
        let placed = Set(values)
        shared = shared.filter { placed.contains($0.value) }
        sums = integers.filter { graph.nodes[$0].isStandard("Add") }.sorted()
        findCutSummands(graph, index)
        findFloatSides(graph, index, integers, floatSums)
    }

    /// Finds the operands of sums whose negative results nobody sees.
    private mutating func findCutSummands(_ graph: Graph, _ index: GraphIndex) {
        cutSummands = [:]
        for value in values where shared[value] == nil {
            guard let reader = index.onlyReader(of: value), graph.nodes[reader].isStandard("Add"),
                let output = graph.nodes[reader].outputs.first,
                isHidden(output, by: graph.nodes[reader], graph, index),
                let other = graph.nodes[reader].inputs.first(where: { $0 != value })
            else { continue }
            cutSummands[value] = other
        }
    }

    /// Finds what reads values exactly, and where layouts meet.
    private mutating func findFloatSides(
        _ graph: Graph, _ index: GraphIndex, _ integers: Set<Int>, _ floatSums: Set<Int>
    ) {
        (exactReaders, mixedLayouts) = ([:], [])
        let hidden = Set(integers.flatMap { graph.nodes[$0].inputs }).subtracting(values)
        for value in values {
            var maker = index.producers[value]
            // A ReLU belongs to what it stands behind.
            while let node = maker, let input = graph.nodes[node].inputs.first,
                graph.nodes[node].isStandard(oneOf: ["Relu", "Clip"]), hidden.contains(input)
            {
                maker = index.producers[input]
            }
            guard maker.map({ !integers.contains($0) }) ?? true else { continue }
            let readers = Set(index.readers[value] ?? []), floats = readers.subtracting(integers)
            exactReaders[value] = Set(floats.compactMap { graph.nodes[$0].outputs.first })
            guard let maker, graph.nodes[maker].isStandard("Conv"), floats.isSubset(of: floatSums),
                let weight = graph.nodes[maker].inputs.dropFirst().first, graph.weights[weight]?.shape.rank == 4,
                readers.contains(where: { graph.nodes[$0].isStandard("Add") })
            else { continue }
            mixedLayouts.insert(value)
        }
    }

    /// The value behind a layer whose format its kernel needs: its output, or that of the ReLU that alone reads it.
    private func result(of layer: IntegerLayer, _ graph: Graph, _ index: GraphIndex) -> String {
        guard isHidden(layer.output, by: graph.nodes[layer.node], graph, index),
            let reader = index.onlyReader(of: layer.output)
        else { return layer.output }
        return graph.nodes[reader].outputs.first ?? layer.output
    }

    /// The value whose format `value` takes.
    package func root(of value: String) -> String {
        var value = value
        while let source = shared[value] { value = source }
        return value
    }

    /// Every layer of `graph` that integer kernels could run.
    static func layers(of graph: Graph, _ index: GraphIndex) -> [IntegerLayer] {
        let outputs = Set(graph.outputs.map(\.name))
        return graph.nodes.enumerated().compactMap { position, node in
            guard node.isStandard(oneOf: ["Conv", "MatMul", "Gemm"]), node.inputs.count >= 2,
                let output = node.outputs.first, let weight = graph.weights[node.inputs[1]],
                weight.type == .float32, isRoundable(weight),
                graph.weights[node.inputs[0]] == nil,
                let part = LayerWeight(node, input: 1, shape: weight.shape)
            else { return nil }
            let isConvolution = node.isStandard("Conv")
            // A convolution whose result leaves the graph would need its output in integers.
            guard !isConvolution || !outputs.contains(output), isConvolution || weight.shape.rank == 2 else {
                return nil
            }
            guard !node.isStandard("Gemm") || isPlain(node) else { return nil }
            var bias: String?
            if node.operation != "MatMul", node.inputs.count > 2, !node.inputs[2].isEmpty {
                guard let tensor = graph.weights[node.inputs[2]]?.dense, tensor.type == .float32,
                    tensor.shape.dimensions == [weight.shape.dimensions[part.axis]]
                else { return nil }
                bias = node.inputs[2]
            }
            return IntegerLayer(
                node: position, label: node.label, input: node.inputs[0], output: output, weight: node.inputs[1],
                bias: bias, axis: part.axis, inputAxis: isConvolution ? 1 : -1)
        }
    }

    /// Whether a weight is dense, or rounded by an earlier stage; what the file stores sparse stays so.
    private static func isRoundable(_ weight: Weight) -> Bool {
        weight.dense != nil || weight.execution == .folded && !(weight.representation is SparseValues)
    }

    /// Whether a `Gemm` is `x * W + b`.
    private static func isPlain(_ node: Node) -> Bool {
        node.float("alpha", default: 1) == 1 && node.float("beta", default: 1) == 1
            && node.integer("transA", default: 0) == 0
    }

    /// Whether the numbers of a node's output are all among those of its input, or zero.
    private static func isMoving(_ node: Node, _ graph: Graph) -> Bool {
        guard node.isStandard(oneOf: moving) else { return false }
        guard node.isStandard("Pad"), node.inputs.count > 2, !node.inputs[2].isEmpty else { return true }
        // What is padded with must lie inside the range that was observed before the padding.
        return graph.weights[node.inputs[2]]?.dense?.floats() == [0]
    }

    /// The values to be held in integers, and the positions of the nodes that integer kernels run with them.
    private func wantedValues(
        _ graph: Graph, _ index: GraphIndex, _ floatSums: Set<Int>
    ) -> (values: Set<String>, nodes: Set<Int>) {
        var wanted = Set(layers.map(\.input)), integers = Set(layers.map(\.node))
        let convolutions = Set(layers.filter { graph.nodes[$0.node].isStandard("Conv") }.map(\.node))
        let convolved = convolvedValues(graph, convolutions)
        for (position, node) in graph.nodes.enumerated().reversed() {
            guard let output = node.outputs.first else { continue }
            if convolutions.contains(position) { wanted.insert(output) }
            // A `Gemm` with a float ReLU would be fused with that, and decode its weights in every run.
            if node.isStandard(oneOf: ["Relu", "Clip"]),
                let source = node.inputs.first.flatMap({ index.producers[$0] }),
                convolutions.contains(source) || integers.contains(source) && graph.nodes[source].isStandard("Gemm")
            {
                wanted.insert(output)
            }
            guard wanted.contains(output), !floatSums.contains(position),
                Placement.isMoving(node, graph)
                    || node.isStandard(oneOf: Placement.computing) && convolved.contains(output)
            else { continue }
            let inputs = node.isStandard(oneOf: Placement.several) ? node.inputs : Array(node.inputs.prefix(1))
            // A constant operand has no format here: such sums stay float.
            guard inputs.allSatisfy({ graph.weights[$0] == nil && !$0.isEmpty }) else { continue }
            wanted.formUnion(inputs)
            integers.insert(position)
        }
        return (wanted, integers)
    }

    /// Values that come out of integer convolutions by way of operators with integer kernels, and what ReLUs make.
    ///
    /// Products hand out floats, and float operators between products are as fast as integer ones and round nothing; a ReLU
    /// costs nothing either way.
    private func convolvedValues(_ graph: Graph, _ convolutions: Set<Int>) -> Set<String> {
        var values: Set<String> = [], clipped: Set<String> = []
        for (position, node) in graph.nodes.enumerated() {
            guard let output = node.outputs.first else { continue }
            let carries = Placement.isMoving(node, graph) || node.isStandard(oneOf: Placement.computing)
            if convolutions.contains(position) || carries && node.inputs.contains(where: values.contains) {
                values.insert(output)
            } else if node.isStandard(oneOf: ["Relu", "Clip"]) {
                clipped.insert(output)
            }
        }
        return values.union(clipped)
    }

    /// Whether a value lies between a layer or sum and the ReLU or clip that alone reads it.
    private func isHidden(_ value: String, by node: Node, _ graph: Graph, _ index: GraphIndex) -> Bool {
        guard node.isStandard(oneOf: ["Conv", "Gemm", "MatMul", "Add"]), let reader = index.onlyReader(of: value) else {
            return false
        }
        let next = graph.nodes[reader]
        return next.isStandard("Relu") || next.isStandard("Clip") && Placement.lowerBound(next, graph) == 0
    }

    private static func lowerBound(_ node: Node, _ graph: Graph) -> Float? { bound(node, 1, "min", graph) }
    private static func upperBound(_ node: Node, _ graph: Graph) -> Float? { bound(node, 2, "max", graph) }

    private static func bound(_ node: Node, _ input: Int, _ attribute: String, _ graph: Graph) -> Float? {
        if case .float(let value) = node[attribute: attribute] { return value }
        guard node.inputs.count > input else { return nil }
        return graph.weights[node.inputs[input]]?.dense?.floats()?.first
    }
}
