import PithTensor

/// Sixteen rows of a weight on their way to levels, side by side in lanes, and the best state of each so far.
struct RoundingLanes {
    static let lanes = LaneLayout.lanes

    private let rows: Int
    let columns: Int
    private let format: LevelFormat
    let blockSize: Int
    /// Targets, in lanes.
    private let targets: [Float]
    private let curvature: SymmetricMatrix
    /// The block of each column.
    private let groups: [UInt32]
    /// Grids of each block, in lanes; idle lanes have a scale of 1.
    private(set) var scales: [Float]
    private(set) var zeroPoints: [Float]
    /// Codes, in lanes.
    private(set) var codes: [UInt8]
    /// What a change of each value would gain: `(target - value) curvature`, in lanes.
    private var slopes: [Float] = []

    private var bestErrors: [Double]
    private var bestCodes: [UInt8]
    private var bestScales: [Float]

    /// Lays rows out; `targets` holds them one after the other.
    init(targets: [Float], grids: GridTable, curvature: SymmetricMatrix) {
        let lanes = RoundingLanes.lanes
        rows = grids.rows
        columns = grids.columns
        format = grids.format
        blockSize = grids.blockSize
        self.curvature = curvature
        let size = grids.blockSize
        groups = (0..<grids.columns).map { UInt32($0 / size) }
        var laid = [Float](repeating: 0, count: columns * lanes)
        for row in 0..<rows {
            for column in 0..<columns { laid[column * lanes + row] = targets[row * columns + column] }
        }
        self.targets = laid
        scales = [Float](repeating: 1, count: grids.blocks * lanes)
        zeroPoints = [Float](repeating: 0, count: grids.blocks * lanes)
        for row in 0..<rows {
            for block in 0..<grids.blocks {
                scales[block * lanes + row] = grids[row, block].scale
                zeroPoints[block * lanes + row] = grids[row, block].zeroPoint
            }
        }
        codes = [UInt8](repeating: 0, count: columns * lanes)
        bestErrors = [Double](repeating: .infinity, count: lanes)
        bestCodes = codes
        bestScales = scales
    }

    /// Takes levels that were found elsewhere, on the same grids, for the best so far.
    mutating func keepBest(_ rounded: RoundedWeights) {
        for row in 0..<rows {
            for column in 0..<columns {
                codes[column * RoundingLanes.lanes + row] = rounded.codes[row * columns + column]
            }
        }
        keepBest()
    }

    /// Rounds column after column, from the last of `order` to the first.
    mutating func round(factor: [Float], order: [Int]) {
        let lanes = RoundingLanes.lanes
        var target = [Float](repeating: 0, count: columns * lanes)
        var rounded = codes
        for (place, column) in order.enumerated() {
            for lane in 0..<lanes { target[place * lanes + lane] = targets[column * lanes + lane] }
        }
        Kernels.roundWithFeedback(
            factor: factor.span, target: target, groups: order.map { groups[$0] }, scales: scales,
            zeroPoints: zeroPoints, top: format.top, codes: &rounded)
        for (place, column) in order.enumerated() {
            for lane in 0..<lanes { codes[column * lanes + lane] = rounded[place * lanes + lane] }
        }
        keepBest()
    }

    /// Improves levels one by one, until none changes or after `sweeps` over all columns.
    mutating func descend(curvature: [Float], sweeps: Int) {
        slopes = [Float](repeating: 0, count: columns * RoundingLanes.lanes)
        Kernels.addLaneProducts(
            curvature.span, dimension: columns, lanes: errors(), columns: 0..<columns, to: &slopes)
        for _ in 0..<sweeps {
            let changed = Kernels.descend(
                matrix: curvature.span, groups: groups, scales: scales, zeroPoints: zeroPoints, top: format.top,
                slopes: &slopes, codes: &codes)
            if changed == 0 { break }
        }
        keepBest()
    }

    /// Fits all scales of each row to its levels; right after a descent, and before the next, which judges the result.
    mutating func refitScales(curvature: [Float]) {
        let fit = ScaleRefit(lanes: self, slopes: slopes, curvature: curvature)
        for lane in 0..<rows {
            guard let shifts = fit.shifts(lane: lane) else { continue }
            for (block, shift) in shifts.enumerated() {
                let index = block * RoundingLanes.lanes + lane
                let fitted = Float(Double(scales[index]) + shift)
                if fitted > 0, fitted.isFinite { scales[index] = format.storable(scale: fitted) }
            }
        }
    }

    /// Distance of each level from its zero point, in lanes.
    func distances() -> [Float] {
        codes.indices.map { index in Float(codes[index]) - zeroPoints[gridIndex(of: index)] }
    }

    /// The best state of each row.
    var best: RoundedWeights {
        let lanes = RoundingLanes.lanes, blocks = scales.count / lanes
        var codes = [UInt8](repeating: 0, count: rows * columns)
        var scales: [Float] = [], zeros: [Float] = []
        for row in 0..<rows {
            for column in 0..<columns { codes[row * columns + column] = bestCodes[column * lanes + row] }
            for block in 0..<blocks {
                scales.append(bestScales[block * lanes + row])
                zeros.append(zeroPoints[block * lanes + row])
            }
        }
        return RoundedWeights(
            rows: rows, columns: columns, blockSize: blockSize, format: format, codes: codes, scales: scales,
            zeroPoints: zeros)
    }

    /// Where the grid of the element at `index` is.
    private func gridIndex(of index: Int) -> Int {
        Int(groups[index / RoundingLanes.lanes]) * RoundingLanes.lanes + index % RoundingLanes.lanes
    }

    /// Target less value, in lanes.
    private func errors() -> [Float] {
        codes.indices.map { index in
            let grid = gridIndex(of: index)
            return targets[index] - (Float(codes[index]) - zeroPoints[grid]) * scales[grid]
        }
    }

    /// Remembers each row whose error is less than ever before.
    private mutating func keepBest() {
        let lanes = RoundingLanes.lanes
        let found = Kernels.quadratic(
            curvature.elements.span, dimension: columns, lanes: errors().map { Double($0) })
        for lane in 0..<rows where found[lane] < bestErrors[lane] {
            bestErrors[lane] = found[lane]
            for column in 0..<columns { bestCodes[column * lanes + lane] = codes[column * lanes + lane] }
            for index in stride(from: lane, to: scales.count, by: lanes) { bestScales[index] = scales[index] }
        }
    }
}
