/// A weight as levels: codes, and a grid for each run of `blockSize` columns of each row.
package struct RoundedWeights: Hashable, Sendable {
    /// Output channels.
    package let rows: Int
    /// Inputs of each.
    package let columns: Int
    /// Columns that share a grid; the last block of a row may be shorter.
    package let blockSize: Int
    package let format: LevelFormat
    /// `rows * columns` codes of `0 ... 2^bits - 1`, row after row.
    package let codes: [UInt8]
    /// `rows * blocks` scales.
    package let scales: [Float]
    /// `rows * blocks` zero points in levels; fractions when the format has steps.
    package let zeroPoints: [Float]

    /// Joins codes and grids.
    package init(
        rows: Int, columns: Int, blockSize: Int, format: LevelFormat, codes: [UInt8], scales: [Float],
        zeroPoints: [Float]
    ) {
        let blocks = (columns + blockSize - 1) / blockSize
        precondition(codes.count == rows * columns, "Each weight has a code.")
        precondition(scales.count == rows * blocks && zeroPoints.count == scales.count, "Each block has a grid.")
        self.rows = rows
        self.columns = columns
        self.blockSize = blockSize
        self.format = format
        self.codes = codes
        self.scales = scales
        self.zeroPoints = zeroPoints
    }

    /// Parts of one weight, first rows first, put together.
    package init(joining parts: [RoundedWeights]) {
        guard let first = parts.first else { preconditionFailure("A weight has at least one part.") }
        precondition(
            parts.allSatisfy {
                $0.columns == first.columns && $0.blockSize == first.blockSize && $0.format == first.format
            }, "Parts of one weight have the same columns, blocks and levels.")
        self.init(
            rows: parts.reduce(0) { $0 + $1.rows }, columns: first.columns, blockSize: first.blockSize,
            format: first.format, codes: parts.flatMap(\.codes), scales: parts.flatMap(\.scales),
            zeroPoints: parts.flatMap(\.zeroPoints))
    }

    /// The same levels with what is too much taken from pairs, which have symmetric levels of 8 bits; others are as they are.
    func limited(to pairs: ProductPairs) -> RoundedWeights {
        guard format.isSymmetric, format.bits == 8 else { return self }
        var levels = codes.map { Int8(bitPattern: $0 ^ 0x80) }, changed = 0
        for row in 0..<rows { changed += pairs.limit(&levels, from: row * columns) }
        guard changed > 0 else { return self }
        return RoundedWeights(
            rows: rows, columns: columns, blockSize: blockSize, format: format,
            codes: levels.map { UInt8(bitPattern: $0) ^ 0x80 }, scales: scales, zeroPoints: zeroPoints)
    }

    /// Blocks of a row.
    package var blocks: Int { (columns + blockSize - 1) / blockSize }

    /// The numbers that the codes stand for, row after row.
    ///
    /// `(code - zeroPoint)` is exact, so each number is rounded once, as `DequantizeLinear` and `Cast`, `Sub`, `Mul` do it.
    package func values() -> [Float] {
        var result = [Float](repeating: 0, count: codes.count)
        for row in 0..<rows {
            for block in 0..<blocks {
                let scale = scales[row * blocks + block], zero = zeroPoints[row * blocks + block]
                for column in block * blockSize..<min((block + 1) * blockSize, columns) {
                    result[row * columns + column] = (Float(codes[row * columns + column]) - zero) * scale
                }
            }
        }
        return result
    }

    /// Bits that a weight takes: its code, and its part of the grids.
    package var bitsPerWeight: Double {
        Double(format.bits) + Double(format.groupBits * scales.count) / Double(max(codes.count, 1))
    }
}
