package import PithModel
internal import PithTensor

/// The table that ONNX Runtime's `GatherBlockQuantized` decodes rows of.
///
/// | what | shape | holds |
/// | --- | --- | --- |
/// | levels | `uint8 [rows, columns * bits / 8]` | codes from 0 up, the first in the lowest bits |
/// | scales | `float32 [rows, blocks]` | weight per level |
/// | zero points | `uint8 [rows, blocks * bits / 8]` | codes that stand for zero, packed alike |
///
/// Without zero points the middle code, `2^(bits-1)`, stands for zero. A table with one scale for each row has one block,
/// longer than the row. Zero points that do not fill the bytes of a row are not taken: ONNX Runtime 1.23 and 1.24 read them in
/// the wrong places (1.31 does not).
///
/// - Reference: ONNX Runtime, contrib operators, `GatherBlockQuantized`; levels in `uint8` need 1.23.
package struct TableLayout: Equatable {
    package let rows: Int
    package let columns: Int
    package let bits: Int
    package let blockSize: Int

    /// Bits that the kernel takes in every release that takes `uint8`, and its shortest block.
    private static let widths: Set<Int> = [4, 8], shortestBlock = 16

    /// The layout of `form`; nil where the kernel does not take it.
    package init?(_ form: GroupedIntegers) {
        guard form.shape.rank == 2, form.shape.count > 0, TableLayout.widths.contains(form.levelBits) else {
            return nil
        }
        (rows, columns) = (form.shape.dimensions[0], form.shape.dimensions[1])
        bits = form.levelBits
        switch form.grouping {
        case .block(axis: 1, let size): blockSize = size
        case .channel(axis: 0): blockSize = TableLayout.wholeBlock(columns)
        default: return nil
        }
        guard blockSize >= TableLayout.shortestBlock, blockSize & (blockSize - 1) == 0, columns * bits % 8 == 0,
            !TableLayout.hasZeroPoints(form) || blocks * bits % 8 == 0
        else { return nil }
    }

    /// Whether zero points have to be written out.
    private static func hasZeroPoints(_ form: GroupedIntegers) -> Bool {
        form.zeroPoints != nil || form.levels.type.integerRange?.lowerBound == 0
    }

    /// Blocks of each row.
    package var blocks: Int { (columns + blockSize - 1) / blockSize }

    /// Whether `node` takes rows out of its first input.
    package func fits(_ node: Node) -> Bool {
        node.isStandard("Gather") && node.integer("axis", default: 0) == 0 && node.inputs.count == 2
            && node.inputs[0] != node.inputs[1]
    }

    /// The smallest power of two that a block can be and that holds a row.
    private static func wholeBlock(_ columns: Int) -> Int {
        var size = shortestBlock
        while size < columns { size *= 2 }
        return size
    }

    /// The tensors of `form`, which has this layout and `float32` scales.
    ///
    /// - Complexity: O(*n*) time and memory.
    func tensors(of form: GroupedIntegers) -> (levels: Tensor, scales: Tensor, zeroPoints: Tensor?) {
        let codes = form.codes()
        let levels = CodeBytes.packed(rows: rows, columns: columns, bits: bits) { codes.levels[$0 * columns + $1] }
        let zeros = codes.zeroPoints ?? []
        var zeroPoints: Tensor?
        if !zeros.isEmpty {
            zeroPoints = CodeBytes.packed(rows: rows, columns: blocks, bits: bits) { zeros[$0 * blocks + $1] }
        } else if codes.offset != 1 << (bits - 1) {
            zeroPoints = CodeBytes.packed(rows: rows, columns: blocks, bits: bits) { _, _ in codes.offset }
        }
        return (levels, CodeBytes.tensor(form.scales.elements(as: Float.self), [rows, blocks]), zeroPoints)
    }
}
