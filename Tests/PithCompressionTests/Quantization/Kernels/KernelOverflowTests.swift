import Foundation
import PithCompression
import PithEvaluation
import PithFormats
import PithModel
import PithRuntime
import PithTensor
import Testing

@Suite(.enabled(if: GraphBench.hasRuntime, "needs ONNX Runtime")) struct KernelOverflowTests {
    @Test func `what the runtime answers agrees with the flags of the processor`() throws {
        #expect(try KernelOverflow.avoided.resolved() == .avoided && KernelOverflow.ignored.resolved() == .ignored)
        let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        let flags = text.split(separator: "\n").first { $0.hasPrefix("flags") }?.split(separator: " ") ?? []
        guard flags.contains("avx2") else { return }
        let adds = flags.contains("avx512_vnni") || flags.contains("avx_vnni")
        #expect(try KernelOverflow.measured.resolved() == (adds ? .ignored : .avoided))
    }

    /// `x [n, 12, 6, 6] -> Conv, ReLU, Conv in two groups, ReLU, pool -> Gemm -> y`: weights of one sign overflow wherever kernels do.
    private func network() throws -> Model {
        func positive(_ name: String, _ lengths: [Int], seed: UInt64) throws -> Weight {
            let weight = try GraphBench.random(name, lengths, seed: seed)
            // Large ones lie side by side.
            let numbers = weight.decoded().elements(as: Float.self).map { abs($0) + 1 }
            return Weight(name, Tensor(numbers, shape: weight.shape))
        }
        let pads = Attribute("pads", .integers([1, 1, 1, 1]))
        return GraphBench.model(
            [
                Node("Conv", inputs: ["x", "w1"], outputs: ["c1"], attributes: [pads], name: "first"),
                Node("Relu", inputs: ["c1"], outputs: ["r1"]),
                Node(
                    "Conv", inputs: ["r1", "w2"], outputs: ["c2"], attributes: [pads, Attribute("group", .integer(2))],
                    name: "second"),
                Node("Relu", inputs: ["c2"], outputs: ["r2"]),
                Node("GlobalAveragePool", inputs: ["r2"], outputs: ["p"]),
                Node("Flatten", inputs: ["p"], outputs: ["f"]),
                Node(
                    "Gemm", inputs: ["f", "w3"], outputs: ["y"], attributes: [Attribute("transB", .integer(1))],
                    name: "last"),
            ], inputs: [GraphBench.input("x", [-1, 12, 6, 6])], outputs: ["y"],
            weights: [
                try positive("w1", [8, 12, 3, 3], seed: 1), try positive("w2", [8, 4, 3, 3], seed: 2),
                try positive("w3", [4, 8], seed: 3),
            ])
    }

    @Test func `layers whose scales are wide enough compute the same with and without the runtime's kernels`()
        async throws
    {
        let model = try network(), scratch = try Scratch()
        let samples = try SmallModels.tensor([40, 12, 6, 6], seed: 5)
        try scratch.write("x.npy", npy: samples.elements(as: Float.self).map { abs($0) + 1 }, shape: [40, 12, 6, 6])
        let card = try scratch.write(
            "card.yaml", "inputs:\n  x: { file: x.npy }\nmetric: fidelity\ncalibrate: [0, 32]\nevaluate: [32, 40]\n")
        let data = try Dataset(path: card, graphInputs: model.graph.requiredInputs)
        var settings = StaticQuantizer()
        settings.overflow = .avoided
        (settings.targetSQNR, settings.minimumSQNR, settings.minimumSpeedup) = (0, 0, 0)
        var piece = Workpiece(model: model)
        try await settings.apply(to: &piece, in: StageContext(dataset: data, profile: .fixedRules))
        #expect(piece.decisions["overflow"] == .string("avoided"))
        for (name, isConvolution) in [("w1", true), ("w2", true), ("w3", false)] {
            let form = try #require(piece.model.graph.weights[name]?.representation as? GroupedIntegers, "\(name)")
            let rows = try #require(PairedRows(form.shape, axis: 0, isConvolution: isConvolution))
            #expect(rows.isExact(form), "\(name)")
        }
        let kernels = try DynamicBench.kernels(piece.model, try data.inputs(rows: [33]))
        #expect(kernels["QLinearConv"] == 2 && kernels["QGemm"] == 1, "\(kernels)")
        var options = SessionOptions()
        options.optimization = .none
        let bytes = try ONNXWriter.encode(piece.model), inputs = try data.inputs(rows: Array(32..<40))
        let fast = try Session(bytes: bytes, name: "fast").run(inputs)["y"]?.floats() ?? []
        let plain = try Session(bytes: bytes, name: "plain", options: options).run(inputs)["y"]?.floats() ?? []
        let squares = zip(fast, plain).map { (difference: $0 - $1, plain: $1) }
        let noise = squares.reduce(0 as Float) { $0 + $1.difference * $1.difference }
        let signal = squares.reduce(0 as Float) { $0 + $1.plain * $1.plain }
        // Two steps of rounding at most, in outputs that lie far from zero.
        #expect(fast.count == 32 && noise <= 1e-4 * signal, "\(noise)")
    }

    @Test func `levels of an earlier stage that overflow are not used where that is to be avoided`() async throws {
        let model = try DynamicBench.products()
        var piece = Workpiece(model: model), settings = DynamicQuantizer()
        settings.overflow = .avoided
        try await WeightQuantizer().apply(to: &piece, in: StageContext())
        try await settings.apply(to: &piece, in: StageContext())
        #expect(piece.model.graph.weights["w2"]?.execution == .folded)
        #expect(piece.floatReasons["w2"] == "an earlier stage gave it levels that overflow in pairs")
        #expect(piece.decisions["overflow"] == nil)
        piece = Workpiece(model: model)
        try await settings.apply(to: &piece, in: StageContext())
        for name in ["w1", "w2", "w3", "w4"] {
            let form = try #require(piece.model.graph.weights[name]?.representation as? GroupedIntegers)
            let rows = try #require(PairedRows(form.shape, axis: 1, isConvolution: false))
            #expect(rows.isExact(form))
        }
        #expect(piece.notes.contains { $0.hasPrefix("No pair of products overflows") })
    }

    /// Weights of one sign and inputs above zero, so that signed levels overflow wherever kernels do.
    private func recurrent(directions: Int) throws -> Model {
        var model = try DynamicBench.recurrent("LSTM", directions: directions)
        for name in ["w", "r"] {
            let weight = try #require(model.graph.weights[name]?.dense)
            let numbers = weight.elements(as: Float.self).map { abs($0) / 8 }
            model.graph.weights[name]?.form = .dense(Tensor(numbers, shape: weight.shape))
        }
        return model
    }

    @Test(arguments: [1, 2]) func `LSTMs get the same numbers by levels without a sign, which kernels add exactly`(
        directions: Int
    ) async throws {
        let model = try recurrent(directions: directions)
        var pieces: [Workpiece] = []
        for overflow in [KernelOverflow.ignored, .avoided] {
            var settings = DynamicQuantizer(), piece = Workpiece(model: model)
            settings.overflow = overflow
            try await settings.apply(to: &piece, in: StageContext())
            pieces.append(piece)
        }
        let x = try SmallModels.tensor([20, 1, 64], seed: 5).elements(as: Float.self).map { abs($0) + 1 }
        let inputs = ["x": Tensor(x, shape: try Shape([20, 1, 64]))]
        for name in ["w", "r"] {
            let forms = try pieces.map {
                try #require($0.model.graph.weights[name]?.representation as? GroupedIntegers)
            }
            #expect(forms.map(\.levels.type) == [.int8, .uint8])
            #expect(forms[1].zeroPoints?.integers()?.allSatisfy { $0 == 128 } ?? false)
            #expect(forms[0].decoded().elements(as: Float.self) == forms[1].decoded().elements(as: Float.self))
        }
        // The head's scales are wide where pairs are looked after: what the layer itself hands on is compared.
        var models = pieces.map(\.model)
        for index in models.indices { models[index].graph.outputs = [ValueInfo(name: "h")] }
        for name in ["w", "r"] { models[0].graph.weights[name]?.execution = .folded }
        func states(_ model: Model) throws -> [Float] {
            try Session(bytes: try ONNXWriter.encode(model), name: "states").run(inputs)["h"]?.floats() ?? []
        }
        let float = try states(models[0]), exact = try states(models[1])
        let differences = zip(float, exact).map { $0 - $1 }
        let noise = differences.reduce(0 as Float) { $0 + $1 * $1 }
        let signal = float.reduce(0 as Float) { $0 + $1 * $1 }
        // The rounding of activations alone.
        #expect(float.count == 20 * directions * 64 && noise < 1e-4 * signal, "\(noise / signal)")
        #expect(try DynamicBench.kernels(pieces[1].model, inputs)["DynamicQuantizeLSTM"] == 1)
        #expect(try await ClosedLoop.verify(model, pieces[1], written: pieces[1].model).weightsCompared == 3)
    }

    @Test func `levels that an earlier stage gave an LSTM lose their sign`() async throws {
        var piece = Workpiece(model: try recurrent(directions: 1)), settings = DynamicQuantizer()
        settings.overflow = .avoided
        try await WeightQuantizer().apply(to: &piece, in: StageContext())
        let before = try #require(piece.model.graph.weights["w"]).decoded().elements(as: Float.self)
        try await settings.apply(to: &piece, in: StageContext())
        let weight = try #require(piece.model.graph.weights["w"]), form = weight.representation as? GroupedIntegers
        #expect(weight.execution == .dynamic && form?.levels.type == .uint8)
        #expect(weight.decoded().elements(as: Float.self) == before)
    }
}
