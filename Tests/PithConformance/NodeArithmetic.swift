import PithCompression
import PithModel
import PithTensor

/// What Pith's own arithmetic makes of the inputs of a case.
///
/// | operator | arithmetic |
/// | --- | --- |
/// | `Cast` | `Tensor.floats()`, `Tensor.integers()` and the initializers that pack them |
/// | `DequantizeLinear` | `GroupedIntegers.decoded()` |
/// | `QuantizeLinear` | `LevelGrid.code(of:)`, packed |
/// | `DynamicQuantizeLinear` | `ActivationRange.format(_:)` of the observed range; the levels follow from it |
struct NodeArithmetic {
    let item: VectorCase

    /// The outputs; nil for an operator that is none of these.
    func outputs() throws -> [Tensor]? {
        switch item.node.operation {
        case "Cast": try [cast(item.inputs[0], to: item.outputs[0].type)]
        case "DequantizeLinear": [try dequantized()]
        case "QuantizeLinear": [try quantized()]
        case "DynamicQuantizeLinear": try dynamicallyQuantized()
        default: nil
        }
    }

    private func cast(_ tensor: Tensor, to type: ScalarType) throws -> Tensor {
        if type.isInteger, let numbers = tensor.integers() {
            return try Tensor(integers: numbers, as: type, shape: tensor.shape)
        }
        let numbers = tensor.floats() ?? []
        switch type {
        case .float32: return Tensor(numbers, shape: tensor.shape)
        case .float64: return Tensor(numbers.map { Double($0) }, shape: tensor.shape)
        default: return try Tensor(rounding: numbers, to: type, shape: tensor.shape)
        }
    }

    // MARK: Levels

    /// Which numbers share a scale, as the attributes of the node and the shape of the scales say.
    private var grouping: GroupedIntegers.Grouping {
        let axis = item.node.integer("axis", default: 1), size = item.node.integer("block_size", default: 0)
        return size > 0 ? .block(axis: axis, size: size) : item.inputs[1].count > 1 ? .channel(axis: axis) : .tensor
    }

    private func dequantized() throws -> Tensor {
        let shape = try Shape(GroupedIntegers.scaleDimensions(of: item.inputs[0].shape, grouping))
        return GroupedIntegers(
            levels: item.inputs[0], scales: try item.inputs[1].reshaped(to: shape),
            zeroPoints: try item.inputs.count > 2 ? item.inputs[2].reshaped(to: shape) : nil, grouping: grouping
        ).decoded()
    }

    private func quantized() throws -> Tensor {
        let scales = item.inputs[1].floats() ?? [], type = item.outputs[0].type
        let zeros = item.inputs.count > 2 ? item.inputs[2].integers() ?? [] : scales.map { _ in 0 }
        let grids = zip(scales, zeros).map { grid(scale: $0, zeroPoint: $1, type) }
        return try rounded(item.inputs[0], grids, type)
    }

    /// Codes count from the smallest level of the type.
    private func grid(scale: Float, zeroPoint: Int, _ type: ScalarType) -> LevelGrid {
        let format = LevelFormat(bits: type.bitWidth, isSymmetric: false)
        let lowest = type.integerRange?.lowerBound ?? 0
        return LevelGrid(scale: scale, zeroPoint: Float(zeroPoint - lowest), format: format)
    }

    private func rounded(_ tensor: Tensor, _ grids: [LevelGrid], _ type: ScalarType) throws -> Tensor {
        let lowest = type.integerRange?.lowerBound ?? 0
        let groups = groups(of: tensor.shape)
        let levels = (tensor.floats() ?? []).enumerated().map { index, value in
            Int(grids[groups[index]].code(of: value)) + lowest
        }
        return try Tensor(integers: levels, as: type, shape: tensor.shape)
    }

    /// The group of each element.
    private func groups(of shape: Shape) -> [Int] {
        switch grouping {
        case .tensor: return [Int](repeating: 0, count: shape.count)
        case .channel(let axis):
            let (_, length, inner) = shape.strides(around: axis)
            return (0..<shape.count).map { $0 / inner % length }
        case .block(let axis, let size):
            let (_, length, inner) = shape.strides(around: axis)
            let blocks = (length + size - 1) / size
            return (0..<shape.count).map {
                ($0 / (inner * length) * blocks + $0 / inner % length / size) * inner + $0 % inner
            }
        }
    }

    // MARK: Ranges

    private func dynamicallyQuantized() throws -> [Tensor] {
        let tensor = item.inputs[0]
        var histogram = ActivationHistogram()
        tensor.withElements(as: Float.self) { histogram.add($0) }
        let range = ActivationRange(histogram, .minmax, percentile: 100, levels: 256)
        let format = range.format(.uint8)
        // Levels of activations are the runtime's work; by the operator's definition the range alone decides them.
        let levels = (tensor.floats() ?? []).map { value in
            min(max(Int((value / format.scale).rounded(.toNearestOrEven)) + format.zeroPoint, 0), 255)
        }
        return [
            try Tensor(integers: levels, as: .uint8, shape: tensor.shape), Tensor(scalar: format.scale),
            Tensor(scalar: UInt8(format.zeroPoint)),
        ]
    }
}
