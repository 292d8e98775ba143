import Foundation
import PithFormats
import PithModel
import PithTensor
import PithTestSupport

/// A model with a weight in each stored form.
enum FormSamples {
    /// A weight with random levels in the range of `bits`, or of its type.
    private static func integers(
        _ generator: inout SplitMix64, _ name: String, _ type: ScalarType, _ lengths: [Int],
        _ grouping: GroupedIntegers.Grouping,
        bits: Int? = nil,
        zeros: Bool = false, halves: Bool = false, as execution: Weight.Execution = .folded
    ) throws -> Weight {
        let shape = try Shape(lengths)
        let scaleShape = try Shape(GroupedIntegers.scaleDimensions(of: shape, grouping))
        let all = type.integerRange ?? 0...0, low = all.lowerBound < 0
        let range = bits.map { low ? -(1 << ($0 - 1))...(1 << ($0 - 1)) - 1 : 0...(1 << $0) - 1 } ?? all
        func draw(_ count: Int) -> [Int] { (0..<count).map { _ in Int.random(in: range, using: &generator) } }
        let scales = (0..<scaleShape.count).map { _ in Float.random(in: 0.001...0.1, using: &generator) }
        let form = GroupedIntegers(
            levels: try Tensor(integers: draw(shape.count), as: type, shape: shape),
            scales: halves
                ? try Tensor(rounding: scales, to: .float16, shape: scaleShape) : Tensor(scales, shape: scaleShape),
            zeroPoints: try zeros ? Tensor(integers: draw(scaleShape.count), as: type, shape: scaleShape) : nil,
            grouping: grouping, levelBits: bits)
        var weight = Weight(name: name, form: .encoded(form))
        weight.execution = execution
        return weight
    }

    /// The weights by name, in their forms; the seeds are fixed, so these numbers never change.
    static func weights() throws -> [Weight] {
        var generator = SplitMix64(seed: 77)
        let places = Tensor([1, 5, 30, 31] as [Int64], shape: .vector(4))
        let half = (0..<48).map { _ in Float.random(in: -1...1, using: &generator) }
        let picks = (0..<96).map { _ in UInt8.random(in: 0...2, using: &generator) }
        return [
            try integers(&generator, "rows", .int8, [10, 12], .channel(axis: 0), as: .integer),
            try integers(&generator, "kernel", .int8, [12, 16], .channel(axis: 1), as: .dynamic),
            try integers(&generator, "channels", .int8, [16, 9], .channel(axis: 1)),
            try integers(&generator, "plain", .int8, [9, 8], .tensor, as: .integer),
            try integers(&generator, "nibbles", .uint4, [8, 70], .block(axis: 1, size: 32), zeros: true, halves: true),
            try integers(&generator, "triple", .int4, [70, 11], .block(axis: 0, size: 16), bits: 3),
            try integers(&generator, "blocks", .uint8, [11, 64], .block(axis: 1, size: 16), bits: 6, zeros: true),
            Weight(
                name: "half",
                form: .encoded(HalfFloats(try Tensor(rounding: half, to: .bfloat16, shape: Shape([8, 6]))))),
            Weight(
                name: "palette",
                form: .encoded(
                    Codebook(
                        indices: Tensor(picks, shape: try Shape([6, 16])),
                        values: Tensor(vector: [-1.5, 0, 0.25] as [Float])))),
            Weight(
                name: "sparse",
                form: .encoded(
                    try SparseValues(
                        values: Tensor(vector: [1, 2, -3, 4] as [Float]), indices: places, shape: Shape([4, 8]),
                        named: "sparse"))),
            Weight("dense", Tensor((0..<64).map { Float($0) / 7 }, shape: try Shape([4, 16]))),
        ]
    }

    /// A model that reads the weights: `rows` by `Gather`, the others by `MatMul` and `Identity`.
    static func model() throws -> Model {
        let weights = try weights()
        var nodes = [
            Node("Gather", inputs: ["rows", "i"], outputs: ["x"]),
            Node("MatMul", inputs: ["x", "kernel"], outputs: ["y"]),
        ]
        var outputs = [ValueInfo(name: "y", type: ValueType(element: .float32, dimensions: nil))]
        for weight in weights.dropFirst(2).reversed() {
            nodes.append(Node("Identity", inputs: [weight.name], outputs: ["\(weight.name)_out"]))
            outputs.append(
                ValueInfo(
                    name: "\(weight.name)_out",
                    type: ValueType(element: .float32, dimensions: weight.shape.dimensions.map { .fixed($0) })))
        }
        let graph = Graph(
            name: "forms", nodes: nodes,
            inputs: [ValueInfo(name: "i", type: ValueType(element: .int64, dimensions: [.fixed(3)]))], outputs: outputs,
            weights: WeightTable(weights))
        return Model(graph: graph, operatorSets: ["": 21], formatVersion: 10)
    }

    /// The path of the model's file in `folder`.
    static func write(to folder: ScratchFolder) throws -> String {
        try folder.write(ONNXWriter.encode(model()), to: "m.onnx")
    }
}
