import PithTensor

/// Sums of `x xᵀ` and of `x` over the inputs of a layer: all that weight rounding needs to know of its data.
///
/// Rows are summed 128 at a time in single precision, then in double. How the rows are cut into calls does not show in the
/// result; how they are cut into parts that are merged shows in the last bits only, so parts are to be the same in each run.
///
/// - Complexity: O(*n*²) memory whatever the number of rows (8 bytes for each pair); *n*² / 2 multiplications a row.
package struct SecondMoments: Sendable {
    /// Numbers in a row.
    package let dimension: Int
    /// Rows seen.
    package private(set) var count = 0
    private var sums: [Double]
    private var products = PanelProducts()
    private var waiting: RowPanels

    /// Nothing seen yet.
    package init(dimension: Int) {
        precondition(dimension > 0, "A layer has inputs.")
        self.dimension = dimension
        sums = [Double](repeating: 0, count: dimension)
        waiting = RowPanels(columns: dimension)
    }

    /// Adds rows that lie one after the other.
    ///
    /// - Throws: `CompressionError` `.invalidData` when a number is not finite, `.unsupportedShape` when the numbers do
    ///   not fill whole rows; nothing is added then.
    package mutating func add(rows: Span<Float>) throws(CompressionError) {
        try CompressionError.requireRows(rows, of: dimension)
        for start in stride(from: 0, to: rows.count, by: dimension) {
            let row = rows.extracting(start..<start + dimension)
            Kernels.addColumns(row, to: &sums)
            waiting.append(row)
            count += 1
            if waiting.isFull { flush() }
        }
    }

    /// Adds what another part of the data gave.
    package mutating func merge(_ other: SecondMoments) {
        precondition(other.dimension == dimension, "Moments of \(other.dimension) inputs do not fit \(dimension).")
        var other = other
        other.flush()
        flush()
        products.merge(other.products)
        for index in sums.indices { sums[index] += other.sums[index] }
        count += other.count
    }

    /// Mean of each input; zero before the first row.
    package var means: [Double] { sums.map { $0 / Double(max(count, 1)) } }

    /// The mean of `x xᵀ`, or with `isCentered` of `(x - mean) (x - mean)ᵀ`; zero before the first row.
    package func matrix(isCentered: Bool) -> SymmetricMatrix {
        var flushed = self
        flushed.flush()
        let padded = waiting.paddedColumns, rows = Double(max(count, 1)), means = means
        var elements = [Double](repeating: 0, count: dimension * dimension)
        for row in 0..<dimension where !flushed.products.isEmpty {
            for column in row..<dimension {
                var value = flushed.products.sums[row * padded + column] / rows
                if isCentered { value -= means[row] * means[column] }
                // What is left of a constant input may fall below zero.
                if row == column { value = max(value, 0) }
                elements[row * dimension + column] = value
                elements[column * dimension + row] = value
            }
        }
        return SymmetricMatrix(dimension: dimension, elements: elements)
    }

    private mutating func flush() {
        products.add(waiting, waiting, isSymmetric: true)
        waiting.clear()
    }
}

extension CompressionError {
    /// Refuses activations that do not fill rows of `dimension` numbers, or of which one is not finite.
    static func requireRows(_ rows: Span<Float>, of dimension: Int) throws(CompressionError) {
        guard rows.count.isMultiple(of: dimension) else {
            throw CompressionError(
                code: .unsupportedShape, subject: "activations",
                problem: "\(rows.count) numbers do not fill rows of \(dimension).",
                remedy: "Give the inputs of one layer, the axis that its weights sum over last.")
        }
        let bad = Kernels.range(of: rows).nonFinite
        guard bad == 0 else {
            throw CompressionError(
                code: .invalidData, subject: "activations", problem: "\(bad) of their numbers are NaN or infinite.",
                remedy: "Leave the samples out that overflow, or repair the model.")
        }
    }
}
