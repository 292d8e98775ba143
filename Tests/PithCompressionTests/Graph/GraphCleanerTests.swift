import Foundation
import PithCompression
import PithFormats
import PithModel
import PithTensor
import PithTestSupport
import Testing

struct GraphCleanerTests {
    /// A model of the shared data with the most nodes that may be left: what onnxslim 0.1.98 leaves, or less.
    struct Known: Sendable, CustomTestStringConvertible {
        var name: String
        var nodes: Int
        var testDescription: String { name }
    }

    static let known: [Known] = [
        ("ad-autoencoder", 19), ("all-minilm-l6-v2", 352), ("dtln-1", 20), ("dtln-2", 66), ("kjv-lm", 306),
        ("kws-dscnn", 22),
        ("magika", 75), ("mnist-cntk", 8), ("mobileface_v2", 98), ("resnet20-cifar10", 54), ("resnet56-cifar10", 144),
        ("resnet8-mlperf", 23), ("silero-vad-half", 70), ("silero-vad-ifless", 90), ("silero-vad", 142),
        ("stories260k", 344),
        ("ultraface-rfb-320", 125), ("vww-mobilenet", 58), ("yolox-nano", 365),
    ].map { Known(name: $0.0, nodes: $0.1) }

    /// Random inputs in the model's own lengths; lengths the caller chooses are `free`.
    private func inputs(of model: Model, named name: String, free: Int) throws -> [String: Tensor] {
        var values: [String: Tensor] = [:]
        for input in model.graph.requiredInputs {
            var lengths = (input.type?.dimensions ?? []).enumerated().map { $1.length ?? ($0 == 0 ? 1 : free) }
            if name.hasPrefix("silero"), input.name == "input" { lengths = [1, 576] }
            if name.hasPrefix("silero"), input.name == "state" { lengths = [2, 1, 128] }
            let shape = try Shape(lengths)
            switch input.type?.element {
            case .int64? where input.name == "sr": values[input.name] = Tensor(scalar: Int64(16000))
            case .int64?:
                let isMask = input.name.contains("mask")
                values[input.name] = Tensor((0..<shape.count).map { isMask ? 1 : Int64($0 * 7 % 100) }, shape: shape)
            case .int32?: values[input.name] = Tensor((0..<shape.count).map { Int32($0 * 7 % 100) }, shape: shape)
            default: values[input.name] = try GraphBench.random(input.name, lengths, seed: 11).decoded()
            }
        }
        return values
    }

    @Test(.enabled(if: SharedData.isPresent && GraphBench.hasRuntime), arguments: known)
    func `a real model keeps its outputs in fewer nodes and accounts for every weight`(_ one: Known) throws {
        let original = try ONNXReader.read(path: SharedData.url("models/\(one.name).onnx").path)
        var cleaned = original
        let (summary, trace) = try GraphBench.clean(&cleaned)
        #expect(summary.after.nodes <= one.nodes)
        #expect(try GraphBench.isSound(cleaned))
        let given = try inputs(of: original, named: one.name, free: 12)
        #expect(try GraphBench.agreement(original, cleaned, given) >= 100)
        var left: Set<String> = [], fated: Set<String> = []
        cleaned.graph.forEachGraph { graph, path in left.formUnion(graph.weights.names.map(path.qualified)) }
        original.graph.forEachGraph { graph, path in
            for name in graph.weights.names {
                let fate = trace.fate(of: path.qualified(name))
                #expect(left.isSuperset(of: fate.names), "\(name): \(fate)")
                #expect(!fate.names.isEmpty || !fate.notes.isEmpty)
                fated.formUnion(fate.names)
            }
        }
        let made = Set(trace.events.flatMap(\.results))
        #expect(left.isSubset(of: fated.union(made)))
    }

    @Test(.enabled(if: SharedData.isPresent && GraphBench.hasRuntime)) func `a clean model is left as it is`() throws {
        var model = try ONNXReader.read(path: SharedData.url("models/resnet20-cifar10.onnx").path)
        try GraphBench.clean(&model)
        let once = try ONNXWriter.encode(model)
        let summary = try GraphBench.clean(&model).summary
        #expect(summary.changes.isEmpty && summary.rounds == 1)
        #expect(try ONNXWriter.encode(model) == once)
    }

    @Test(.enabled(if: SharedData.isPresent && GraphBench.hasRuntime)) func `the same model gives the same bytes`()
        throws
    {
        let path = SharedData.url("models/silero-vad.onnx").path
        var first = try ONNXReader.read(path: path), second = try ONNXReader.read(path: path)
        try GraphBench.clean(&first)
        try GraphBench.clean(&second)
        #expect(try ONNXWriter.encode(first) == ONNXWriter.encode(second))
    }

    @Test(.enabled(if: SharedData.isPresent && GraphBench.hasRuntime))
    func `exporters' traces are a fifth of silero-vad-ifless`() throws {
        var model = try ONNXReader.read(path: SharedData.url("models/silero-vad-ifless.onnx").path)
        let before = try ONNXWriter.encode(model).count, summary = try GraphBench.clean(&model).summary
        #expect(summary.strippedBytes > 600_000)
        #expect(try ONNXWriter.encode(model).count < before - summary.strippedBytes)
        #expect(summary.description.contains("\(summary.strippedBytes) bytes"))
    }

    @Test(.enabled(if: GraphBench.hasRuntime)) func `a quantized model stays quantized`() throws {
        let levels = Tensor([Int8](repeating: 3, count: 300), shape: try Shape([100, 3, 1]))
        let nodes = [
            Node("QuantizeLinear", inputs: ["x", "s", "z"], outputs: ["q"]),
            Node("DequantizeLinear", inputs: ["q", "s", "z"], outputs: ["d"]),
            Node("DequantizeLinear", inputs: ["w", "s"], outputs: ["dw"]),
            Node("Conv", inputs: ["d", "dw"], outputs: ["c"]),
            Node("Relu", inputs: ["c"], outputs: ["y"]),
        ]
        var model = GraphBench.model(
            nodes, inputs: [GraphBench.input("x", [1, 3, 4])], outputs: ["y"],
            weights: [
                Weight("w", levels), Weight("s", Tensor(scalar: Float(0.1))), Weight("z", Tensor(scalar: UInt8(128))),
            ])
        model.graph.nodes[2].inputs.append("wz")
        model.graph.weights["wz"] = Weight("wz", Tensor(scalar: Int8(0)))
        let before = GraphBench.operations(model.graph)
        try GraphBench.clean(&model)
        #expect(GraphBench.operations(model.graph) == before)
        #expect(model.graph.weights["w"]?.dense == levels)
    }

    @Test(.enabled(if: GraphBench.hasRuntime)) func `an unknown operator survives with what it reads`() throws {
        var model = GraphBench.model(
            [
                Node("Constant", inputs: [], outputs: ["k"], attributes: [Attribute("value_float", .float(2))]),
                Node("Mystery", inputs: ["x", "k"], outputs: ["a"], domain: "com.example"),
                Node("Identity", inputs: ["a"], outputs: ["y"]),
            ], inputs: [GraphBench.input("x", [2])], outputs: ["y"])
        try GraphBench.clean(&model)
        #expect(GraphBench.operations(model.graph) == ["Mystery"])
        #expect(model.graph.nodes[0].outputs == ["y"] && model.graph.weights["k"] != nil)
    }

    @Test(.enabled(if: GraphBench.hasRuntime)) func `weights encoded by an earlier stage are kept`() throws {
        let levels = Tensor([Int8](repeating: 1, count: 12), shape: try Shape([4, 3]))
        let form = GroupedIntegers(levels: levels, scales: Tensor(scalar: Float(1)), grouping: .tensor)
        var model = GraphBench.model(
            [Node("Transpose", inputs: ["w"], outputs: ["t"]), Node("MatMul", inputs: ["x", "t"], outputs: ["y"])],
            inputs: [GraphBench.input("x", [1, 3])], outputs: ["y"], weights: [Weight(name: "w", form: .encoded(form))])
        try GraphBench.clean(&model)
        #expect(GraphBench.operations(model.graph) == ["Transpose", "MatMul"])
        #expect(model.graph.weights["w"]?.representation != nil)
    }
}
