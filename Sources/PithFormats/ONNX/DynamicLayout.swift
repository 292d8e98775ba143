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
/// Levels are bytes with a sign around 0; of `DynamicQuantizeLSTM` also bytes without one around 128.
///
/// - Reference: ONNX specification, `MatMulInteger`; ONNX Runtime, contrib operators, `DynamicQuantizeLSTM`.
package struct DynamicLayout {
    package let levels: Tensor
    package let scales: Tensor
    /// Zero points, all the same, where the kernel wants them written out.
    package let zeroPoints: Tensor?
    private let isTransposed: Bool
    private let isRecurrent: Bool

    /// The layout of `form`; nil where no kernel takes its grouping.
    package init?(_ form: GroupedIntegers) {
        let isSigned = form.levels.type == .int8, zeros = form.zeroPoints?.integers()
        guard isSigned || form.levels.type == .uint8 && zeros != nil, form.scales.type == .float32,
            form.shape.count > 0, zeros?.allSatisfy({ $0 == (isSigned ? 0 : 128) }) ?? true
        else { return nil }
        let axes = form.shape.dimensions, rank = axes.count
        switch form.grouping {
        case .channel(axis: 1) where rank == 2: (isTransposed, isRecurrent) = (false, false)
        case .channel(axis: 0) where rank == 2: (isTransposed, isRecurrent) = (true, false)
        case .channel(axis: 1) where rank == 3 && axes[0] == 1: (isTransposed, isRecurrent) = (true, true)
        case .block(axis: 2, size: axes.last ?? 0) where rank == 3: (isTransposed, isRecurrent) = (true, true)
        default: return nil
        }
        guard isSigned || isRecurrent else { return nil }
        switch (isTransposed, isSigned) {
        case (false, _): levels = form.levels
        case (true, true): levels = DynamicLayout.swapped(form.levels, as: Int8.self)
        case (true, false): levels = DynamicLayout.swapped(form.levels, as: UInt8.self)
        }
        guard isRecurrent, let shape = try? Shape([axes[0], axes[1]]), let rows = try? form.scales.reshaped(to: shape)
        else {
            (scales, zeroPoints) = (form.scales, nil)
            return
        }
        let points =
            isSigned
            ? Tensor([Int8](repeating: 0, count: shape.count), shape: shape)
            : Tensor([UInt8](repeating: 128, count: shape.count), shape: shape)
        (scales, zeroPoints) = (rows, points)
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
    private static func swapped<Level: TensorElement & FixedWidthInteger>(_ levels: Tensor, as type: Level.Type)
        -> Tensor
    {
        let axes = levels.shape.dimensions, rank = axes.count
        let rows = axes[rank - 2], columns = axes[rank - 1], matrix = rows * columns
        let source = levels.elements(as: type)
        var result = [Level](repeating: 0, count: source.count)
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
