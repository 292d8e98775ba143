/// A symmetric matrix of doubles, both triangles stored, row after row.
package struct SymmetricMatrix: Hashable, Sendable {
    /// Rows, and columns.
    package let dimension: Int
    /// `dimension * dimension` elements, row-major.
    package private(set) var elements: [Double]

    /// Takes elements whose lower triangle mirrors the upper one.
    package init(dimension: Int, elements: [Double]) {
        precondition(
            elements.count == dimension * dimension, "\(elements.count) elements are no square of \(dimension).")
        self.dimension = dimension
        self.elements = elements
    }

    /// One element.
    package subscript(row: Int, column: Int) -> Double { elements[row * dimension + column] }

    /// The elements on the diagonal.
    package var diagonal: [Double] { (0..<dimension).map { elements[$0 * dimension + $0] } }

    /// Mean of the diagonal; 0 for an empty matrix.
    package var meanDiagonal: Double { diagonal.reduce(0, +) / Double(max(dimension, 1)) }

    /// The matrix with `amount` added to each element of the diagonal.
    package func adding(toDiagonal amount: Double) -> SymmetricMatrix {
        var result = self
        for index in 0..<dimension { result.elements[index * dimension + index] += amount }
        return result
    }

    /// Rows and columns in another order: element (i, j) is this matrix's (order[i], order[j]).
    package func reordered(_ order: [Int]) -> SymmetricMatrix {
        precondition(order.count == dimension, "An order names each of \(dimension) columns once.")
        var result = [Double]()
        result.reserveCapacity(elements.count)
        for row in order {
            let start = row * dimension
            for column in order { result.append(elements[start + column]) }
        }
        return SymmetricMatrix(dimension: dimension, elements: result)
    }

    /// `eᵀ A e`: the squared length of `vector` that this matrix measures.
    package func quadratic(_ vector: [Double]) -> Double {
        precondition(vector.count == dimension, "The vector has \(dimension) elements.")
        var total = 0.0
        for row in 0..<dimension {
            var sum = 0.0
            for column in 0..<dimension { sum += elements[row * dimension + column] * vector[column] }
            total += sum * vector[row]
        }
        return total
    }
}
