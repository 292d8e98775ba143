import PithTensor

/// The grids of some rows of a weight, one for each block of columns.
struct GridTable: Sendable {
    let rows: Int
    let columns: Int
    let blockSize: Int
    let format: LevelFormat
    /// `rows * blocks` grids.
    private(set) var grids: [LevelGrid] = []

    /// Fits grids to `rows` of `targets`, a weight with `columns`.
    init(
        targets: [Float], columns: Int, rows: Range<Int>, blockSize: Int, importance: [Float], fitter: LevelGridFitter
    ) {
        self.rows = rows.count
        self.columns = columns
        self.blockSize = blockSize
        format = fitter.format
        let numbers = targets.span, importances = importance.span
        for row in rows {
            for start in stride(from: 0, to: columns, by: blockSize) {
                let end = min(start + blockSize, columns)
                grids.append(
                    fitter.grid(
                        for: numbers.extracting(row * columns + start..<row * columns + end),
                        importance: importances.extracting(start..<end)))
            }
        }
    }

    /// Gives rows of one block each a scale at which rounding to nearest lets no pair overflow.
    mutating func widen(for pairs: ProductPairs, targets: [Float], firstRow: Int) {
        precondition(blockSize == columns, "A pair has one scale.")
        for row in 0..<rows {
            let least = pairs.smallestScale(of: targets.span, from: (firstRow + row) * columns)
            guard least > grids[row].scale else { continue }
            grids[row] = LevelGrid(scale: least, zeroPoint: grids[row].zeroPoint, format: format)
        }
    }

    /// Blocks of a row.
    var blocks: Int { (columns + blockSize - 1) / blockSize }

    /// The grid of a block.
    subscript(row: Int, block: Int) -> LevelGrid {
        get { grids[row * blocks + block] }
        set { grids[row * blocks + block] = newValue }
    }

    /// The nearest codes of the rows `values`.
    func rounded(_ values: [Float]) -> RoundedWeights {
        var codes = [UInt8](repeating: 0, count: rows * columns)
        for row in 0..<rows {
            for column in 0..<columns {
                let index = row * columns + column
                codes[index] = self[row, column / blockSize].code(of: values[index])
            }
        }
        return joined(with: codes)
    }

    /// The grids with codes that belong to them.
    func joined(with codes: [UInt8]) -> RoundedWeights {
        RoundedWeights(
            rows: rows, columns: columns, blockSize: blockSize, format: format, codes: codes,
            scales: grids.map(\.scale), zeroPoints: grids.map(\.zeroPoint))
    }
}
