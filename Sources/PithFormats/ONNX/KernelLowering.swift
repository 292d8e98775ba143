internal import PithModel
internal import PithTensor

/// Expresses weights that kernels use as they are stored, in every graph of a model: those of integer kernels that round
/// their activations at run time, and those that are decoded a block at a time.
///
/// The levels of a weight stay in the graph where the weight was; kernels in graphs nested in it read them from there.
/// Comes before ``GraphLowering``, which knows one graph at a time.
struct KernelLowering {
    /// The domain of ONNX Runtime's own operators.
    static let runtimeDomain = "com.microsoft"

    var names: NameSource
    let opset: Int
    var usesRuntimeDomain = false

    /// The parts of a weight as kernels read them.
    struct Stored {
        enum Layout {
            case dynamic(DynamicLayout)
            case blocks(BlockLayout, isRounded: Bool)
        }

        let layout: Layout
        let levels: String
        let scales: String
        /// Zero points, where the kernel wants them written out.
        let zeroPoints: String

        /// Whether `node` reads the weight as its kernel does.
        func fits(_ node: Node) -> Bool {
            switch layout {
            case .dynamic(let layout): layout.fits(node)
            case .blocks(let layout, _): layout.fits(node)
            }
        }
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
        if usesRuntimeDomain, model.operatorSets[KernelLowering.runtimeDomain] == nil {
            model.operatorSets[KernelLowering.runtimeDomain] = 1
        }
    }

    private mutating func lower(_ graph: inout Graph, around outer: [String: Stored]) throws(FormatError) {
        var visible = outer
        for name in graph.weights.names + graph.inputs.map(\.name) { visible[name] = nil }
        for weight in Array(graph.weights)
        where [.dynamic, .blocks, .roundedBlocks].contains(weight.execution) && weight.representation != nil {
            visible[weight.name] = try store(weight, in: &graph)
        }
        try lowerNested(&graph, visible)
        guard !visible.isEmpty else { return }
        if let output = graph.outputs.first(where: { visible[$0.name] != nil }) {
            throw KernelLowering.unsupported(output.name, "it is also an output of its graph.")
        }
        var nodes: [Node] = [], rounded: [String: RoundedActivation] = [:]
        for node in graph.nodes {
            guard node.inputs.contains(where: { visible[$0] != nil }) else {
                nodes.append(node)
                continue
            }
            nodes += try kernel(of: node, visible, &rounded)
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
        graph.weights[weight.name] = nil
        graph.inputs.removeAll { $0.name == weight.name }
        func keep(_ tensor: Tensor, _ suffix: String) -> String {
            let name = names.make(weight.name, suffix)
            graph.weights[name] = Weight(name, tensor)
            return name
        }
        let form = weight.representation as? GroupedIntegers
        guard weight.execution == .dynamic else {
            guard let form, form.scales.type == .float32, let layout = BlockLayout(form) else {
                throw KernelLowering.unsupported(
                    weight.name,
                    "kernels take matrices of 4- or 8-bit levels in blocks of 16 to 256, with float32 scales.")
            }
            let tensors = layout.tensors(of: form)
            return Stored(
                layout: .blocks(layout, isRounded: weight.execution == .roundedBlocks),
                levels: keep(tensors.levels, "_q"), scales: keep(tensors.scales, "_s"),
                zeroPoints: tensors.zeroPoints.map { keep($0, "_z") } ?? "")
        }
        guard let form, let layout = DynamicLayout(form) else {
            throw KernelLowering.unsupported(
                weight.name, "kernels take 8-bit levels without zero points, with a scale for each output channel.")
        }
        return Stored(
            layout: .dynamic(layout), levels: keep(layout.levels, "_q"), scales: keep(layout.scales, "_s"),
            zeroPoints: layout.zeroPoints.map { keep($0, "_z") } ?? "")
    }

    func misread(_ node: Node, _ visible: [String: Stored]) -> FormatError {
        let name = node.inputs.first { visible[$0] != nil } ?? node.label
        return KernelLowering.unsupported(name, "\(node.label) has no kernel that rounds activations at run time.")
    }

    static func unsupported(_ name: String, _ problem: String) -> FormatError {
        FormatError(
            code: .unsupported, subject: name, problem: problem,
            remedy: "Keep this weight as it is, or fold it to floats at load (quantize.weights).")
    }
}
