internal import PithModel
internal import PithTensor

/// The kernels themselves.
extension KernelLowering {
    /// The three results of rounding an activation.
    struct RoundedActivation {
        let levels: String
        let scale: String
        let zeroPoint: String
    }

    /// The operators that take the place of `node`, which reads one of the `visible` weights.
    ///
    /// - Throws: `FormatError` `.unsupported` where no kernel does what it says.
    mutating func kernel(
        of node: Node, _ visible: [String: Stored], _ rounded: inout [String: RoundedActivation]
    ) throws(FormatError) -> [Node] {
        if node.isStandard("LSTM") { return [try recurrent(node, visible)] }
        if node.isStandard("Gather") { return [try rows(node, visible)] }
        guard node.inputs.count >= 2, let output = node.outputs.first, let weight = visible[node.inputs[1]],
            weight.fits(node), visible[node.inputs[0]] == nil,
            node.inputs.dropFirst(2).allSatisfy({ visible[$0] == nil })
        else { throw misread(node, visible) }
        let bias = node.inputs.count > 2 ? node.inputs[2] : ""
        let result = bias.isEmpty ? output : names.make(output, "_m")
        var nodes =
            switch weight.layout {
            case .dynamic: try integerProduct(node, weight, result, &rounded)
            case .blocks(let layout, let isRounded): [blockProduct(node, weight, layout, isRounded, result)]
            case .rows: throw misread(node, visible)
            }
        if !bias.isEmpty { nodes.append(Node("Add", inputs: [result, bias], outputs: [output])) }
        return nodes
    }

    /// ONNX Runtime's product with a matrix that it decodes a block at a time.
    private mutating func blockProduct(
        _ node: Node, _ weight: Stored, _ layout: BlockLayout, _ isRounded: Bool, _ result: String
    ) -> Node {
        usesRuntimeDomain = true
        let settings = [
            ("K", layout.inputs), ("N", layout.outputs), ("bits", layout.bits), ("block_size", layout.blockSize),
            // 1: float arithmetic; 4: activations in 8 bits.
            ("accuracy_level", isRounded ? 4 : 1),
        ]
        return Node(
            "MatMulNBits",
            inputs: [node.inputs[0], weight.levels, weight.scales]
                + (weight.zeroPoints.isEmpty ? [] : [weight.zeroPoints]),
            outputs: [result], attributes: settings.map { Attribute($0.0, .integer(Int64($0.1))) }, name: node.name,
            domain: KernelLowering.runtimeDomain)
    }

    /// ONNX Runtime's reading of a table that it decodes a row at a time.
    private mutating func rows(_ node: Node, _ visible: [String: Stored]) throws(FormatError) -> Node {
        guard let table = visible[node.inputs[0]], case .rows(let layout) = table.layout, layout.fits(node),
            visible[node.inputs[1]] == nil
        else { throw misread(node, visible) }
        usesRuntimeDomain = true
        let settings = [
            ("bits", layout.bits), ("block_size", layout.blockSize), ("gather_axis", 0), ("quantize_axis", 1),
        ]
        return Node(
            "GatherBlockQuantized",
            inputs: [table.levels, node.inputs[1], table.scales] + (table.zeroPoints.isEmpty ? [] : [table.zeroPoints]),
            outputs: node.outputs, attributes: settings.map { Attribute($0.0, .integer(Int64($0.1))) }, name: node.name,
            domain: KernelLowering.runtimeDomain)
    }

    /// `x W = (levels of x - zero point) * (levels of W) * (scale of x * scales of W)`, then the bias of a `Gemm`.
    ///
    /// The operators stand in the order in which ONNX Runtime fuses them into one kernel; values that several weights
    /// read are rounded once.
    private mutating func integerProduct(
        _ node: Node, _ weight: Stored, _ result: String, _ rounded: inout [String: RoundedActivation]
    ) throws(FormatError) -> [Node] {
        guard opset >= 11 else {
            throw KernelLowering.unsupported(
                node.inputs[1], "DynamicQuantizeLinear needs operator set 11, this has \(opset).")
        }
        var nodes: [Node] = []
        let input = activation(node.inputs[0], &rounded, &nodes)
        let sums = names.make(result, "_i"), numbers = names.make(result, "_c"), scales = names.make(result, "_s")
        let toFloat = Attribute("to", .integer(Int64(ONNXType.code(.float32))))
        nodes += [
            Node(
                "MatMulInteger", inputs: [input.levels, weight.levels, input.zeroPoint], outputs: [sums],
                name: node.name),
            Node("Cast", inputs: [sums], outputs: [numbers], attributes: [toFloat]),
            Node("Mul", inputs: [input.scale, weight.scales], outputs: [scales]),
            Node("Mul", inputs: [numbers, scales], outputs: [result]),
        ]
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
            input.fits(node), state.fits(node),
            !node.inputs.enumerated().contains(where: { $0.offset != 1 && $0.offset != 2 && visible[$0.element] != nil }
            )
        else { throw misread(node, visible) }
        usesRuntimeDomain = true
        var kernel = node
        kernel.operation = "DynamicQuantizeLSTM"
        kernel.domain = KernelLowering.runtimeDomain
        kernel.inputs += [String](repeating: "", count: max(8 - node.inputs.count, 0))
        kernel.inputs[1] = input.levels
        kernel.inputs[2] = state.levels
        kernel.inputs += [input.scales, input.zeroPoints, state.scales, state.zeroPoints]
        kernel.attributes.removeAll { $0.name == "layout" }
        return kernel
    }
}
