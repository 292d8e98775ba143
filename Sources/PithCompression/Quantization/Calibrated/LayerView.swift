import PithModel
import PithTensor

/// A layer's activations as rows: one for each place where its matrix is applied.
struct LayerView {
    private let layer: RoundingLayer
    private let matrix: LayerMatrix
    private let node: Node
    private let mask: TokenMask?

    init(_ layer: RoundingLayer, _ matrix: LayerMatrix, in graph: Graph, mask: TokenMask?) {
        self.mask = mask
        self.layer = layer
        self.matrix = matrix
        node = graph.nodes[layer.node]
    }

    /// Adds the moments of one batch.
    ///
    /// Of more than `limit` rows every second, third and so on counts. What is wanted of the layer is `wanted` less the `shortcut` that will be added to it. Batches whose values do not
    /// have the layer's shapes (a shortcut that is broadcast, say) are passed over.
    func add(
        input: Tensor, wanted: Tensor, less shortcut: Tensor?, atMost limit: Int, to moments: inout LayerMoments
    ) throws {
        guard input.type == .float32, wanted.type == .float32 else { return }
        var goal = wanted.elements(as: Float.self)
        if layer.shortcut != nil {
            guard let shortcut, shortcut.shape == wanted.shape, shortcut.type == .float32 else { return }
            shortcut.withElements(as: Float.self) { values in
                for index in goal.indices { goal[index] -= values[index] }
            }
        }
        if layer.isConvolution {
            try addPatches(input, goal, wanted.shape, limit, &moments)
        } else {
            try addVectors(input, goal, limit, &moments)
        }
    }

    private func addVectors(_ input: Tensor, _ goal: [Float], _ limit: Int, _ moments: inout LayerMoments) throws {
        guard input.shape.dimensions.last == matrix.columns,
            goal.count == input.count / matrix.columns * matrix.rows
        else { return }
        let all = input.elements(as: Float.self), tokens = mask?.chosen(all, width: matrix.columns) ?? all
        let goal = mask?.chosen(goal, width: matrix.rows) ?? goal, count = tokens.count / matrix.columns
        let step = LayerView.step(count, limit)
        func thinned(_ values: [Float], _ width: Int) -> [Float] {
            step == 1
                ? values : stride(from: 0, to: count, by: step).flatMap { values[$0 * width..<($0 + 1) * width] }
        }
        let rows = thinned(tokens, matrix.columns), outputs = thinned(goal, matrix.rows)
        try moments.inputs[0].add(rows: rows.span)
        try moments.outputs[0].add(outputs: outputs.span, inputs: rows.span)
    }

    private func addPatches(
        _ input: Tensor, _ goal: [Float], _ shape: Shape, _ limit: Int, _ moments: inout LayerMoments
    ) throws {
        let lengths = input.shape.dimensions, outputs = matrix.rows * matrix.groups
        guard lengths.count >= 3, shape.rank == lengths.count, shape.dimensions[1] == outputs else { return }
        let patches = try extractor(lengths), places = patches.positions
        guard goal.count == lengths[0] * outputs * places, patches.columns == matrix.columns else { return }
        let step = LayerView.step(lengths[0] * places, limit), size = input.count / lengths[0]
        var rows: [Float] = []
        for sample in 0..<lengths[0] {
            // Samples begin at different places, so that no place is always left out.
            let chosen = Array(stride(from: sample % step, to: places, by: step))
            for group in 0..<matrix.groups {
                input.withElements(as: Float.self) { values in
                    patches.extract(values.extracting(sample * size..<(sample + 1) * size), group: group, into: &rows)
                }
                let taken =
                    step == 1
                    ? rows : chosen.flatMap { rows[$0 * matrix.columns..<($0 + 1) * matrix.columns] }
                let first = (sample * outputs + group * matrix.rows) * places
                let wanted = chosen.flatMap { place in
                    (0..<matrix.rows).map { goal[first + $0 * places + place] }
                }
                try moments.inputs[group].add(rows: taken.span)
                try moments.outputs[group].add(outputs: wanted.span, inputs: taken.span)
            }
        }
    }

    private func extractor(_ lengths: [Int]) throws(CompressionError) -> PatchExtractor {
        let kernel = Array(matrix.shape.dimensions[2...]), ones = [Int](repeating: 1, count: kernel.count)
        let strides = node.integers("strides") ?? ones, dilations = node.integers("dilations") ?? ones
        let input = Array(lengths[2...])
        return try PatchExtractor(
            channels: lengths[1], input: input, kernel: kernel, strides: strides,
            pads: pads(input, kernel, strides, dilations), dilations: dilations, groups: matrix.groups,
            named: layer.weight)
    }

    /// Padding before each axis, then after each, as the node states it or `auto_pad` makes it.
    private func pads(_ input: [Int], _ kernel: [Int], _ strides: [Int], _ dilations: [Int]) -> [Int] {
        let none = [Int](repeating: 0, count: 2 * kernel.count), mode = node.string("auto_pad") ?? "NOTSET"
        guard mode == "SAME_UPPER" || mode == "SAME_LOWER", strides.count == kernel.count, input.count == kernel.count,
            dilations.count == kernel.count, strides.allSatisfy({ $0 > 0 })
        else { return mode == "VALID" ? none : node.integers("pads") ?? none }
        let totals = kernel.indices.map { axis in
            let places = (input[axis] + strides[axis] - 1) / strides[axis]
            return max((places - 1) * strides[axis] + (kernel[axis] - 1) * dilations[axis] + 1 - input[axis], 0)
        }
        let less = totals.map { $0 / 2 }, more = totals.map { $0 - $0 / 2 }
        return mode == "SAME_UPPER" ? less + more : more + less
    }

    /// Of `count` rows every so many are taken, so that at most about `limit` are; an odd number of steps does not fall in
    /// with the even lengths of images.
    static func step(_ count: Int, _ limit: Int) -> Int {
        let step = (count + limit - 1) / max(limit, 1)
        return step > 1 && step.isMultiple(of: 2) ? step + 1 : max(step, 1)
    }
}
