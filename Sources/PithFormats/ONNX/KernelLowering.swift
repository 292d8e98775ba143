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
            case rows(TableLayout)
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
            case .rows(let layout): layout.fits(node)
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
        where [.dynamic, .blocks, .roundedBlocks, .rows].contains(weight.execution) && weight.representation != nil {
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
        let (layout, tensors) = try KernelLowering.laidOut(weight)
        return Stored(
            layout: layout, levels: keep(tensors.levels, "_q"), scales: keep(tensors.scales, "_s"),
            zeroPoints: tensors.zeroPoints.map { keep($0, "_z") } ?? "")
    }

    /// The parts of a weight in the order its kernel wants.
    ///
    /// - Throws: `FormatError` `.unsupported` for a form that the kernel does not take.
    private static func laidOut(
        _ weight: Weight
    ) throws(FormatError) -> (Stored.Layout, (levels: Tensor, scales: Tensor, zeroPoints: Tensor?)) {
        let form = weight.representation as? GroupedIntegers
        let hasFloatScales = form?.scales.type == .float32
        switch weight.execution {
        case .rows:
            guard let form, hasFloatScales, let layout = TableLayout(form) else {
                throw unsupported(
                    weight.name,
                    "kernels take tables of 4- or 8-bit levels in blocks of 16 or more, with float32 scales.")
            }
            return (.rows(layout), layout.tensors(of: form))
        case .blocks, .roundedBlocks:
            guard let form, hasFloatScales, let layout = BlockLayout(form) else {
                throw unsupported(
                    weight.name,
                    "kernels take matrices of 4- or 8-bit levels in blocks of 16 to 256, with float32 scales.")
            }
            return (.blocks(layout, isRounded: weight.execution == .roundedBlocks), layout.tensors(of: form))
        case .dynamic, .folded, .integer:
            guard let form, let layout = DynamicLayout(form) else {
                throw unsupported(
                    weight.name, "kernels take 8-bit levels without zero points, with a scale for each output channel.")
            }
            return (.dynamic(layout), (layout.levels, layout.scales, layout.zeroPoints))
        }
    }

    func misread(_ node: Node, _ visible: [String: Stored]) -> FormatError {
        let name = node.inputs.first { visible[$0] != nil } ?? node.label
        return KernelLowering.unsupported(name, "\(node.label) has no kernel that takes it as it is stored.")
    }

    static func unsupported(_ name: String, _ problem: String) -> FormatError {
        FormatError(
            code: .unsupported, subject: name, problem: problem,
            remedy: "Keep this weight as it is, or fold it to floats at load (quantize.weights).")
    }
}
