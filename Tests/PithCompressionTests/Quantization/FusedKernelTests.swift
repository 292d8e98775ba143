import Foundation
import PithCompression
import PithFormats
import PithModel
import PithRuntime
import PithTensor
import PithTestSupport
import Testing

/// What ONNX Runtime really runs of a quantized model, by its own profile.
@Suite(.enabled(if: GraphBench.hasRuntime, "needs ONNX Runtime")) struct FusedKernelTests {
    /// Compresses with `int8` under fixed rules, with layers left in float, and counts the kernels of one run.
    private func kernels(model: String, card: String, keepFloat: [String] = []) async throws -> [String: Int] {
        let scratch = try Scratch()
        let original = try ONNXReader.read(path: model)
        let dataset = try Dataset(path: card, graphInputs: original.graph.requiredInputs)
        var piece = Workpiece(model: original)
        for stage in try Recipe.named("int8").stages {
            var technique = stage.technique
            if var calibrated = technique as? StaticQuantizer {
                calibrated.keepFloat = keepFloat
                technique = calibrated
            }
            try await technique.apply(to: &piece, in: StageContext(dataset: dataset, threads: 2))
        }
        var options = SessionOptions()
        options.profilePrefix = scratch.path("profile")
        let session = try Session(bytes: try ONNXWriter.encode(piece.model), name: "int8", options: options)
        _ = try session.run(try dataset.inputs(rows: [0]))
        let kernels = try session.finishProfiling().reduce(into: [:]) { $0[$1.operation, default: 0] += 1 }
        #expect(scratch.names.isEmpty)
        return kernels
    }

    private static let float: Set<String> = [
        "Conv", "FusedConv", "Gemm", "FusedGemm", "MatMul", "Relu", "BatchNormalization", "Add",
    ]

    @Test(.enabled(if: Digits.isRunnable, "needs Examples/Digits")) func `every layer of the example runs in integers`()
        async throws
    {
        let kernels = try await kernels(model: Digits.model, card: Digits.card)
        #expect(kernels["QLinearConv"] == 8)
        #expect(kernels["QLinearAdd"] == 2)
        #expect(kernels["QLinearGlobalAveragePool"] == 1)
        #expect(kernels["QGemm"] == 1)
        #expect(kernels["QuantizeLinear"] == 1)
        #expect(Self.float.isDisjoint(with: kernels.keys), "\(kernels.sorted { $0.key < $1.key })")
    }

    @Test(.enabled(if: SharedData.has("models/resnet20-cifar10.onnx"), "needs the shared data folder"))
    func `every layer of resnet20 runs in integers`() async throws {
        let kernels = try await kernels(
            model: SharedData.url("models/resnet20-cifar10.onnx").path,
            card: SharedData.url("cards/resnet-cifar10.yaml").path)
        #expect(kernels["QLinearConv"] == 19)
        #expect(kernels["QLinearAdd"] == 9)
        #expect(kernels["QGemm"] == 1)
        #expect(Self.float.isDisjoint(with: kernels.keys), "\(kernels.sorted { $0.key < $1.key })")
    }

    @Test(.enabled(if: SharedData.has("models/resnet20-cifar10.onnx"), "needs the shared data folder"))
    func `a first convolution in float leaves no transpositions in the blocks behind it`() async throws {
        let kernels = try await kernels(
            model: SharedData.url("models/resnet20-cifar10.onnx").path,
            card: SharedData.url("cards/resnet-cifar10.yaml").path, keepFloat: ["/conv1/Conv"])
        #expect(kernels["Conv"] == 1)
        #expect(kernels["QLinearConv"] == 18 && kernels["QLinearAdd"] == 9)
        #expect(kernels["Transpose", default: 0] <= 2, "\(kernels.sorted { $0.key < $1.key })")
    }

    /// ONNX Runtime rounds such layers by itself, with one scale for a whole weight, if it is let.
    @Test(.enabled(if: Digits.isRunnable, "needs Examples/Digits"))
    func `layers that are kept in float between integers are computed in float`() async throws {
        let kernels = try await kernels(
            model: Digits.model, card: Digits.card, keepFloat: ["block2.conv1.weight", "head.weight"])
        #expect(kernels["QLinearConv"] == 7 && kernels["QGemm"] == nil, "\(kernels.sorted { $0.key < $1.key })")
        #expect(["Conv", "FusedConv"].reduce(0) { $0 + kernels[$1, default: 0] } == 1)
        #expect(["Gemm", "FusedGemm"].reduce(0) { $0 + kernels[$1, default: 0] } == 1)
    }

    /// A runtime moves a single scale through the pool, up to the layer behind it.
    @Test func `a layer kept in float behind a pool is computed in float`() async throws {
        func convolution(_ input: String, _ layer: Int, _ name: String) -> [Node] {
            [
                Node(
                    "Conv", inputs: [input, "w\(layer)", "b\(layer)"], outputs: ["c\(layer)"],
                    attributes: SmallModels.pads(1), name: name),
                Node("Relu", inputs: ["c\(layer)"], outputs: ["r\(layer)"]),
            ]
        }
        let halves: [Attribute] = ["kernel_shape", "strides"].map { Attribute($0, .integers([2, 2])) }
        let model = GraphBench.model(
            convolution("x", 1, "first") + [Node("MaxPool", inputs: ["r1"], outputs: ["p"], attributes: halves)]
                + convolution("p", 2, "second") + convolution("r2", 3, "third")
                + [Node("GlobalAveragePool", inputs: ["r3"], outputs: ["y"])],
            inputs: [GraphBench.input("x", [1, 8, 8, 8])], outputs: ["y"],
            weights: try (1...3).flatMap { layer in
                [
                    try GraphBench.random("w\(layer)", [8, 8, 3, 3], seed: UInt64(layer)),
                    try GraphBench.random("b\(layer)", [8], seed: UInt64(layer + 10)),
                ]
            })
        let scratch = try Scratch(), samples = try SmallModels.tensor([40, 8, 8, 8], seed: 5)
        try scratch.write("x.npy", npy: samples.elements(as: Float.self), shape: [40, 8, 8, 8])
        let card = try scratch.write(
            "card.yaml",
            "inputs:\n  x: { file: x.npy }\nmetric: fidelity\nbatch: 1\ncalibrate: [0, 32]\nevaluate: [32, 40]\n")
        let data = try Dataset(path: card, graphInputs: model.graph.requiredInputs)
        var piece = Workpiece(model: model), settings = StaticQuantizer()
        (settings.targetSQNR, settings.minimumSQNR, settings.minimumSpeedup) = (0, 0, 0)
        settings.keepFloat = ["second"]
        try await settings.apply(to: &piece, in: StageContext(dataset: data, profile: .fixedRules))
        #expect(piece.model.graph.activationFormats["r1"] != nil && piece.model.graph.activationFormats["p"] == nil)
        let kernels = try DynamicBench.kernels(piece.model, try data.inputs(rows: [33]))
        #expect(kernels["QLinearConv"] == 2, "\(kernels)")
        #expect(["Conv", "FusedConv"].reduce(0) { $0 + kernels[$1, default: 0] } == 1, "\(kernels)")
    }
}
