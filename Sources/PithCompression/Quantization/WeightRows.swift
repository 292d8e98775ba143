import PithModel
import PithTensor

/// A weight of any rank seen as rows whose numbers share grids: one row for each output channel, or, where blocks lie along
/// an axis, one for each line along that axis; or all of it as one row.
struct WeightRows: Hashable, Sendable {
    private let shape: Shape
    /// The axis of the output channels; nil when all channels have one grid.
    private let channels: Int?
    /// The axis that blocks lie along; nil when each channel has one grid.
    private let blocked: Int?

    /// Sees a weight by its channels, and with an axis of blocks by the lines along that.
    init(_ shape: Shape, channels: Int, blocksAlong blocked: Int?) {
        self.shape = shape
        self.channels = channels
        self.blocked = blocked
    }

    /// Sees a weight as one row.
    init(whole shape: Shape) {
        self.shape = shape
        (channels, blocked) = (nil, nil)
    }

    /// Numbers in a row.
    var columns: Int {
        if let blocked { return shape.dimensions[blocked] }
        return channels.map { shape.count / max(shape.dimensions[$0], 1) } ?? shape.count
    }
    /// Number of rows.
    var count: Int { shape.count / max(columns, 1) }

    /// The numbers of a weight, row after row.
    func rows<Number>(of numbers: [Number]) -> [Number] {
        order(width: columns).map { numbers[$0] }
    }

    /// Puts levels back into the weight's layout; nil when they come in blocks and the weight has no axis for them.
    func form(of rounded: RoundedWeights) -> GroupedIntegers? {
        let format = rounded.format, offset = format.isSymmetric ? 1 << (format.bits - 1) : 0
        let isBlocked = rounded.blocks > 1
        guard let grouping = grouping(isBlocked ? rounded.blockSize : nil), rounded.columns == columns,
            let scaleShape = try? Shape(GroupedIntegers.scaleDimensions(of: shape, grouping))
        else { return nil }
        let levels = restored(rounded.codes, width: columns).map { Int($0) - offset }
        let width = rounded.blocks, scales = isBlocked ? restored(rounded.scales, width: width) : rounded.scales
        let zeros = isBlocked ? restored(rounded.zeroPoints, width: width) : rounded.zeroPoints
        guard scales.count == scaleShape.count,
            let tensor = try? Tensor(integers: levels, as: format.levelType, shape: shape),
            let stored = try? format.scaleType.tensor(scales, shape: scaleShape)
        else { return nil }
        guard !format.isSymmetric else {
            return GroupedIntegers(levels: tensor, scales: stored, grouping: grouping, levelBits: format.bits)
        }
        guard let points = try? Tensor(integers: zeros.map { Int($0) }, as: format.levelType, shape: scaleShape) else {
            return nil
        }
        return GroupedIntegers(
            levels: tensor, scales: stored, zeroPoints: points, grouping: grouping, levelBits: format.bits)
    }

    /// Puts codes into a table back into the weight's layout; nil as above.
    func form(of rounded: RoundedWeights, table: LevelTable) -> TabledIntegers? {
        form(of: rounded).map { levels in
            TabledIntegers(
                codes: GroupedIntegers(
                    levels: levels.levels, scales: levels.scales, grouping: levels.grouping,
                    levelBits: levels.levelBits), table: table.tensor)
        }
    }

    private func grouping(_ blockSize: Int?) -> GroupedIntegers.Grouping? {
        if let blockSize { return blocked.map { .block(axis: $0, size: blockSize) } }
        guard let channels else { return .tensor }
        // One block a line is a scale for each channel only where nothing but the channels is left.
        guard let blocked else { return .channel(axis: channels) }
        let rest = shape.dimensions.indices.filter { $0 != blocked && $0 != channels }
        return rest.allSatisfy { shape.dimensions[$0] == 1 }
            ? .channel(axis: channels) : .block(axis: blocked, size: max(columns, 1))
    }

    private func restored<Number>(_ rows: [Number], width: Int) -> [Number] {
        guard var result = rows.first.map({ [Number](repeating: $0, count: rows.count) }) else { return [] }
        for (place, index) in order(width: width).enumerated() { result[index] = rows[place] }
        return result
    }

    /// Where in the weight (with its blocked axis `width` long) each number of the rows lies.
    private func order(width: Int) -> [Int] {
        guard let channels else { return Array(0..<shape.count) }
        let (outer, length, inner) = shape.strides(around: blocked ?? channels)
        var order: [Int] = []
        order.reserveCapacity(outer * inner * max(width, length))
        if blocked != nil {
            for block in 0..<outer {
                for column in 0..<inner {
                    for place in 0..<width { order.append((block * width + place) * inner + column) }
                }
            }
        } else {
            for channel in 0..<length {
                for block in 0..<outer {
                    for column in 0..<inner { order.append((block * length + channel) * inner + column) }
                }
            }
        }
        return order
    }
}

extension LevelFormat {
    /// The narrowest integer type that holds the levels.
    var levelType: ScalarType {
        switch bits {
        case 2: isSymmetric ? .int2 : .uint2
        case 3, 4: isSymmetric ? .int4 : .uint4
        default: isSymmetric ? .int8 : .uint8
        }
    }
}

extension LevelFormat.ScaleType {
    /// Scales, which are exact in this type, as a tensor.
    func tensor(_ scales: [Float], shape: Shape) throws(TensorError) -> Tensor {
        self == .float16 ? try Tensor(rounding: scales, to: .float16, shape: shape) : Tensor(scales, shape: shape)
    }
}
