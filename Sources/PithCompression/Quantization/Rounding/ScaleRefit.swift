import PithTensor

/// The scales that suit given levels best, for all blocks of a row at once.
///
/// With `d` the distance of each level from its zero point and `B` the matrix whose column g holds `d` in block g, shifts
/// `δ` of the scales solve `(Bᵀ H B) δ = Bᵀ H e`, where `e` is target less value.
///
/// - Complexity: columns² multiplications for each row to form the system, blocks³ / 6 to solve it.
struct ScaleRefit {
    private let blocks: Int
    /// Element (g, h) of the system of a lane at `(g * blocks + h) * 16 + lane`.
    private var products: [Double]
    private var slopes: [Double]

    /// Forms the systems of sixteen rows; `slopes` is `e H` in lanes.
    init(lanes state: RoundingLanes, slopes: [Float], curvature: [Float]) {
        let lanes = RoundingLanes.lanes, columns = state.columns, size = state.blockSize
        let blocks = state.scales.count / lanes
        let distances = state.distances()
        var products = [Double](repeating: 0, count: blocks * blocks * lanes)
        var sums = [Double](repeating: 0, count: blocks * lanes)
        for block in 0..<blocks {
            let range = block * size..<min((block + 1) * size, columns)
            var moved = [Float](repeating: 0, count: columns * lanes)
            Kernels.addLaneProducts(curvature.span, dimension: columns, lanes: distances, columns: range, to: &moved)
            for column in 0..<columns {
                let other = column / size
                guard other >= block else { continue }
                let target = (block * blocks + other) * lanes, source = column * lanes
                for lane in 0..<lanes {
                    products[target + lane] += Double(moved[source + lane]) * Double(distances[source + lane])
                }
            }
            for index in range.lowerBound * lanes..<range.upperBound * lanes {
                sums[block * lanes + index % lanes] += Double(distances[index]) * Double(slopes[index])
            }
        }
        self.blocks = blocks
        self.products = products
        self.slopes = sums
    }

    /// What to add to the scales of a row; nil when its levels do not determine them.
    func shifts(lane: Int) -> [Double]? {
        let lanes = RoundingLanes.lanes
        var elements = [Double](repeating: 0, count: blocks * blocks)
        for row in 0..<blocks {
            for column in row..<blocks {
                let value = products[(row * blocks + column) * lanes + lane]
                elements[row * blocks + column] = value
                elements[column * blocks + row] = value
            }
        }
        let system = SymmetricMatrix(dimension: blocks, elements: elements)
        let largest = system.diagonal.max() ?? 0
        // A block whose levels are all zero leaves its scale open: a little on the diagonal keeps it where it is.
        guard largest > 0, let factor = CholeskyFactor(system.adding(toDiagonal: largest * 1e-7)) else { return nil }
        return factor.solvingRows((0..<blocks).map { slopes[$0 * lanes + lane] })
    }
}
