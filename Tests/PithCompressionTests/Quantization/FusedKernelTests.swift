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
}
