internal import PithModel
internal import PithTensor

/// Expresses weights of integer kernels that round their activations at run time, in every graph of a model.
///
/// The levels of a weight stay in the graph where the weight was; kernels in graphs nested in it read them from there.
/// Comes before ``GraphLowering``, which knows one graph at a time.
struct DynamicLowering {
    /// The domain of ONNX Runtime's own operators.
    static let runtimeDomain = "com.microsoft"

    private(set) var names: NameSource
    private let opset: Int
    private var usesRuntimeDomain = false

    /// The parts of a weight as kernels read them.
    struct Stored {
        let layout: DynamicLayout
        let levels: String
        let scales: String
        /// Zero points, where the kernel wants them written out.
        let zeroPoints: String
    }

    init(_ model: Model) {
        names = NameSource(taken: model.graph.allNames)
        opset = model.opset
    }

    /// Lowers every such weight of `model`, which gets the runtime's own operator set where it needs that.
    ///
    /// - Throws: `FormatError` `.unsupported` for a weight that something else than a kernel reads.
    mutating func lower(_ model: inout Model) throws(FormatError) {
        try lower(&model.graph, around: [:])
        if usesRuntimeDomain, model.operatorSets[DynamicLowering.runtimeDomain] == nil {
            model.operatorSets[DynamicLowering.runtimeDomain] = 1
        }
    }

    private mutating func lower(_ graph: inout Graph, around outer: [String: Stored]) throws(FormatError) {
        var visible = outer
        for name in graph.weights.names + graph.inputs.map(\.name) { visible[name] = nil }
        for weight in Array(graph.weights) where weight.execution == .dynamic && weight.representation != nil {
            visible[weight.name] = try store(weight, in: &graph)
        }
        try lowerNested(&graph, visible)
        guard !visible.isEmpty else { return }
        if let output = graph.outputs.first(where: { visible[$0.name] != nil }) {
            throw DynamicLowering.unsupported(output.name, "it is also an output of its graph.")
        }
        var nodes: [Node] = [], rounded: [String: RoundedActivation] = [:]
        for node in graph.nodes {
            guard node.inputs.contains(where: { visible[$0] != nil }) else {
                nodes.append(node)
                continue
            }
            if node.isStandard("LSTM") {
                nodes.append(try recurrent(node, visible))
            } else {
                nodes += try product(node, visible, &rounded)
            }
        }
        graph.nodes = nodes
    }

    private mutating func lowerNested(_ graph: inout Graph, _ visible: [String: Stored]) throws(FormatError) {
        var failure: FormatError?
        for index in graph.nodes.indices where graph.nodes[index].hasNestedGraphs {
            for position in graph.nodes[index].attributes.indices {
                graph.nodes[index].attributes[position].updateGraphs { nested, _ in
                    guard failure == nil else { return }
                    do throws(FormatError) { try lower(&nested, around: visible) } catch { failure = error }
                }
            }
        }
        if let failure { throw failure }
    }

    /// Puts the parts of a weight where the weight was.
    private mutating func store(_ weight: Weight, in graph: inout Graph) throws(FormatError) -> Stored {
        guard let form = weight.representation as? GroupedIntegers, let layout = DynamicLayout(form) else {
            throw DynamicLowering.unsupported(
                weight.name, "kernels take 8-bit levels without zero points, with a scale for each output channel.")
        }
        graph.weights[weight.name] = nil
        graph.inputs.removeAll { $0.name == weight.name }
        func keep(_ tensor: Tensor, _ suffix: String) -> String {
            let name = names.make(weight.name, suffix)
            graph.weights[name] = Weight(name, tensor)
            return name
        }
        return Stored(
            layout: layout, levels: keep(layout.levels, "_q"), scales: keep(layout.scales, "_s"),
            zeroPoints: layout.zeroPoints.map { keep($0, "_z") } ?? "")
    }

    // MARK: Kernels

    /// The three results of rounding an activation.
    private struct RoundedActivation {
        let levels: String
        let scale: String
        let zeroPoint: String
    }

    /// `x W = (levels of x - zero point) * (levels of W) * (scale of x * scales of W)`, then the bias of a `Gemm`.
    ///
    /// The operators stand in the order in which ONNX Runtime fuses them into one kernel; values that several weights
    /// read are rounded once.
    private mutating func product(
        _ node: Node, _ visible: [String: Stored], _ rounded: inout [String: RoundedActivation]
    ) throws(FormatError) -> [Node] {
        guard node.isStandard(oneOf: ["MatMul", "Gemm"]), node.inputs.count >= 2, let output = node.outputs.first,
            let weight = visible[node.inputs[1]], visible[node.inputs[0]] == nil,
            node.inputs.dropFirst(2).allSatisfy({ visible[$0] == nil }), weight.layout.fits(node)
        else { throw misread(node, visible) }
        guard opset >= 11 else {
            throw DynamicLowering.unsupported(
                node.inputs[1], "DynamicQuantizeLinear needs operator set 11, this has \(opset).")
        }
        var nodes: [Node] = []
        let input = activation(node.inputs[0], &rounded, &nodes)
        let bias = node.inputs.count > 2 ? node.inputs[2] : ""
        let sums = names.make(output, "_i"), numbers = names.make(output, "_c"), scales = names.make(output, "_s")
        let result = bias.isEmpty ? output : names.make(output, "_m")
        let toFloat = Attribute("to", .integer(Int64(ONNXType.code(.float32))))
        nodes += [
            Node(
                "MatMulInteger", inputs: [input.levels, weight.levels, input.zeroPoint], outputs: [sums],
                name: node.name),
            Node("Cast", inputs: [sums], outputs: [numbers], attributes: [toFloat]),
            Node("Mul", inputs: [input.scale, weight.scales], outputs: [scales]),
            Node("Mul", inputs: [numbers, scales], outputs: [result]),
        ]
        if !bias.isEmpty { nodes.append(Node("Add", inputs: [result, bias], outputs: [output])) }
        return nodes
    }

    private mutating func activation(
        _ value: String, _ rounded: inout [String: RoundedActivation], _ nodes: inout [Node]
    ) -> RoundedActivation {
        if let known = rounded[value] { return known }
        let made = RoundedActivation(
            levels: names.make(value, "_q"), scale: names.make(value, "_s"), zeroPoint: names.make(value, "_z"))
        nodes.append(
            Node(
                "DynamicQuantizeLinear", inputs: [value], outputs: [made.levels, made.scale, made.zeroPoint]))
        rounded[value] = made
        return made
    }

    /// The runtime's LSTM kernel: the inputs of the standard one, then scales and zero points of both weights.
    private mutating func recurrent(_ node: Node, _ visible: [String: Stored]) throws(FormatError) -> Node {
        guard node.inputs.count >= 3, let input = visible[node.inputs[1]], let state = visible[node.inputs[2]],
            input.layout.fits(node), state.layout.fits(node),
            !node.inputs.enumerated().contains(where: { $0.offset != 1 && $0.offset != 2 && visible[$0.element] != nil }
            )
        else { throw misread(node, visible) }
        usesRuntimeDomain = true
        var kernel = node
        kernel.operation = "DynamicQuantizeLSTM"
        kernel.domain = DynamicLowering.runtimeDomain
        kernel.inputs += [String](repeating: "", count: max(8 - node.inputs.count, 0))
        kernel.inputs[1] = input.levels
        kernel.inputs[2] = state.levels
        kernel.inputs += [input.scales, input.zeroPoints, state.scales, state.zeroPoints]
        kernel.attributes.removeAll { $0.name == "layout" }
        return kernel
    }

    private func misread(_ node: Node, _ visible: [String: Stored]) -> FormatError {
        let name = node.inputs.first { visible[$0] != nil } ?? node.label
        return DynamicLowering.unsupported(name, "\(node.label) has no kernel that rounds activations at run time.")
    }

    private static func unsupported(_ name: String, _ problem: String) -> FormatError {
        FormatError(
            code: .unsupported, subject: name, problem: problem,
            remedy: "Keep this weight as it is, or fold it to floats at load (quantize.weights).")
    }
}
