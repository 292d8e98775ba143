import PithTensor

/// The numbers of a weight in rows, each row in blocks that share a scale.
struct WeightBlocks {
    let values: [Float]
    let rows: Int
    let columns: Int
    /// Columns of a block; the last one of a row may be shorter.
    let blockSize: Int

    /// Takes rows of finite numbers.
    ///
    /// - Throws: `CompressionError` `.unsupportedShape` for a weight without elements, `.nonFiniteWeight`.
    init(
        _ values: [Float], rows: Int, columns: Int, blockSize: Int?, named name: String
    ) throws(CompressionError) {
        try RoundingProblem.check(name, values, rows, columns)
        self.values = values
        self.rows = rows
        self.columns = columns
        self.blockSize = min(blockSize ?? columns, columns)
    }

    /// Number of blocks in all.
    var count: Int { rows * blocksOfRow }

    private var blocksOfRow: Int { (columns + blockSize - 1) / blockSize }

    /// Where the numbers of a block lie.
    func range(_ block: Int) -> Range<Int> {
        let row = block / blocksOfRow, start = block % blocksOfRow * blockSize
        return row * columns + start..<row * columns + min(start + blockSize, columns)
    }

    /// Blocks that stand for all: one out of each of equally many, about 2^15 numbers together.
    ///
    /// Always the same for a layout, and without the period that the blocks of a row have.
    func sample() -> [Int] {
        let wanted = max(WeightBlocks.sampledNumbers / blockSize, 1)
        guard count > wanted else { return Array(0..<count) }
        var generator = SplitMix64(seed: 0)
        return (0..<wanted).map { part in
            let start = part * count / wanted, end = (part + 1) * count / wanted
            return start + Int(generator.next() % UInt64(end - start))
        }
    }

    private static let sampledNumbers = 1 << 15

    /// The energy that `table` explains in `blocks`, each under its best scale.
    func gain(_ table: LevelTable, _ fitter: BlockScaleFitter, over blocks: [Int]) -> Double {
        let numbers = values.span
        return blocks.reduce(0) { $0 + fitter.fit(numbers.extracting(range($1)), table).gain }
    }

    /// Every number as a code of `table`, every block with its best scale.
    ///
    /// With `keepsGain` the scales of each row are then multiplied by `sum(w²) / sum(w * rounded w)`.
    ///
    /// - Complexity: O(*k n*) for *n* numbers; see ``BlockScaleFitter``.
    func coded(by table: LevelTable, _ fitter: BlockScaleFitter, keepsGain: Bool) -> RoundedWeights {
        var codes = [UInt8](repeating: table.codeOfZero, count: values.count), scales: [Float] = []
        scales.reserveCapacity(count)
        let numbers = values.span
        for row in 0..<rows {
            var energy = 0.0, kept = 0.0
            for block in row * blocksOfRow..<(row + 1) * blocksOfRow {
                let range = range(block), part = numbers.extracting(range)
                let scale = fitter.fit(part, table).scale
                scales.append(scale)
                guard scale != 0 else { continue }
                Kernels.tableCodes(
                    part, thresholds: table.thresholds, scale: scale, into: &codes, at: range.lowerBound)
                guard keepsGain else { continue }
                for index in range {
                    energy += Double(values[index]) * Double(values[index])
                    kept += Double(values[index]) * Double(table.levels[Int(codes[index])] * scale)
                }
            }
            guard keepsGain, kept > 0 else { continue }
            let factor = Float(min(energy / kept, WeightBlocks.largestGain))
            for block in row * blocksOfRow..<(row + 1) * blocksOfRow where scales[block] != 0 {
                scales[block] = fitter.storable(scales[block] * factor)
            }
        }
        return RoundedWeights(
            rows: rows, columns: columns, blockSize: blockSize, format: fitter.format, codes: codes, scales: scales,
            zeroPoints: [Float](repeating: 0, count: scales.count))
    }

    /// A row that loses more than half of itself is not made up for.
    private static let largestGain = 2.0
}
