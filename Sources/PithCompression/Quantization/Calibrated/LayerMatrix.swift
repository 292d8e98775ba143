import PithModel
import PithTensor

/// A layer's weight as matrices `[output channels, inputs]`, one for each group of a convolution, and the way back.
struct LayerMatrix: Sendable {
    let shape: Shape
    /// Matrices that are multiplied with inputs of their own.
    let groups: Int
    /// Output channels of a group.
    let rows: Int
    /// Inputs of each.
    let columns: Int
    private let layout: WeightRows
    /// All numbers, group after group and row after row.
    let numbers: [Float]

    /// Reads `weight` as the matrix of `layer`; nil when the groups do not divide its channels.
    init?(_ weight: Tensor, of layer: RoundingLayer, in graph: Graph) {
        groups = layer.isConvolution ? graph.nodes[layer.node].integer("group", default: 1) : 1
        let axis = layer.outputsFirst ? 0 : 1, outputs = weight.shape.dimensions[axis]
        guard groups > 0, outputs > 0, outputs.isMultiple(of: groups), weight.count > 0 else { return nil }
        shape = weight.shape
        layout = WeightRows(shape, channels: axis, blocksAlong: layer.isConvolution ? nil : 1 - axis)
        rows = outputs / groups
        columns = weight.count / outputs
        numbers = layout.rows(of: weight.elements(as: Float.self))
    }

    /// The numbers of one group, row after row.
    func numbers(group: Int) -> [Float] { Array(numbers[group * rows * columns..<(group + 1) * rows * columns]) }

    /// Levels of all groups in the weight's own layout; nil when the weight takes no blocks.
    func form(_ parts: [RoundedWeights]) -> GroupedIntegers? { layout.form(of: RoundedWeights(joining: parts)) }
}
