public import PithModel
import PithTensor

/// Expresses stored forms and activation formats in operators of the ONNX standard.
///
/// | what | becomes | opset |
/// | --- | --- | --- |
/// | integers for integer kernels | `DequantizeLinear` with the weight's name as its output | 10, per channel 13, in blocks 21 |
/// | integers folded at load | `Cast`, (`Sub`,) `Mul`, and for blocks `Reshape` | any |
/// | integer rows of a table that `Gather` reads | `Gather` of levels and scales, `Cast`, `Mul` | any |
/// | activation format | `QuantizeLinear`, `DequantizeLinear` after the value; all readers take the second | 10 |
///
/// Every expression computes `(level - zeroPoint) * scale` with one rounding, so that it equals
/// `GroupedIntegers.decoded()` bit for bit.
public enum ONNXLowering {
    /// The model with dense weights and standard operators only.
    ///
    /// - Throws: `FormatError` `.unsupported` for a form that the model's operator set can not express.
    public static func lowered(_ model: Model) throws(FormatError) -> Model {
        var model = model, failure: FormatError?
        var names = NameSource(taken: model.graph.allNames)
        let opset = model.opset
        model.graph.updateEachGraph { graph, _ in
            guard failure == nil else { return }
            var lowering = GraphLowering(graph: graph, opset: opset, names: names)
            do throws(FormatError) { graph = try lowering.lowered() } catch { failure = error }
            names = lowering.names
        }
        if let failure { throw failure }
        return model
    }
}

/// The work on one graph.
private struct GraphLowering {
    var graph: Graph
    let opset: Int
    var names: NameSource
    /// Nodes that decode weights; they read weights only, so they come first.
    private var decoders: [Node] = []

    init(graph: Graph, opset: Int, names: NameSource) {
        self.graph = graph
        self.opset = opset
        self.names = names
    }

    mutating func lowered() throws(FormatError) -> Graph {
        for weight in Array(graph.weights) {
            guard let form = weight.representation, !(form is SparseValues) else { continue }
            guard let integers = form as? GroupedIntegers else {
                throw unsupported(weight.name, "the form '\(type(of: form).kind)' has no expression in ONNX yet.")
            }
            graph.weights[weight.name] = nil
            switch weight.execution {
            case .integer where isTable(weight.name, integers): lowerTable(weight.name, integers)
            case .integer: try lowerDequantized(weight.name, integers)
            case .folded: try lowerFolded(weight.name, integers)
            }
        }
        lowerActivations()
        graph.nodes = decoders + graph.nodes
        return graph
    }

    // MARK: Weights

    private mutating func lowerDequantized(_ name: String, _ form: GroupedIntegers) throws(FormatError) {
        var attributes: [Attribute] = []
        switch form.grouping {
        case .tensor: break
        case .channel(let axis):
            guard opset >= 13 else { throw unsupported(name, "scales per channel need operator set 13, this has \(opset).") }
            attributes = [Attribute("axis", .integer(Int64(axis)))]
        case .block(let axis, let size):
            guard opset >= 21 else { throw unsupported(name, "scales per block need operator set 21, this has \(opset).") }
            attributes = [
                Attribute("axis", .integer(Int64(axis))), Attribute("block_size", .integer(Int64(size))),
            ]
        }
        var inputs = [store(form.levels, name, "_q"), store(form.scales, name, "_s")]
        if let zeros = form.zeroPoints { inputs.append(store(zeros, name, "_z")) }
        decoders.append(Node("DequantizeLinear", inputs: inputs, outputs: [name], attributes: attributes))
    }

    private mutating func lowerFolded(_ name: String, _ form: GroupedIntegers) throws(FormatError) {
        guard let layout = FoldedLayout(form) else {
            throw unsupported(name, "blocks that do not divide their axis can not be folded.")
        }
        var value = cast(store(reshaped(form.levels, layout.levels), name, "_q"), named: name)
        if let zeros = form.zeroPoints {
            let zero = cast(store(reshaped(zeros, layout.scales), name, "_z"), named: name)
            value = chain("Sub", [value, zero], name)
        }
        let scale = store(reshaped(form.scales, layout.scales), name, "_s")
        guard layout.levels != form.shape.dimensions else {
            decoders.append(Node("Mul", inputs: [value, scale], outputs: [name]))
            return
        }
        value = chain("Mul", [value, scale], name)
        let shape = store(Tensor(vector: form.shape.dimensions.map { Int64($0) }), name, "_shape")
        decoders.append(Node("Reshape", inputs: [value, shape], outputs: [name]))
    }

    /// Whether every reader of a weight is a `Gather` of its rows, and a row has one scale.
    private func isTable(_ name: String, _ form: GroupedIntegers) -> Bool {
        guard form.grouping == .channel(axis: 0), form.shape.rank >= 2, form.zeroPoints == nil,
            !graph.outputs.contains(where: { $0.name == name })
        else { return false }
        let readers = graph.nodes.filter { $0.readNames.contains(name) }
        return !readers.isEmpty
            && readers.allSatisfy { node in
                node.isStandard("Gather") && node.inputs.first == name && node.inputs.dropFirst().first != name
                    && node.integer("axis", default: 0) == 0
            }
    }

    private mutating func lowerTable(_ name: String, _ form: GroupedIntegers) {
        let scaleShape = [form.shape.dimensions[0]] + [Int](repeating: 1, count: form.shape.rank - 1)
        let levels = store(form.levels, name, "_q"), scales = store(reshaped(form.scales, scaleShape), name, "_s")
        var nodes: [Node] = []
        for node in graph.nodes {
            guard node.isStandard("Gather"), node.inputs.first == name, let output = node.outputs.first else {
                nodes.append(node)
                continue
            }
            let rows = names.make(output, "_q"), numbers = names.make(output, "_c"), scale = names.make(output, "_s")
            var gather = node
            gather.inputs[0] = levels
            gather.outputs = [rows]
            let toFloat = Attribute("to", .integer(Int64(ONNXType.code(.float32))))
            nodes.append(gather)
            nodes.append(Node("Cast", inputs: [rows], outputs: [numbers], attributes: [toFloat]))
            nodes.append(Node("Gather", inputs: [scales, node.inputs[1]], outputs: [scale]))
            nodes.append(Node("Mul", inputs: [numbers, scale], outputs: [output]))
        }
        graph.nodes = nodes
    }

    // MARK: Activations

    private mutating func lowerActivations() {
        guard !graph.activationFormats.isEmpty else { return }
        var nodes: [Node] = [], readable: [String: String] = [:]
        for input in graph.inputs where graph.activationFormats[input.name] != nil {
            readable[input.name] = quantize(input.name, into: &nodes)
        }
        let outputs = Set(graph.outputs.map(\.name))
        for node in graph.nodes {
            var node = node
            node.inputs = node.inputs.map { readable[$0] ?? $0 }
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

    // MARK: Parts

    private mutating func store(_ tensor: Tensor, _ base: String, _ suffix: String) -> String {
        let name = names.make(base, suffix)
        graph.weights[name] = Weight(name, tensor)
        return name
    }

    private mutating func cast(_ value: String, named base: String) -> String {
        let result = names.make(base, "_c")
        let toFloat = Attribute("to", .integer(Int64(ONNXType.code(.float32))))
        decoders.append(Node("Cast", inputs: [value], outputs: [result], attributes: [toFloat]))
        return result
    }

    private mutating func chain(_ operation: String, _ inputs: [String], _ base: String) -> String {
        let result = names.make(base, "_m")
        decoders.append(Node(operation, inputs: inputs, outputs: [result]))
        return result
    }

    private func reshaped(_ tensor: Tensor, _ dimensions: [Int]) -> Tensor {
        guard let shape = try? Shape(dimensions), let result = try? tensor.reshaped(to: shape) else {
            preconditionFailure("A layout of \(dimensions) does not hold \(tensor.shape).")
        }
        return result
    }

    private func unsupported(_ name: String, _ problem: String) -> FormatError {
        FormatError(
            code: .unsupported, subject: name, problem: problem,
            remedy: "Raise the operator set of the model, or keep this weight as it is.")
    }
}

/// Shapes in which levels and scales broadcast against each other.
private struct FoldedLayout {
    let levels: [Int]
    let scales: [Int]

    init?(_ form: GroupedIntegers) {
        let dimensions = form.shape.dimensions
        switch form.grouping {
        case .tensor:
            levels = dimensions
            scales = []
        case .channel(let axis):
            levels = dimensions
            scales = dimensions.indices.map { $0 == axis ? dimensions[axis] : 1 }
        case .block(let axis, let size):
            guard dimensions[axis].isMultiple(of: size) else { return nil }
            let groups = dimensions[axis] / size
            levels = dimensions[..<axis] + [groups, size] + dimensions[(axis + 1)...]
            scales = dimensions[..<axis] + [groups, 1] + dimensions[(axis + 1)...]
        }
    }
}
