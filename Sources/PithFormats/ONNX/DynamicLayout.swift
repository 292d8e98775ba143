package import PithModel
package import PithTensor

/// The order of levels and scales that kernels with run-time rounding of activations want.
///
/// | weight | kernel | levels | scales |
/// | --- | --- | --- | --- |
/// | `[in, out]`, a scale for each column | `MatMulInteger` | as they are | `[out]` |
/// | `[out, in]`, a scale for each row (`Gemm` with `transB`) | `MatMulInteger` | transposed | `[out]` |
/// | `[directions, 4 * units, in]`, a scale for each row of each direction | `DynamicQuantizeLSTM` | `[directions, in, 4 * units]` | `[directions, 4 * units]` |
///
/// - Reference: ONNX specification, `MatMulInteger`; ONNX Runtime, contrib operators, `DynamicQuantizeLSTM`.
package struct DynamicLayout {
    package let levels: Tensor
    package let scales: Tensor
    /// Zero points, all 0, where the kernel wants them written out.
    package let zeroPoints: Tensor?
    private let isTransposed: Bool
    private let isRecurrent: Bool

    /// The layout of `form`; nil where no kernel takes its grouping.
    package init?(_ form: GroupedIntegers) {
        let zeros = form.zeroPoints?.elements(as: Int8.self) ?? []
        guard form.levels.type == .int8, form.scales.type == .float32, form.shape.count > 0,
            zeros.allSatisfy({ $0 == 0 })
        else { return nil }
        let axes = form.shape.dimensions, rank = axes.count
        switch form.grouping {
        case .channel(axis: 1) where rank == 2: (isTransposed, isRecurrent) = (false, false)
        case .channel(axis: 0) where rank == 2: (isTransposed, isRecurrent) = (true, false)
        case .channel(axis: 1) where rank == 3 && axes[0] == 1: (isTransposed, isRecurrent) = (true, true)
        case .block(axis: 2, size: axes.last ?? 0) where rank == 3: (isTransposed, isRecurrent) = (true, true)
        default: return nil
        }
        levels = isTransposed ? DynamicLayout.swapped(form.levels) : form.levels
        guard isRecurrent, let shape = try? Shape([axes[0], axes[1]]), let rows = try? form.scales.reshaped(to: shape)
        else {
            (scales, zeroPoints) = (form.scales, nil)
            return
        }
        (scales, zeroPoints) = (rows, Tensor([Int8](repeating: 0, count: shape.count), shape: shape))
    }

    /// Whether `node` reads a weight in this layout as its kernel does.
    package func fits(_ node: Node) -> Bool {
        isRecurrent
            ? node.isStandard("LSTM") && node.integer("layout", default: 0) == 0
            : ProductKernel.takes(node, isTransposed: isTransposed)
    }

    /// The levels with their last two axes exchanged.
    ///
    /// - Complexity: O(*n*).
    private static func swapped(_ levels: Tensor) -> Tensor {
        let axes = levels.shape.dimensions, rank = axes.count
        let rows = axes[rank - 2], columns = axes[rank - 1], matrix = rows * columns
        let source = levels.elements(as: Int8.self)
        var result = [Int8](repeating: 0, count: source.count)
        for start in stride(from: 0, to: source.count, by: matrix) {
            for row in 0..<rows {
                for column in 0..<columns {
                    result[start + column * rows + row] = source[start + row * columns + column]
                }
            }
        }
        guard let shape = try? Shape(axes.dropLast(2) + [columns, rows]) else {
            preconditionFailure("The axes of a tensor, exchanged, make no shape.")
        }
        return Tensor(result, shape: shape)
    }
}
