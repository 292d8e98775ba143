internal import PithTensor

/// Codes of a matrix in bytes: several to a byte, the first in the lowest bits, each row from a byte of its own.
enum CodeBytes {
    /// The bytes `[rows, ceil(columns * bits / 8)]` of what `code` says of each row and column; `bits` divides 8.
    ///
    /// - Complexity: O(rows * columns).
    static func packed(rows: Int, columns: Int, bits: Int, _ code: (_ row: Int, _ column: Int) -> Int) -> Tensor {
        let perByte = 8 / bits, width = (columns + perByte - 1) / perByte
        var bytes = [UInt8](repeating: 0, count: rows * width)
        for row in 0..<rows {
            for column in 0..<columns {
                bytes[row * width + column / perByte] |=
                    UInt8(truncatingIfNeeded: code(row, column)) << UInt8(column % perByte * bits)
            }
        }
        return tensor(bytes, [rows, width])
    }

    static func tensor<Element: TensorElement>(_ values: [Element], _ dimensions: [Int]) -> Tensor {
        guard let shape = try? Shape(dimensions) else { preconditionFailure("The axes of a matrix make a shape.") }
        return Tensor(values, shape: shape)
    }
}
