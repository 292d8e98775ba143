package import PithModel
internal import PithTensor

/// The matrix that ONNX Runtime's `MatMulNBits` makes of levels in blocks along the axis a product sums over.
///
/// | what | shape | holds |
/// | --- | --- | --- |
/// | levels | `uint8 [out, blocks, blockSize * bits / 8]` | codes from 0 up, the first in the lowest bits |
/// | scales | `float32 [out, blocks]` | weight per level |
/// | zero points | `uint8 [out, bytes]` | codes that stand for zero, packed alike |
///
/// Scales are constants and no half floats that are cast: ONNX Runtime (1.31 too) answers with zeros where activations are rounded and
/// the scales are computed, as they are with its optimizations off.
///
/// Without zero points the middle code, `2^(bits-1)`, stands for zero. The last block of a row is filled up with zeros.
///
/// - Reference: ONNX Runtime, contrib operators, `MatMulNBits`.
package struct BlockLayout: Equatable {
    /// Axis lengths of the matrix.
    package let inputs: Int
    package let outputs: Int
    package let bits: Int
    package let blockSize: Int
    /// Whether outputs lie along the first axis.
    package let isTransposed: Bool

    /// Bits and block sizes that the kernel takes.
    private static let widths: Set<Int> = [4, 8], blockSizes: Set<Int> = [16, 32, 64, 128, 256]

    /// The layout of `form`; nil where the kernel does not take it.
    package init?(_ form: GroupedIntegers) {
        guard case .block(let axis, let size) = form.grouping, form.shape.rank == 2, form.shape.count > 0,
            BlockLayout.widths.contains(form.levelBits), BlockLayout.blockSizes.contains(size)
        else { return nil }
        (inputs, outputs) = (form.shape.dimensions[axis], form.shape.dimensions[1 - axis])
        (bits, blockSize, isTransposed) = (form.levelBits, size, axis == 1)
    }

    /// Blocks of each output.
    package var blocks: Int { (inputs + blockSize - 1) / blockSize }

    /// Whether `node` reads a weight in this layout as the kernel does.
    package func fits(_ node: Node) -> Bool { ProductKernel.takes(node, isTransposed: isTransposed) }

    /// The tensors of `form`, which has this layout and `float32` scales.
    ///
    /// - Complexity: O(*n*) time and memory.
    func tensors(of form: GroupedIntegers) -> (levels: Tensor, scales: Tensor, zeroPoints: Tensor?) {
        let codes = form.codes(), middle = 1 << (bits - 1), blocks = blocks
        // The last block is filled up with codes of 0.
        let levels = CodeBytes.packed(rows: outputs, columns: blocks * blockSize, bits: bits) { output, input in
            guard input < inputs else { return 0 }
            return codes.levels[isTransposed ? output * inputs + input : input * outputs + output]
        }
        var zeroPoints: Tensor?
        if let zeros = codes.zeroPoints.map(ordered) {
            zeroPoints = CodeBytes.packed(rows: outputs, columns: blocks, bits: bits) { zeros[$0 * blocks + $1] }
        } else if codes.offset != middle {
            zeroPoints = CodeBytes.packed(rows: outputs, columns: blocks, bits: bits) { _, _ in codes.offset }
        }
        guard let shape = try? Shape([outputs, blocks, blockSize * bits / 8]),
            let shaped = try? levels.reshaped(to: shape)
        else { preconditionFailure("Levels in whole blocks fill \(outputs) rows of \(blocks) blocks.") }
        return (
            shaped, CodeBytes.tensor(ordered(form.scales.elements(as: Float.self)), [outputs, blocks]), zeroPoints
        )
    }

    /// One value for each group, in the kernel's order: all blocks of an output together.
    private func ordered<Value>(_ values: [Value]) -> [Value] {
        guard !isTransposed else { return values }
        return (0..<outputs * blocks).map { values[$0 % blocks * outputs + $0 / blocks] }
    }
}
