import PithModel

/// Names of the tensors that an integer kernel of a written file computes with in place of one weight.
struct KernelTensors: Hashable {
    var levels: String
    var scales: String
    /// Empty where the kernel takes zero for granted.
    var zeroPoints: String
    /// Whether the kernel is a recurrent one, whose levels have an axis of directions.
    var isRecurrent: Bool

    /// What the kernels in `file`, as it was written from `meant`, read in place of `weight`; nested graphs included.
    ///
    /// A kernel is known by its output: lowering keeps the names of values. Nothing is found for a reader whose place
    /// another operator has taken.
    static func readers(of weight: String, meant: Graph, file: Graph) -> [KernelTensors] {
        found(for: weight, meant, file) { KernelTensors(of: $0, input: $1, $2) }
            .reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }

    /// The kernels in `file` that decode blocks in place of `weight`, each matrix once.
    static func blockKernels(of weight: String, meant: Graph, file: Graph) -> [Node] {
        found(for: weight, meant, file) { node, index, producers -> Node? in
            let product = node.isStandard("Add") ? node.inputs.first.flatMap { producers[$0] } : node
            guard index == 1, let product, product.operation == "MatMulNBits" else { return nil }
            return product
        }
        .reduce(into: []) { kernels, node in
            if !kernels.contains(where: { $0.inputs.dropFirst() == node.inputs.dropFirst() }) { kernels.append(node) }
        }
    }

    /// The kernels in `file` that decode rows of the table `weight`, each table once.
    static func rowKernels(of weight: String, meant: Graph, file: Graph) -> [Node] {
        found(for: weight, meant, file) { node, index, _ -> Node? in
            index == 0 && node.operation == "GatherBlockQuantized" && node.inputs.count >= 3 ? node : nil
        }
        .reduce(into: []) { kernels, node in
            let isKnown = kernels.contains {
                $0.inputs[0] == node.inputs[0] && $0.inputs.dropFirst(2) == node.inputs.dropFirst(2)
            }
            if !isKnown { kernels.append(node) }
        }
    }

    /// What `look` makes of the nodes that stand in `file` where nodes of `meant` read `weight`.
    private static func found<Found>(
        for weight: String, _ meant: Graph, _ file: Graph,
        _ look: (_ kernel: Node, _ input: Int, _ producers: [String: Node]) -> Found?
    ) -> [Found] {
        var producers: [String: Node] = [:], found: [Found] = []
        for node in file.nodes { for output in node.outputs where !output.isEmpty { producers[output] = node } }
        for node in meant.nodes {
            guard let output = node.outputs.first(where: { !$0.isEmpty }), let kernel = producers[output] else {
                continue
            }
            for (index, input) in node.inputs.enumerated() where input == weight {
                if let thing = look(kernel, index, producers) { found.append(thing) }
            }
            for (nested, theirs) in zip(node.nestedGraphs, kernel.nestedGraphs)
            where nested.capturedNames.contains(weight) {
                found += self.found(for: weight, nested, theirs, look)
            }
        }
        return found
    }

    private init?(of node: Node, input index: Int, _ producers: [String: Node]) {
        func source(_ node: Node?, _ input: Int) -> Node? {
            node.flatMap { $0.inputs.count > input ? producers[$0.inputs[input]] : nil }
        }
        if node.operation == "DynamicQuantizeLSTM", node.inputs.count == 12, index == 1 || index == 2 {
            levels = node.inputs[index]
            scales = node.inputs[4 + 2 * index + 2]
            zeroPoints = node.inputs[4 + 2 * index + 3]
            isRecurrent = true
            return
        }
        let product = node.isStandard("Add") ? source(node, 0) : node
        guard index == 1, let product, product.isStandard("Mul"), let scaling = source(product, 1),
            scaling.isStandard("Mul"), scaling.inputs.count == 2, let cast = source(product, 0),
            cast.isStandard("Cast"), let kernel = source(cast, 0), kernel.isStandard("MatMulInteger"),
            kernel.inputs.count >= 2
        else { return nil }
        levels = kernel.inputs[1]
        scales = scaling.inputs[1]
        zeroPoints = kernel.inputs.count > 3 ? kernel.inputs[3] : ""
        isRecurrent = false
    }
}
