/// GPTQ as its paper tells it, for one row: the inverse of the curvature is formed anew after each column.
///
/// O(columns⁴) a row, in double precision; grids are given.
enum TextbookGPTQ {
    static func codes(
        of target: [Double], curvature: [[Double]], order: [Int], scale: (Int) -> Double, zero: (Int) -> Double,
        top: Double
    ) -> [Int] {
        var weights = target, codes = [Int](repeating: 0, count: target.count), left = order
        while let column = left.first {
            let inverse = inverse(left.map { row in left.map { curvature[row][$0] } })
            let code = min(max((weights[column] / scale(column) + zero(column)).rounded(.toNearestOrEven), 0), top)
            let error = weights[column] - (code - zero(column)) * scale(column)
            codes[column] = Int(code)
            for (place, other) in left.enumerated() { weights[other] -= error * inverse[place][0] / inverse[0][0] }
            left.removeFirst()
        }
        return codes
    }

    /// By Gauss and Jordan with pivoting.
    private static func inverse(_ matrix: [[Double]]) -> [[Double]] {
        let count = matrix.count
        var work = matrix.enumerated().map { row, elements in elements + (0..<count).map { $0 == row ? 1 : 0 } }
        for column in 0..<count {
            let pivot = (column..<count).max { abs(work[$0][column]) < abs(work[$1][column]) } ?? column
            work.swapAt(column, pivot)
            let head = work[column][column]
            work[column] = work[column].map { $0 / head }
            for row in 0..<count where row != column {
                let factor = work[row][column]
                for index in 0..<2 * count { work[row][index] -= factor * work[column][index] }
            }
        }
        return work.map { Array($0[count...]) }
    }
}
