/// How the numbers of a weight become levels.
///
/// Rows are independent of each other: ``LayerRounding`` can be asked for parts of them, on several threads.
package struct WeightRounder: Hashable, Sendable {
    /// What is done about the errors.
    package enum Method: String, Hashable, Sendable, Codable, CaseIterable {
        /// Each target becomes the nearest level of its grid.
        case nearest
        /// Columns are rounded one by one, each error made up for by the columns still to come (GPTQ).
        case feedback
        /// The same, then levels and scales are improved in turns.
        case refined
    }

    package var method = Method.refined
    package var format = LevelFormat(bits: 4, isSymmetric: false)
    /// Columns that share a grid; nil for one grid a row.
    package var blockSize: Int?
    /// Columns whose symmetric levels of 8 bits an integer kernel must not overflow with; nil for none.
    package var pairs: ProductPairs?
    /// How grids are fitted; the diagonal of the curvature says which columns matter.
    package var criterion = LevelGridFitter.Criterion.squaredError
    /// Whether columns with large inputs are rounded first, while most of the others can still make up for them.
    package var ordersByActivation = true
    /// Turns of coordinate descent and scale fitting of `refined`.
    package var rounds = 3
    /// Sweeps of coordinate descent in a turn, at most.
    package var sweeps = 5
    /// Whether `refined` fits the scales anew.
    package var refitsScales = true

    /// The default: refined, four bits, zero points, one grid a row.
    package init() {}

    /// The levels of all rows.
    ///
    /// - Throws: What ``LayerRounding/init(_:_:)`` throws.
    package func round(_ problem: RoundingProblem) throws(CompressionError) -> RoundedWeights {
        try LayerRounding(self, problem).rounded(rows: 0..<problem.rows)
    }

    /// Rounds to nearest without data: each weight counts as much as its column's `importance`, all the same without one.
    ///
    /// - Throws: `CompressionError` `.unsupportedShape` or `.nonFiniteWeight`.
    package func roundToNearest(
        _ weights: [Float], rows: Int, columns: Int, importance: [Float]? = nil, named name: String
    ) throws(CompressionError) -> RoundedWeights {
        try RoundingProblem.check(name, weights, rows, columns)
        let size = try checkedBlockSize(columns: columns, named: name)
        let importance = importance ?? [Float](repeating: 1, count: columns)
        precondition(importance.count == columns, "Each column has an importance.")
        let grids = GridTable(
            targets: weights, columns: columns, rows: 0..<rows, blockSize: size, importance: importance,
            fitter: LevelGridFitter(format: format, criterion: criterion))
        return grids.rounded(weights)
    }

    /// The columns that share a grid, for a weight of `columns`.
    func checkedBlockSize(columns: Int, named name: String) throws(CompressionError) -> Int {
        let size = blockSize ?? columns
        guard size > 0 else {
            throw CompressionError(
                code: .invalidSetting, subject: name, problem: "A block of \(size) columns holds no weight.",
                remedy: "Use 32, or leave the size out for a grid for each output channel.")
        }
        return min(size, columns)
    }
}
