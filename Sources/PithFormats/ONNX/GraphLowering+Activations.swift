internal import PithModel
internal import PithTensor

extension GraphLowering {
    /// Puts a pair of operators after each value that has a format.
    mutating func lowerActivations() throws(FormatError) {
        guard !graph.activationFormats.isEmpty else { return }
        for (value, format) in graph.activationFormats.sorted(by: { $0.key < $1.key }) {
            let what = "QuantizeLinear to \(format.type.rawValue)"
            try require(OperatorSets.quantizing(format.type), what, for: value)
        }
        var nodes: [Node] = [], readable = ReadableValues()
        for input in graph.inputs where graph.activationFormats[input.name] != nil {
            quantize(input.name, into: &nodes, &readable)
        }
        let outputs = Set(graph.outputs.map(\.name))
        for node in graph.nodes {
            nodes.append(node.reading(readable))
            scaleRows(of: &nodes, readable)
            let position = nodes.count - 1
            for (index, output) in node.outputs.enumerated() {
                guard let format = graph.activationFormats[output] else { continue }
                if outputs.contains(output) {
                    // The caller keeps its name: the float value moves aside.
                    let float = names.make(output, "_f")
                    nodes[position].outputs[index] = float
                    quantize(float, format, as: output, called: output, into: &nodes)
                } else {
                    quantize(output, into: &nodes, &readable)
                }
            }
        }
        graph.nodes = nodes
        graph.activationFormats = [:]
    }

    /// Puts the pair of `value` into `nodes`, and what its readers read from now on into `readable`.
    private mutating func quantize(_ value: String, into nodes: inout [Node], _ readable: inout ReadableValues) {
        guard let format = graph.activationFormats[value] else { return }
        let exact = format.prefersChannelsLast ? laidOut(value, into: &nodes) : value
        for reader in format.exactReaders { readable.own[reader, default: [:]][value] = exact }
        quantizeRows(exact, format, called: value, into: &nodes, &readable)
        // What every reader takes in a form of its own needs no other.
        guard format.rowReaders.isEmpty || !isReadBy(format.rowReaders.union(format.exactReaders), alone: value) else {
            return
        }
        let rounded = names.make(value, "_d")
        let levels = quantize(exact, format, as: rounded, called: value, into: &nodes)
        readable.rounded[value] = rounded
        if let layers = floatLayers[value], opset >= 13 {
            let name = dequantized(levels, format, channels: layers.channels, called: value, into: &nodes)
            for reader in layers.readers where !format.exactReaders.contains(reader) {
                readable.own[reader, default: [:]][value] = name
            }
        }
    }

    /// The name of the levels' numbers, as layers in float read them: with the same scale for each channel.
    ///
    /// ONNX Runtime rounds the weights of layers between integers by itself, to 8 bits with one scale for the whole weight
    /// (its `WeightBiasQuantization`), where they read numbers with a single scale.
    private mutating func dequantized(
        _ levels: String, _ format: ActivationFormat, channels: Int, called name: String, into nodes: inout [Node]
    ) -> String {
        let points = [Int](repeating: format.zeroPoint, count: channels)
        guard let zeros = try? Tensor(integers: points, as: format.type, shape: Shape([channels])) else {
            preconditionFailure("The activation format of '\(name)' has a zero point outside its type.")
        }
        let scales = store(Tensor(vector: [Float](repeating: format.scale, count: channels)), name, "_cs")
        let result = names.make(name, "_cd")
        nodes.append(
            Node(
                "DequantizeLinear", inputs: [levels, scales, store(zeros, name, "_cz")], outputs: [result],
                attributes: [Attribute("axis", .integer(1))]))
        return result
    }

    /// Puts a pair of operators behind `value`, the second with `result`; returns the name of the levels between them.
    @discardableResult mutating func quantize(
        _ value: String, _ format: ActivationFormat, as result: String, called name: String, into nodes: inout [Node]
    ) -> String {
        guard let zero = try? Tensor(integers: [format.zeroPoint], as: format.type, shape: .scalar) else {
            preconditionFailure("The activation format of '\(name)' has a zero point outside its type.")
        }
        let scale = store(Tensor(scalar: format.scale), name, "_s"), zeroPoint = store(zero, name, "_z")
        let levels = names.make(name, "_q")
        nodes.append(Node("QuantizeLinear", inputs: [value, scale, zeroPoint], outputs: [levels]))
        nodes.append(Node("DequantizeLinear", inputs: [levels, scale, zeroPoint], outputs: [result]))
        return levels
    }

    /// The name of a value equal to `value`, which a runtime gets by way of its channels last.
    ///
    /// Integer convolutions of ONNX Runtime want channels last. It moves the transpositions around them through a sum only where
    /// every operand is transposed, so that one operand out of a float convolution keeps two transpositions in each
    /// block behind it; here that operand is transposed too, which costs nothing behind a float convolution. The `Reshape` does
    /// nothing but keep the two `Transpose` from being cancelled before integer kernels are in place.
    private mutating func laidOut(_ value: String, into nodes: inout [Node]) -> String {
        let last = names.make(value, "_nhwc"), same = names.make(value, "_nhwc_same")
        let result = names.make(value, "_nchw")
        let shape = store(Tensor(vector: [Int64](repeating: 0, count: 4)), value, "_shape")
        func transpose(_ input: String, _ output: String, _ order: [Int64]) -> Node {
            Node("Transpose", inputs: [input], outputs: [output], attributes: [Attribute("perm", .integers(order))])
        }
        nodes.append(transpose(value, last, [0, 2, 3, 1]))
        nodes.append(Node("Reshape", inputs: [last, shape], outputs: [same]))
        nodes.append(transpose(same, result, [0, 3, 1, 2]))
        return result
    }
}

/// What the readers of a value that has a format read instead.
struct ReadableValues {
    var rounded: [String: String] = [:]
    /// The largest magnitudes of rows that what a product makes has to be multiplied by, by the product's first output.
    var peaks: [String: String] = [:]
    /// For each reader, by its first output, the values that it takes as they were, or in a form of its own.
    var own: [String: [String: String]] = [:]

    /// The names that a node with this first output reads.
    func names(for output: String?) -> [String: String] {
        guard let own = output.flatMap({ own[$0] }) else { return rounded }
        return rounded.merging(own) { $1 }
    }
}

extension Node {
    /// This node with what it can read.
    fileprivate func reading(_ values: ReadableValues) -> Node {
        var node = self
        node.renameReads(values.names(for: outputs.first))
        return node
    }

    /// Lets this node, and the graphs nested in it, read other values in place of those `names` lists.
    fileprivate mutating func renameReads(_ names: [String: String]) {
        inputs = inputs.map { names[$0] ?? $0 }
        for index in attributes.indices {
            attributes[index].updateGraphs { graph, _ in graph.renameReads(names) }
        }
    }
}

extension Graph {
    fileprivate mutating func renameReads(_ names: [String: String]) {
        let captured = capturedNames, names = names.filter { captured.contains($0.key) }
        guard !names.isEmpty else { return }
        for index in nodes.indices { nodes[index].renameReads(names) }
        for index in outputs.indices { outputs[index].name = names[outputs[index].name] ?? outputs[index].name }
    }
}
