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
        var nodes: [Node] = [], readable: [String: String] = [:]
        for input in graph.inputs where graph.activationFormats[input.name] != nil {
            readable[input.name] = quantize(input.name, into: &nodes)
        }
        let outputs = Set(graph.outputs.map(\.name))
        for node in graph.nodes {
            var node = node
            node.renameReads(readable)
            let position = nodes.count
            nodes.append(node)
            for (index, output) in node.outputs.enumerated() where graph.activationFormats[output] != nil {
                if outputs.contains(output) {
                    // The caller keeps its name: the float value moves aside.
                    let float = names.make(output, "_f")
                    nodes[position].outputs[index] = float
                    quantize(float, as: output, format: graph.activationFormats[output], into: &nodes)
                } else {
                    readable[output] = quantize(output, into: &nodes)
                }
            }
        }
        graph.nodes = nodes
        graph.activationFormats = [:]
    }

    private mutating func quantize(_ value: String, into nodes: inout [Node]) -> String {
        let result = names.make(value, "_d")
        quantize(value, as: result, format: graph.activationFormats[value], into: &nodes)
        return result
    }

    private mutating func quantize(
        _ value: String, as result: String, format: ActivationFormat?, into nodes: inout [Node]
    ) {
        guard let format, let zero = try? Tensor(integers: [format.zeroPoint], as: format.type, shape: .scalar) else {
            preconditionFailure("The activation format of '\(value)' has a zero point outside its type.")
        }
        let scale = store(Tensor(scalar: format.scale), value, "_s"), zeroPoint = store(zero, value, "_z")
        let levels = names.make(value, "_q")
        nodes.append(Node("QuantizeLinear", inputs: [value, scale, zeroPoint], outputs: [levels]))
        nodes.append(Node("DequantizeLinear", inputs: [levels, scale, zeroPoint], outputs: [result]))
    }
}

extension Node {
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
