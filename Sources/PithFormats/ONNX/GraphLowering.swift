internal import PithModel
internal import PithTensor

/// The work on one graph.
struct GraphLowering {
    var graph: Graph
    let opset: Int
    var names: NameSource
    /// Nodes that decode weights; they read weights only, so they come first.
    var decoders: [Node] = []
    /// Small constants that the decoding of several weights shares, by what they hold.
    var constants: [String: String] = [:]
    /// Layers that compute in float from a rounded value, by that value.
    let floatLayers: [String: FloatLayers]

    init(graph: Graph, opset: Int, names: NameSource) {
        self.graph = graph
        self.opset = opset
        self.names = names
        floatLayers = FloatLayers.all(in: graph)
    }

    mutating func lowered() throws(FormatError) -> Graph {
        let readers = tableReaders(), outputs = Set(graph.outputs.map(\.name))
        var tables: [String: GroupedIntegers] = [:]
        for weight in Array(graph.weights) {
            guard let form = weight.representation, !(form is SparseValues) else { continue }
            graph.weights[weight.name] = nil
            // Files of old versions list weights among the inputs too; a value that a node makes can not be one.
            graph.inputs.removeAll { $0.name == weight.name }
            if let halves = form as? HalfFloats {
                try lowerHalves(weight.name, halves)
                continue
            }
            if let palette = form as? Codebook {
                try lowerPalette(weight.name, palette)
                continue
            }
            if let tabled = form as? TabledIntegers {
                try lowerFolded(weight.name, tabled.codes, table: tabled.table)
                continue
            }
            guard let integers = form as? GroupedIntegers else {
                throw unsupported(weight.name, "the form '\(type(of: form).kind)' has no expression in ONNX yet.")
            }
            switch weight.execution {
            case .integer
            where GraphLowering.isTable(integers) && readers[weight.name] == true && !outputs.contains(weight.name):
                try require(7, "Mul that broadcasts", for: weight.name)
                tables[weight.name] = integers
            case .integer where GraphLowering.isTable(integers) && integers.scales.type != .float32:
                // Something else reads it too, and no operator takes such scales.
                try lowerFolded(weight.name, integers)
            case .integer: try lowerDequantized(weight.name, integers)
            case .folded: try lowerFolded(weight.name, integers)
            case .dynamic, .blocks, .roundedBlocks, .rows:
                throw unsupported(weight.name, "no kernel that takes it as it is stored reads it.")
            }
        }
        lowerTables(tables)
        try lowerActivations()
        graph.nodes = decoders + graph.nodes
        return graph
    }

    // MARK: Weights

    private mutating func lowerDequantized(_ name: String, _ form: GroupedIntegers) throws(FormatError) {
        var attributes: [Attribute] = []
        let type = form.levels.type
        guard form.scales.type == .float32 else {
            throw unsupported(name, "integer kernels take scales in float32, not in \(form.scales.type.rawValue).")
        }
        try require(OperatorSets.dequantizing(type), "DequantizeLinear of \(type.rawValue)", for: name)
        if type == .int32, form.zeroPoints != nil {
            throw unsupported(name, "DequantizeLinear of int32 takes no zero points.")
        }
        switch form.grouping {
        case .tensor: break
        case .channel(let axis):
            try require(13, "a scale per channel", for: name)
            attributes = [Attribute("axis", .integer(Int64(axis)))]
        case .block(let axis, let size):
            try require(21, "a scale per block", for: name)
            attributes = [
                Attribute("axis", .integer(Int64(axis))), Attribute("block_size", .integer(Int64(size))),
            ]
        }
        var inputs = [store(form.levels, name, "_q"), store(form.scales, name, "_s")]
        if let zeros = form.zeroPoints { inputs.append(store(zeros, name, "_z")) }
        decoders.append(Node("DequantizeLinear", inputs: inputs, outputs: [name], attributes: attributes))
    }

    /// Whether a form has one scale for each row, and levels that `Gather` can read.
    private static func isTable(_ form: GroupedIntegers) -> Bool {
        form.grouping == .channel(axis: 0) && form.shape.rank >= 2 && form.zeroPoints == nil
            && form.levelBits >= 8
    }

    /// The weights that nodes read, and whether all those are a `Gather` of its rows.
    private func tableReaders() -> [String: Bool] {
        var all: [String: Bool] = [:]
        for node in graph.nodes {
            let isGather = node.isStandard("Gather") && node.integer("axis", default: 0) == 0 && node.inputs.count > 1
            for name in node.readNames where graph.weights[name] != nil {
                let isRead = isGather && node.inputs[0] == name && node.inputs[1] != name && !node.outputs.isEmpty
                all[name] = all[name] ?? true && isRead
            }
        }
        return all
    }

    private mutating func lowerTables(_ tables: [String: GroupedIntegers]) {
        guard !tables.isEmpty else { return }
        var stored: [String: (levels: String, scales: String, isHalf: Bool)] = [:], nodes: [Node] = []
        for (name, form) in tables.sorted(by: { $0.key < $1.key }) {
            let scaleShape = [form.shape.dimensions[0]] + [Int](repeating: 1, count: form.shape.rank - 1)
            stored[name] = (
                store(form.levels, name, "_q"), store(reshaped(form.scales, scaleShape), name, "_s"),
                form.scales.type != .float32
            )
        }
        for node in graph.nodes {
            guard node.isStandard("Gather"), let table = node.inputs.first.flatMap({ stored[$0] }) else {
                nodes.append(node)
                continue
            }
            nodes += gathered(node, levels: table.levels, scales: table.scales, isHalf: table.isHalf)
        }
        graph.nodes = nodes
    }

    /// A `Gather` of rows, read as levels and scales, which may be half floats.
    private mutating func gathered(_ node: Node, levels: String, scales: String, isHalf: Bool) -> [Node] {
        let output = node.outputs[0]
        let rows = names.make(output, "_q"), numbers = names.make(output, "_c"), scale = names.make(output, "_s")
        var gather = node
        gather.inputs[0] = levels
        gather.outputs = [rows]
        let toFloat = Attribute("to", .integer(Int64(ONNXType.code(.float32))))
        let half = isHalf ? names.make(output, "_h") : scale
        var nodes = [
            gather, Node("Cast", inputs: [rows], outputs: [numbers], attributes: [toFloat]),
            Node("Gather", inputs: [scales] + node.inputs.dropFirst().prefix(1), outputs: [half]),
        ]
        if isHalf { nodes.append(Node("Cast", inputs: [half], outputs: [scale], attributes: [toFloat])) }
        return nodes + [Node("Mul", inputs: [numbers, scale], outputs: [output])]
    }

    // MARK: Parts

    mutating func store(_ tensor: Tensor, _ base: String, _ suffix: String) -> String {
        let name = names.make(base, suffix)
        graph.weights[name] = Weight(name, tensor)
        return name
    }

    func reshaped(_ tensor: Tensor, _ dimensions: [Int]) -> Tensor {
        guard let shape = try? Shape(dimensions), let result = try? tensor.reshaped(to: shape) else {
            preconditionFailure("A layout of \(dimensions) does not hold \(tensor.shape).")
        }
        return result
    }

    /// Refuses what the model's operator set is too old for; `minimum` is nil for what no set has.
    func require(_ minimum: Int?, _ what: String, for name: String) throws(FormatError) {
        guard let minimum else { throw unsupported(name, "ONNX has no \(what).") }
        guard opset >= minimum else {
            throw unsupported(name, "\(what) needs operator set \(minimum), this has \(opset).")
        }
    }

    func unsupported(_ name: String, _ problem: String) -> FormatError {
        FormatError(
            code: .unsupported, subject: name, problem: problem,
            remedy: "Raise the operator set of the model, or keep this weight as it is.")
    }
}
