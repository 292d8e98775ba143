import PithTensor

/// The lower triangular `L` with `L Lᵀ = A`, for a positive definite `A`.
///
/// - Complexity: O(*n*³ / 6) multiplications to create, O(*n*²) for each solution; *n*² doubles of memory.
/// - Reference: Golub and Van Loan, "Matrix Computations", 4th edition, section 4.2.
package struct CholeskyFactor: Hashable, Sendable {
    /// Rows, and columns.
    package let dimension: Int
    /// Row-major; the upper triangle is zero.
    package let elements: [Double]

    /// Factors `matrix`; nil when it is not positive definite in double precision.
    package init?(_ matrix: SymmetricMatrix) {
        var elements = matrix.elements
        guard Kernels.cholesky(&elements, dimension: matrix.dimension) == nil else { return nil }
        dimension = matrix.dimension
        for row in 0..<dimension {
            for column in row + 1..<max(dimension, row + 1) { elements[row * dimension + column] = 0 }
        }
        self.elements = elements
    }

    /// The rows `x` with `x A = b`, for each of the rows of `dimension` elements in `rows`.
    package func solvingRows(_ rows: [Double]) -> [Double] {
        precondition(rows.count.isMultiple(of: max(dimension, 1)), "Rows have \(dimension) elements.")
        guard dimension > 0 else { return rows }
        var result = rows
        let lanes = LaneLayout.lanes, count = rows.count / dimension
        var panel = [Double](repeating: 0, count: dimension * lanes)
        for first in stride(from: 0, to: count, by: lanes) {
            let width = min(lanes, count - first)
            for lane in 0..<lanes {
                for column in 0..<dimension {
                    panel[column * lanes + lane] = lane < width ? rows[(first + lane) * dimension + column] : 0
                }
            }
            Kernels.solve(factor: elements.span, dimension: dimension, isTransposed: false, lanes: &panel)
            Kernels.solve(factor: elements.span, dimension: dimension, isTransposed: true, lanes: &panel)
            for lane in 0..<width {
                for column in 0..<dimension {
                    result[(first + lane) * dimension + column] = panel[column * lanes + lane]
                }
            }
        }
        return result
    }

    /// The inverse of `A`.
    package func inverse() -> SymmetricMatrix {
        var identity = [Double](repeating: 0, count: dimension * dimension)
        for index in 0..<dimension { identity[index * dimension + index] = 1 }
        var solved = solvingRows(identity)
        for row in 0..<dimension {
            for column in 0..<row {
                // Rounding leaves the two triangles apart in the last bits.
                let mean = (solved[row * dimension + column] + solved[column * dimension + row]) / 2
                solved[row * dimension + column] = mean
                solved[column * dimension + row] = mean
            }
        }
        return SymmetricMatrix(dimension: dimension, elements: solved)
    }
}
