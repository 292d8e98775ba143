public import PithTensor

/// Integer levels with a scale (and a zero point) for each group of neighbours: `w = (level - zeroPoint) * scale`.
///
/// The subtraction is exact; its result and the product are each rounded to `Float`, as `DequantizeLinear` of ONNX does
/// it. Up to 24 bits the first rounding changes nothing; beyond (int32 levels) it may.
public struct GroupedIntegers: Representation, Equatable {
    public static let kind = "grouped-integers"

    /// Which weights share a scale.
    public enum Grouping: Hashable, Sendable {
        /// One scale for all: `scales` is a scalar.
        case tensor
        /// One scale for each index along `axis`: `scales` has that axis only.
        case channel(axis: Int)
        /// One scale for each run of `size` along `axis`: `scales` has the weight's shape with that axis divided, rounded up.
        case block(axis: Int, size: Int)
    }

    /// Levels in the weight's shape, an integer type of at most 32 bits.
    public let levels: Tensor
    /// Scales in weight units per level, `float32` or (at half the bytes) `float16`, in the shape that the grouping says.
    public let scales: Tensor
    /// Levels that stand for zero, of the levels' type and the scales' shape; nil when all are 0.
    public let zeroPoints: Tensor?
    public let grouping: Grouping
    /// Bits that a level (and a zero point) takes in a file, at most those of its type: levels of 3 bits in `int4` lie
    /// from -4 through 3, those of 6 bits in `uint8` from 0 through 63.
    public let levelBits: Int

    /// Joins levels and scales; `levelBits` is all bits of the levels' type unless it says otherwise.
    public init(
        levels: Tensor, scales: Tensor, zeroPoints: Tensor? = nil, grouping: Grouping, levelBits: Int? = nil
    ) {
        let expected = GroupedIntegers.scaleDimensions(of: levels.shape, grouping)
        precondition(
            levels.type.isInteger && (scales.type == .float32 || scales.type == .float16),
            "Levels are integers and scales are floats.")
        precondition(
            scales.shape.dimensions == expected, "Scales \(scales.shape) do not fit \(levels.shape) \(grouping).")
        precondition(
            zeroPoints.map { $0.type == levels.type && $0.shape == scales.shape } ?? true,
            "Zero points have the type of the levels and the shape of the scales.")
        self.levels = levels
        self.scales = scales
        self.zeroPoints = zeroPoints
        self.grouping = grouping
        self.levelBits = levelBits ?? levels.type.bitWidth
        precondition(
            (1...levels.type.bitWidth).contains(self.levelBits), "Levels of \(self.levelBits) bits do not fit.")
    }

    /// Axis lengths of the scales of a weight of `shape`.
    public static func scaleDimensions(of shape: Shape, _ grouping: Grouping) -> [Int] {
        switch grouping {
        case .tensor: return []
        case .channel(let axis): return [shape.dimensions[axis]]
        case .block(let axis, let size):
            var dimensions = shape.dimensions
            dimensions[axis] = groupCount(of: dimensions[axis], size)
            return dimensions
        }
    }

    /// Groups of `size` in `length`, the last one perhaps shorter.
    private static func groupCount(of length: Int, _ size: Int) -> Int { length / size + (length % size == 0 ? 0 : 1) }

    public var shape: Shape { levels.shape }
    public var type: ScalarType { .float32 }
    public var byteCount: Int {
        let bits = ([levels] + (zeroPoints.map { [$0] } ?? [])).map { $0.count * levelBits }
        return bits.reduce(scales.byteCount) { $0 + ($1 + 7) / 8 }
    }

    public var summary: String {
        let type = levelBits == levels.type.bitWidth ? levels.type.rawValue : "\(isSigned ? "" : "u")int\(levelBits)"
        switch grouping {
        case .tensor: return "\(type) per tensor"
        case .channel: return "\(type) per channel"
        case .block(let axis, let size):
            let left = levels.shape.dimensions[axis] % size
            return "\(type) in blocks of \(size)" + (left == 0 ? "" : ", the last of \(left)")
        }
    }

    /// Whether levels lie around zero.
    private var isSigned: Bool { (levels.type.integerRange?.lowerBound ?? 0) < 0 }

    /// Levels and zero points as codes of ``levelBits`` bits that are not negative, and what was added to make them so.
    public func codes() -> (levels: [Int], zeroPoints: [Int]?, offset: Int) {
        let offset = isSigned ? 1 << (levelBits - 1) : 0
        return (
            (levels.integers() ?? []).map { $0 + offset }, zeroPoints?.integers().map { $0.map { $0 + offset } }, offset
        )
    }

    public func decoded() -> Tensor { decoded { level, zero, scale in Float(level - zero) * scale } }

    /// The numbers that `number` makes of each level, with the zero point and the scale of its group.
    @inline(__always)
    func decoded(_ number: (_ level: Int, _ zeroPoint: Int, _ scale: Float) -> Float) -> Tensor {
        let scales = scales.floats() ?? []
        let zeros = zeroPoints?.integers() ?? [Int](repeating: 0, count: scales.count)
        let levels = levels.integers() ?? []
        var values = [Float](repeating: 0, count: levels.count)
        forEachGroup { range, stride, group in
            let scale = scales[group], zero = zeros[group]
            for index in Swift.stride(from: range.lowerBound, to: range.upperBound, by: stride) {
                values[index] = number(levels[index], zero, scale)
            }
        }
        return Tensor(values, shape: shape)
    }

    /// Calls `body` with the indices (a range walked in steps) of each run of weights that share the scale `group`.
    private func forEachGroup(_ body: (_ range: Range<Int>, _ stride: Int, _ group: Int) -> Void) {
        guard shape.count > 0 else { return }
        switch grouping {
        case .tensor: body(0..<shape.count, 1, 0)
        case .channel(let axis):
            let (outer, length, inner) = shape.strides(around: axis)
            for block in 0..<outer {
                for channel in 0..<length {
                    let start = (block * length + channel) * inner
                    body(start..<start + inner, 1, channel)
                }
            }
        case .block(let axis, let size):
            let (outer, length, inner) = shape.strides(around: axis)
            let groups = GroupedIntegers.groupCount(of: length, size)
            for block in 0..<outer {
                for group in 0..<groups {
                    for column in 0..<inner {
                        let start = (block * length + group * size) * inner + column
                        let end = (block * length + min((group + 1) * size, length)) * inner
                        body(start..<end, inner, (block * groups + group) * inner + column)
                    }
                }
            }
        }
    }
}
