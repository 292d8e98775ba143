internal import PithModel
internal import PithTensor

/// Recognizes weights that a graph decodes from smaller parts, from the operators that do it.
///
/// These are what `ONNXLowering` writes, and what other tools write for integer weights:
///
/// | operators | form |
/// | --- | --- |
/// | `DequantizeLinear` of weights | `grouped-integers` |
/// | `Cast`, (`Sub`,) `Mul`, (`Reshape`, (`Slice`)) | `grouped-integers`, of `packed-integers` behind `BitShift` |
/// | `Gather` of a table at integers, `Mul`, (`Reshape`, (`Slice`)) | `tabled-integers`, of `packed-integers` behind `BitShift` |
/// | `Gather` of rows and of their scales, `Cast`, `Mul` | `grouped-integers` |
/// | `MatMulInteger`, `Cast`, `Mul`; `DynamicQuantizeLSTM`; `QLinearConv`, `QLinearMatMul` | `grouped-integers` |
/// | `MatMulNBits`, `GatherBlockQuantized` of 4 or 8 bits, zero points in whole bytes a row | `grouped-integers` of `packed-integers` |
/// | `Cast` of 16-bit floats | `half-floats` |
/// | `Gather` of a list at bytes of a weight | `codebook` |
/// | a sparse initializer | `sparse-values` |
///
/// A weight is named after the value that is made; one that no operator makes as a whole after its levels, without the
/// ending `_q` or `_quantized`.
struct StoredFormFinder {
    private let graph: Graph
    private let parts: FormParts
    private let taken: Set<String>

    /// Looks at `graph` alone; `place` tells where the numbers of a dense weight are.
    init(_ graph: Graph, place: @escaping (Weight) -> StoredForm.Source?) {
        self.graph = graph
        parts = FormParts(graph, place: place)
        taken = Set(graph.weights.names).union(graph.nodes.flatMap(\.outputs))
    }

    /// The forms in the order of the nodes that decode them; sparse weights come first.
    ///
    /// - Complexity: O(nodes + weights).
    var forms: [NamedForm] {
        var found: [NamedForm] = [], made: [String: StoredForm] = [:], isOuter: Set<String> = []
        for weight in graph.weights {
            if let form = sparse(weight) { found.append(NamedForm(name: weight.name, form: form)) }
        }
        for node in graph.nodes {
            if let output = node.outputs.first, let form = whole(node) { made[output] = form }
        }
        // What a node reads that is no step of a decoding is a weight in itself.
        let steps = parts.steps(to: made.keys)
        for node in graph.nodes where !node.outputs.contains(where: { steps.contains($0) || made[$0] != nil }) {
            isOuter.formUnion(node.readNames)
        }
        isOuter.formUnion(graph.outputs.map(\.name))
        for node in graph.nodes {
            if let output = node.outputs.first, let form = made[output] {
                if isOuter.contains(output) { found.append(NamedForm(name: output, form: form)) }
            } else {
                found += inKernel(node)
            }
        }
        return found
    }

    private func sparse(_ weight: Weight) -> StoredForm? {
        guard let form = weight.representation as? SparseValues,
            let values = parts.source(Weight(weight.name, form.values)),
            let indices = parts.source(Weight(ONNXLocator.indicesName(of: weight.name), form.indices))
        else { return nil }
        return StoredForm(
            kind: SparseValues.kind, type: form.type, shape: form.shape,
            parts: [(StoredForm.Role.values, values), (StoredForm.Role.indices, indices)])
    }

    // MARK: Weights that a node makes

    /// The form of what `node` makes, if that is a weight.
    private func whole(_ node: Node) -> StoredForm? {
        guard node.domain.isEmpty else { return nil }
        switch node.operation {
        case "DequantizeLinear": return dequantized(node)
        case "Cast": return halves(node)
        case "Gather": return palette(node)
        case "Mul", "Reshape", "Slice": return FoldedForm(node, parts)?.form
        default: return nil
        }
    }

    private func halves(_ node: Node) -> StoredForm? {
        guard let numbers = parts.tensor(node.inputs.first), numbers.type == .float16 || numbers.type == .bfloat16,
            parts.isCastToFloat(node), let source = parts.source(named: node.inputs[0])
        else { return nil }
        return StoredForm(
            kind: HalfFloats.kind, type: .float32, shape: numbers.shape,
            parts: [(StoredForm.Role.numbers, source)])
    }

    private func palette(_ node: Node) -> StoredForm? {
        guard node.inputs.count == 2, node.integer("axis", default: 0) == 0,
            let values = parts.tensor(node.inputs[0]), values.type == .float32, values.shape.rank == 1,
            values.count <= 256
        else { return nil }
        var name = node.inputs[1]
        if let cast = parts.maker(of: name, "Cast"), let inner = cast.inputs.first { name = inner }
        guard let indices = parts.tensor(name), indices.type == .uint8, let places = parts.source(named: name),
            let list = parts.source(named: node.inputs[0])
        else { return nil }
        return StoredForm(
            kind: Codebook.kind, type: .float32, shape: indices.shape,
            parts: [(StoredForm.Role.indices, places), (StoredForm.Role.values, list)])
    }

    private func dequantized(_ node: Node) -> StoredForm? {
        guard node.inputs.count >= 2, let levels = parts.tensor(node.inputs[0]),
            let scales = parts.tensor(node.inputs[1])
        else { return nil }
        let block = node.integer("block_size", default: 0)
        let axis = levels.shape.resolved(axis: node.integer("axis", default: 1))
        return parts.grouped(
            node.inputs[0], node.inputs[1], zeros: node.inputs.count > 2 ? node.inputs[2] : "",
            grouping: FormParts.grouping(scales, of: levels.shape, axis: axis, block: block))
    }

    // MARK: Weights that kernels take as they are stored

    private func inKernel(_ node: Node) -> [NamedForm] {
        switch (node.domain, node.operation) {
        case ("", "Mul"): [table(node), product(node)].compactMap { $0 }
        case ("", "QLinearConv"): [kernelWeight(node, 3, axis: 0)].compactMap { $0 }
        case ("", "QLinearMatMul"): [kernelWeight(node, 3, axis: -1)].compactMap { $0 }
        case (KernelLowering.runtimeDomain, "MatMulNBits"): [blocks(node)].compactMap { $0 }
        case (KernelLowering.runtimeDomain, "GatherBlockQuantized"): [rows(node)].compactMap { $0 }
        case (KernelLowering.runtimeDomain, "DynamicQuantizeLSTM"):
            [recurrent(node, 1, 8), recurrent(node, 2, 10)].compactMap { $0 }
        default: []
        }
    }

    /// Rows of a table: `Mul(Cast(Gather(levels, i)), Gather(scales, i))`, the scales behind a `Cast` where they are half floats.
    private func table(_ node: Node) -> NamedForm? {
        guard node.inputs.count == 2, let cast = parts.maker(of: node.inputs[0], "Cast"), parts.isCastToFloat(cast),
            let rows = parts.maker(of: cast.inputs[0], "Gather"),
            let factors = parts.maker(of: parts.beforeCast(node.inputs[1]), "Gather"), rows.inputs.count == 2,
            factors.inputs.count == 2,
            rows.inputs[1] == factors.inputs[1], rows.integer("axis", default: 0) == 0,
            factors.integer("axis", default: 0) == 0
        else { return nil }
        return named(
            rows.inputs[0], parts.grouped(rows.inputs[0], factors.inputs[0], grouping: .channel(axis: 0)))
    }

    /// `Mul(Cast(MatMulInteger(x, levels)), Mul(scale of x, scales))`.
    private func product(_ node: Node) -> NamedForm? {
        guard node.inputs.count == 2, let cast = parts.maker(of: node.inputs[0], "Cast"),
            let product = parts.maker(of: cast.inputs.first ?? "", "MatMulInteger"), product.inputs.count >= 2,
            let factors = parts.maker(of: node.inputs[1], "Mul"), factors.inputs.count == 2,
            let scale = factors.inputs.first(where: { parts.tensor($0) != nil }), let scales = parts.tensor(scale),
            let levels = parts.tensor(product.inputs[1])
        else { return nil }
        return named(
            product.inputs[1],
            parts.grouped(
                product.inputs[1], scale, zeros: product.inputs.count > 3 ? product.inputs[3] : "",
                grouping: FormParts.grouping(scales, of: levels.shape, axis: levels.shape.rank - 1, block: 0)))
    }

    /// Levels of input `first` of a kernel, with scales and zero points behind them.
    private func kernelWeight(_ node: Node, _ first: Int, axis: Int) -> NamedForm? {
        guard node.inputs.count > first + 2, let levels = parts.tensor(node.inputs[first]),
            let scales = parts.tensor(node.inputs[first + 1])
        else { return nil }
        let grouping = FormParts.grouping(scales, of: levels.shape, axis: levels.shape.resolved(axis: axis), block: 0)
        return named(
            node.inputs[first],
            parts.grouped(
                node.inputs[first], node.inputs[first + 1], zeros: node.inputs[first + 2], grouping: grouping))
    }

    /// `[out, in]` in blocks along the inputs, several levels a byte; `BlockLayout` has the order.
    private func blocks(_ node: Node) -> NamedForm? {
        let bits = node.integer("bits", default: 4), size = node.integer("block_size", default: 0)
        let inputs = node.integer("K", default: 0), outputs = node.integer("N", default: 0)
        guard node.inputs.count >= 3, bits == 4 || bits == 8, (1...1 << 20).contains(size),
            (1...FormParts.longestAxis).contains(inputs), let shape = try? Shape([outputs, inputs])
        else { return nil }
        let count = (inputs + size - 1) / size
        guard node.inputs.dropFirst(4).allSatisfy(\.isEmpty), let padded = try? Shape([outputs, count * size])
        else { return nil }
        return packedBlocks(node, levels: node.inputs[1], bits: bits, size: size, of: shape, padded: padded)
    }

    /// `[rows, columns]` in blocks along the columns, several levels a byte; `TableLayout` has the order.
    private func rows(_ node: Node) -> NamedForm? {
        let bits = node.integer("bits", default: 4), size = node.integer("block_size", default: 128)
        guard node.inputs.count >= 3, bits == 4 || bits == 8, (1...1 << 20).contains(size),
            node.integer("gather_axis", default: 0) == 0, let bytes = parts.tensor(node.inputs[0]),
            bytes.shape.rank == 2, node.integer("quantize_axis", default: 1) == 1,
            (1...FormParts.longestAxis).contains(bytes.shape.dimensions[1]),
            let shape = try? Shape([bytes.shape.dimensions[0], bytes.shape.dimensions[1] * (8 / bits)])
        else { return nil }
        // A block of the kernel may be longer than a row.
        let block = min(size, shape.dimensions[1])
        return packedBlocks(node, levels: node.inputs[0], bits: bits, size: block, of: shape, padded: shape)
    }

    /// Levels in blocks along the second axis of `shape`, filled up to `padded`; scales are the third input of `node`, zero
    /// points the fourth.
    private func packedBlocks(
        _ node: Node, levels: String, bits: Int, size: Int, of shape: Shape, padded: Shape
    ) -> NamedForm? {
        let zeros = node.inputs.count > 3 ? node.inputs[3] : ""
        let offset = zeros.isEmpty ? 1 << (bits - 1) : 0, columns = shape.dimensions[1]
        guard let groups = try? Shape([shape.dimensions[0], (columns + size - 1) / size]),
            let packed = parts.packed(levels, bits: bits, offset: offset, shape: padded)
        else { return nil }
        let zeroPoints = zeros.isEmpty ? nil : parts.packed(zeros, bits: bits, offset: 0, shape: groups)
        return named(
            levels,
            parts.grouped(
                (.form(packed), packed.type), of: shape, bits: bits, scales: node.inputs[2],
                zeros: zeroPoints.map { (.form($0), groups.count) }, grouping: .block(axis: 1, size: size),
                isPadded: padded != shape, hasZeros: !zeros.isEmpty))
    }

    /// `[directions, in, 4 * units]` with a scale for each direction and column.
    private func recurrent(_ node: Node, _ input: Int, _ scale: Int) -> NamedForm? {
        guard node.inputs.count > scale + 1, let levels = parts.tensor(node.inputs[input]), levels.shape.rank == 3
        else { return nil }
        return named(
            node.inputs[input],
            parts.grouped(
                node.inputs[input], node.inputs[scale], zeros: node.inputs[scale + 1],
                grouping: .block(axis: 1, size: levels.shape.dimensions[1])))
    }

    private func named(_ levels: String, _ form: StoredForm?) -> NamedForm? {
        guard let form else { return nil }
        let ending = ["_quantized", "_q"].first { levels.hasSuffix($0) && levels.count > $0.count }
        let stem = ending.map { String(levels.dropLast($0.count)) } ?? levels + ".dense"
        return NamedForm(name: taken.contains(stem) ? levels + ".dense" : stem, form: form)
    }
}
