import PithCompression
import PithTensor
import Testing

@Suite struct CholeskyFactorTests {
    private func matrix(_ count: Int) throws -> SymmetricMatrix {
        var numbers = RandomNumbers(seed: 4), moments = SecondMoments(dimension: count)
        try moments.add(rows: numbers.correlated(3 * count, columns: count).span)
        return moments.matrix(isCentered: true).adding(toDiagonal: 0.01)
    }

    @Test(arguments: [1, 2, 17, 40]) func `solutions solve and the inverse inverts`(count: Int) throws {
        let matrix = try matrix(count), factor = try #require(CholeskyFactor(matrix))
        var numbers = RandomNumbers(seed: 5)
        // 19 rows: more than one panel of sixteen.
        let wanted = numbers.normals(19 * count).map { Double($0) }
        let solved = factor.solvingRows(wanted), inverse = factor.inverse()
        for row in 0..<19 {
            for column in 0..<count {
                let back = (0..<count).reduce(0) { $0 + solved[row * count + $1] * matrix[$1, column] }
                #expect(abs(back - wanted[row * count + column]) < 1e-8)
            }
        }
        for row in 0..<count {
            for column in 0..<count {
                let product = (0..<count).reduce(0) { $0 + inverse[row, $1] * matrix[$1, column] }
                #expect(abs(product - (row == column ? 1 : 0)) < 1e-8)
                #expect(inverse[row, column] == inverse[column, row])
            }
        }
    }

    @Test func `what is not positive definite has no factor`() {
        #expect(CholeskyFactor(SymmetricMatrix(dimension: 2, elements: [1, 2, 2, 1])) == nil)
        #expect(CholeskyFactor(SymmetricMatrix(dimension: 1, elements: [0])) == nil)
        #expect(CholeskyFactor(SymmetricMatrix(dimension: 1, elements: [.nan])) == nil)
        #expect(CholeskyFactor(SymmetricMatrix(dimension: 1, elements: [4]))?.elements == [2])
    }

    @Test func `matrices are reordered, raised and measured`() {
        let matrix = SymmetricMatrix(dimension: 3, elements: [1, 2, 3, 2, 4, 5, 3, 5, 6])
        #expect(matrix.reordered([2, 0, 1]).elements == [6, 3, 5, 3, 1, 2, 5, 2, 4])
        #expect(matrix.adding(toDiagonal: 0.5).diagonal == [1.5, 4.5, 6.5])
        #expect(matrix.quadratic([1, -1, 2]) == 1 + 4 + 24 - 4 + 12 - 20)
    }
}
