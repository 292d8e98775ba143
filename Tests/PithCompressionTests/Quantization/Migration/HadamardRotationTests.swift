import PithCompression
import Testing

struct HadamardRotationTests {
    /// `x Q` for each unit vector: the rows of `Q`.
    private func rows(_ rotation: HadamardRotation) -> [[Double]] {
        (0..<rotation.count).map { place in
            var row = [Double](repeating: 0, count: rotation.count)
            row[place] = 1
            rotation.apply(to: &row)
            return row
        }
    }

    private func distanceFromOrthogonal(_ rows: [[Double]]) -> Double {
        var worst = 0.0
        for left in rows.indices {
            for right in rows.indices {
                let product = zip(rows[left], rows[right]).reduce(0) { $0 + $1.0 * $1.1 }
                worst = max(worst, abs(product - (left == right ? 1 : 0)))
            }
        }
        return worst
    }

    @Test(arguments: [1, 2, 4, 8, 12, 20, 24, 28, 36, 44, 60, 76])
    func `a small matrix has signs only, and orthogonal rows`(order: Int) throws {
        let matrix = try #require(HadamardMatrix(order: order))
        #expect(matrix.elements.allSatisfy { abs($0) == 1 })
        let scale = 1 / Double(order).squareRoot()
        let rows = (0..<order).map { row in
            (0..<order).map { matrix.elements[row * order + $0] * scale }
        }
        #expect(distanceFromOrthogonal(rows) < 1e-14)
    }

    @Test(arguments: [0, 3, 6, 10, 92, 188]) func `orders that no construction gives are refused`(order: Int) {
        #expect(HadamardMatrix(order: order) == nil)
    }

    @Test(arguments: [
        (64, 64, "Hadamard matrix, order 64"), (160, 160, "Hadamard matrix, 8 x order 20"),
        (384, 384, "Hadamard matrix, 32 x order 12"), (56, 56, "Hadamard matrix, 2 x order 28"),
        (376, 8, "blocks of Hadamard matrices, order 8"), (30, 2, "blocks of Hadamard matrices, order 2"),
    ]) func `a rotation is orthogonal, and its entries are alike within a block`(
        count: Int, block: Int, summary: String
    ) throws {
        let rotation = try #require(HadamardRotation(count: count, seed: 7))
        #expect(rotation.summary == summary)
        let rows = rows(rotation), size = 1 / Double(block).squareRoot()
        #expect(distanceFromOrthogonal(rows) < 1e-12)
        for row in rows {
            #expect(row.allSatisfy { abs($0) < 1e-14 || abs(abs($0) - size) < 1e-12 })
            #expect(row.count { abs($0) > size / 2 } == block)
        }
    }

    @Test(arguments: [12, 64, 160, 376]) func `one that keeps means is orthogonal too, and the vector of ones stays`(
        count: Int
    ) throws {
        let rotation = try #require(HadamardRotation(count: count, seed: 3, keepsMeans: true))
        #expect(distanceFromOrthogonal(rows(rotation)) < 1e-12)
        var ones = [Double](repeating: 1, count: count)
        rotation.apply(to: &ones)
        #expect(ones.allSatisfy { abs($0 - 1) < 1e-12 })
        for row in rows(rotation) { #expect(abs(row.reduce(0, +) - 1) < 1e-12) }
    }

    @Test func `odd numbers of channels have none, and another seed gives another one`() throws {
        #expect(HadamardRotation(count: 7, seed: 0) == nil)
        #expect(HadamardRotation(count: 0, seed: 0) == nil)
        #expect(HadamardRotation(count: 64, seed: 1) == HadamardRotation(count: 64, seed: 1))
        #expect(HadamardRotation(count: 64, seed: 1) != HadamardRotation(count: 64, seed: 2))
    }
}
