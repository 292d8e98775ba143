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
        let codes = form.codes(), middle = 1 << (bits - 1)
        let perByte = 8 / bits, rowBytes = blocks * blockSize / perByte
        var levels = [UInt8](repeating: 0, count: outputs * rowBytes)
        for output in 0..<outputs {
            for input in 0..<inputs {
                let code = codes.levels[isTransposed ? output * inputs + input : input * outputs + output]
                levels[output * rowBytes + input / perByte] |= UInt8(code) << UInt8(input % perByte * bits)
            }
        }
        var zeroPoints: Tensor?
        if let zeros = codes.zeroPoints {
            zeroPoints = packed(ordered(zeros))
        } else if codes.offset != middle {
            zeroPoints = packed([Int](repeating: codes.offset, count: outputs * blocks))
        }
        let scales = form.scales.elements(as: Float.self)
        return (
            BlockLayout.tensor(levels, [outputs, blocks, blockSize / perByte]),
            BlockLayout.tensor(ordered(scales), [outputs, blocks]), zeroPoints
        )
    }

    /// One value for each group, in the kernel's order: all blocks of an output together.
    private func ordered<Value>(_ values: [Value]) -> [Value] {
        guard !isTransposed else { return values }
        return (0..<outputs * blocks).map { values[$0 % blocks * outputs + $0 / blocks] }
    }

    /// Codes of the blocks of each output in bytes of their own.
    private func packed(_ codes: [Int]) -> Tensor {
        let perByte = 8 / bits, bytes = (blocks + perByte - 1) / perByte
        var result = [UInt8](repeating: 0, count: outputs * bytes)
        for (index, code) in codes.enumerated() {
            let (output, block) = (index / blocks, index % blocks)
            result[output * bytes + block / perByte] |= UInt8(code) << UInt8(block % perByte * bits)
        }
        return BlockLayout.tensor(result, [outputs, bytes])
    }

    private static func tensor<Element: TensorElement>(_ values: [Element], _ dimensions: [Int]) -> Tensor {
        guard let shape = try? Shape(dimensions) else { preconditionFailure("The axes of a matrix make a shape.") }
        return Tensor(values, shape: shape)
    }
}
