import Foundation
import PithFormats
import PithModel
import PithTensor

extension HostileReader {
    /// Bytes of a sparse weight when dense that fuzzing allows.
    private static let sparseAllowance = 1 << 20

    /// ONNX models: the graph, the places of weights, and the forms that operators show.
    public static let onnx = HostileReader("onnx") {
        try models().map { try ONNXWriter.encode($0) }
    } read: { bytes in
        let model = try ONNXReader.read(Storage(bytes), path: "input.onnx", sparseAllowance: sparseAllowance)
        for weight in model.graph.weights where weight.type != .string { _ = weight.decoded().floats() }
        try TemporaryFile.with(bytes, named: "m.onnx") { path in
            let packed = try PackedModel.read(path: path)
            precondition(packed.order.sorted() == Array(packed.arrays.indices), "An array is used twice or never.")
            precondition(packed.forms.flatMap(\.form.arrays).allSatisfy { packed.arrays.indices.contains($0) })
            // The plan of a container, with everything in it first.
            let forms = packed.forms.filter { !$0.form.arrays.isEmpty }
            let names = packed.arrays.prefix(8).map(\.name) + forms.prefix(8).map(\.name)
            _ = try ContainerPacker(names.isEmpty ? packed : packed.first(["*"] + names), threads: 1)
        }
    }

    /// Safetensors files.
    public static let safetensors = HostileReader("safetensors") {
        [#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"__metadata__":{"k":"v"}}"#, "{}"].map { header in
            let count = UInt64(header.utf8.count)
            return (0..<8).map { UInt8(truncatingIfNeeded: count >> UInt64(8 * $0)) } + Array(header.utf8)
                + [UInt8](repeating: 1, count: 8)
        }
    } read: { bytes in
        try TemporaryFile.with(bytes, named: "m.safetensors") { path in
            let packed = try PackedModel.read(path: path)
            for array in packed.arrays {
                precondition(array.range.upperBound <= bytes.count, "An array lies outside its file.")
            }
        }
    }

    /// A model of dense weights, and one of weights in stored forms.
    private static func models() throws -> [Model] {
        func model(_ weight: Weight) -> Model {
            let graph = Graph(
                nodes: [Node("Identity", inputs: ["w"], outputs: ["y"])], outputs: [ValueInfo(name: "y")],
                weights: WeightTable([weight]))
            return Model(graph: graph, operatorSets: ["": 21], formatVersion: 10)
        }
        let shape = try Shape([4, 40]), blocks = try Shape([4, 3])
        let levels = (0..<160).map { $0 % 8 }
        let form = GroupedIntegers(
            levels: try Tensor(integers: levels, as: .uint4, shape: shape),
            scales: Tensor((0..<12).map { Float($0) }, shape: blocks),
            zeroPoints: try Tensor(integers: [Int](repeating: 3, count: 12), as: .uint4, shape: blocks),
            grouping: .block(axis: 1, size: 16), levelBits: 3)
        var kernel = Weight(name: "w", form: .encoded(form))
        kernel.execution = .integer
        let sparse = try SparseValues(
            values: Tensor(vector: [1, 2] as [Float]), indices: Tensor(vector: [3, 9] as [Int64]),
            shape: Shape([4, 4]),
            named: "w")
        return [
            model(Weight("w", Tensor((0..<160).map { Float($0) }, shape: shape))),
            model(Weight(name: "w", form: .encoded(form))), model(kernel),
            model(Weight(name: "w", form: .encoded(sparse))),
        ]
    }
}
