import PithModel
import PithTensor

/// A layer's weight as matrices `[output channels, inputs]`, one for each group of a convolution or direction of a recurrent
/// layer, and the way back.
struct LayerMatrix: Sendable {
    let weight: Tensor
    /// The axis of the output channels, and after it that of a product's inputs.
    let axes: [Int]
    /// Matrices that are multiplied with inputs of their own.
    let groups: Int
    /// Inputs that integer kernels add products of in pairs; nil where they add one at a time.
    let pairs: ProductPairs?
    /// Output channels of a group.
    let rows: Int
    /// Inputs of each.
    let columns: Int
    /// Whether the rows lie in the weight one after the other.
    let outputsFirst: Bool
    private let layout: WeightRows
    /// All numbers, group after group and row after row.
    let numbers: [Float]

    /// Reads `weight` as the matrix of `layer`; nil when the groups do not divide its channels.
    init?(_ weight: Tensor, of layer: RoundingLayer, in graph: Graph) {
        groups = layer.isConvolution ? graph.nodes[layer.node].integer("group", default: 1) : 1
        let axis = layer.outputsFirst ? 0 : 1, outputs = weight.shape.dimensions[axis]
        guard groups > 0, outputs > 0, outputs.isMultiple(of: groups), weight.count > 0 else { return nil }
        self.weight = weight
        axes = layer.isConvolution ? [axis] : [axis, 1 - axis]
        layout = WeightRows(weight.shape, channels: axis, blocksAlong: layer.isConvolution ? nil : 1 - axis)
        outputsFirst = layer.outputsFirst
        rows = outputs / groups
        columns = weight.count / outputs
        numbers = layout.rows(of: weight.elements(as: Float.self))
        let places = layer.isConvolution ? weight.shape.dimensions[2...].reduce(1, *) : 1
        pairs = groups == outputs ? nil : ProductPairs(inputs: columns, places: places)
    }

    /// Reads the weight `[directions, gates, inputs]` of a recurrent layer.
    init(recurrent weight: Tensor) {
        self.weight = weight
        axes = [1, 2]
        (groups, rows, columns) = (weight.shape.dimensions[0], weight.shape.dimensions[1], weight.shape.dimensions[2])
        outputsFirst = true
        pairs = nil
        layout = WeightRows(weight.shape, channels: 1, blocksAlong: 2)
        numbers = layout.rows(of: weight.elements(as: Float.self))
    }

    var shape: Shape { weight.shape }

    /// All numbers of a tensor of the same shape, in the same order.
    func numbers(of other: Tensor) -> [Float] { layout.rows(of: other.elements(as: Float.self)) }

    /// The numbers of one group, row after row; of `all` if it is not the weight itself.
    func numbers(group: Int, of all: [Float]? = nil) -> [Float] {
        Array((all ?? numbers)[group * rows * columns..<(group + 1) * rows * columns])
    }

    /// Levels of all groups in the weight's own layout; nil when the weight takes no blocks.
    func form(_ parts: [RoundedWeights]) -> GroupedIntegers? { layout.form(of: RoundedWeights(joining: parts)) }
}
