import Foundation
import PithCompression
import PithEvaluation
import PithFormats
import PithModel
import PithRuntime
import PithTensor
import PithTestSupport
import Testing

@Suite(.enabled(if: GraphBench.hasRuntime, "needs ONNX Runtime")) struct DynamicQuantizerTests {
    private func quantized(
        _ model: Model, _ settings: DynamicQuantizer = DynamicQuantizer(), _ context: StageContext = StageContext()
    ) async throws -> Workpiece {
        var piece = Workpiece(model: model)
        try await settings.apply(to: &piece, in: context)
        return piece
    }

    @Test func `every product runs in one fused kernel`() async throws {
        let model = try DynamicBench.products(), piece = try await quantized(model)
        let kernels = try DynamicBench.kernels(piece.model, ["x": try SmallModels.tensor([3, 64], seed: 5)])
        #expect(kernels["MatMulIntegerToFloat"] == 3, "\(kernels)")
        #expect(kernels["DynamicQuantizeLinear"] == 1, "\(kernels)")
        #expect(kernels["DynamicQuantizeMatMul"] == 1, "\(kernels)")
        #expect(kernels["MatMul"] == nil)
        #expect(kernels["MatMulInteger"] == nil)
    }

    @Test func `the closed loop compares every weight and holds`() async throws {
        let model = try DynamicBench.products(), piece = try await quantized(model)
        let found = try await ClosedLoop.verify(model, piece, written: piece.model)
        #expect(found.weightsCompared == 4)
        #expect(found.unoptimizedSQNR > 30)
        #expect(abs(found.optimizedSQNR - found.unoptimizedSQNR) < 0.5)
    }

    @Test(arguments: ["w1", "w4"]) func `one level that differs is found and its weight named`(name: String)
        async throws
    {
        let model = try DynamicBench.products(), piece = try await quantized(model)
        let form = try #require(piece.model.graph.weights[name]?.representation as? GroupedIntegers)
        var levels = form.levels.elements(as: Int8.self)
        levels[17] = levels[17] == 0 ? 1 : 0
        var tampered = piece.model
        tampered.graph.weights[name]?.form = .encoded(
            GroupedIntegers(levels: Tensor(levels, shape: form.shape), scales: form.scales, grouping: form.grouping))
        let error = await #expect(throws: CompressionError.self) {
            try await ClosedLoop.verify(model, piece, written: tampered)
        }
        #expect(error?.code == .mismatch)
        #expect(error?.problem.contains("'\(name)'") == true)
    }

    @Test func `an LSTM runs in the runtime's integer kernel, its weights compared`() async throws {
        let model = try DynamicBench.recurrent("LSTM")
        var piece = Workpiece(model: model)
        try await StaticQuantizer().apply(to: &piece, in: StageContext())
        #expect(piece.unhandled.count == 2)
        try await DynamicQuantizer().apply(to: &piece, in: StageContext())
        #expect(piece.unhandled.isEmpty)
        let kernels = try DynamicBench.kernels(piece.model, ["x": try SmallModels.tensor([20, 1, 64], seed: 5)])
        #expect(kernels["DynamicQuantizeLSTM"] == 1, "\(kernels)")
        #expect(kernels["LSTM"] == nil)
        let found = try await ClosedLoop.verify(model, piece, written: piece.model)
        #expect(found.weightsCompared == 3)
        #expect(found.optimizedSQNR > 30)
        let rows = Ledger(original: model, piece: piece).rows
        let row = try #require(rows.first { $0.weight == "w" })
        #expect(row.technique == "quantize.dynamic")
        #expect(row.note == "integer kernel (com.microsoft.DynamicQuantizeLSTM), activations rounded at run time")
        let isUnsigned = try KernelOverflow.measured.resolved() == .avoided
        #expect(row.representation == (isUnsigned ? "uint8 per channel" : "int8 per channel"))
        #expect(row.bytesAfter == 256 * 64 + 256 * 5)
    }

    @Test(arguments: [1, 2]) func `the LSTM kernel computes what the same weights in float do`(directions: Int)
        async throws
    {
        let model = try DynamicBench.recurrent("LSTM", directions: directions), piece = try await quantized(model)
        #expect(piece.encodings.count == 3)
        var folded = piece.model
        for name in ["w", "r", "v"] { folded.graph.weights[name]?.execution = .folded }
        let x = try SmallModels.tensor([20, 1, 64], seed: 5)
        // What lies between them is the rounding of activations alone: 8 bits are good for 40 dB and more.
        #expect(try GraphBench.agreement(folded, piece.model, ["x": x]) > 35)
        // Scales that keep kernels from overflowing are up to twice as wide.
        let least = try KernelOverflow.measured.resolved() == .avoided ? 34.0 : 40
        #expect(try GraphBench.agreement(model, folded, ["x": x]) > least)
        let found = try await ClosedLoop.verify(model, piece, written: piece.model)
        #expect(found.weightsCompared == 3)
    }

    @Test func `levels of seven bits leave room for two products in sixteen`() async throws {
        var settings = DynamicQuantizer()
        settings.weightBits = 7
        for model in [try DynamicBench.products(), try DynamicBench.recurrent("LSTM")] {
            let piece = try await quantized(model, settings)
            #expect(!piece.encodings.isEmpty)
            for name in piece.encodings.keys {
                let form = try #require(piece.model.graph.weights[name]?.representation as? GroupedIntegers)
                let levels = form.levels.elements(as: Int8.self)
                #expect(levels.max() == 63 && levels.min() == -63)
            }
        }
    }

    @Test func `a tampered level of a transposed Gemm is found`() async throws {
        let model = GraphBench.model(
            [
                Node(
                    "Gemm", inputs: ["x", "w", "b"], outputs: ["y"], attributes: [Attribute("transB", .integer(1))],
                    name: "gemm")
            ], inputs: [GraphBench.input("x", [-1, 96])], outputs: ["y"],
            weights: [try GraphBench.random("w", [64, 96], seed: 1), try GraphBench.random("b", [64], seed: 2)])
        let piece = try await quantized(model)
        #expect(try await ClosedLoop.verify(model, piece, written: piece.model).weightsCompared == 1)
        let form = try #require(piece.model.graph.weights["w"]?.representation as? GroupedIntegers)
        var levels = form.levels.elements(as: Int8.self)
        levels[70] = levels[70] == 0 ? 1 : 0
        var tampered = piece.model
        tampered.graph.weights["w"]?.form = .encoded(
            GroupedIntegers(levels: Tensor(levels, shape: form.shape), scales: form.scales, grouping: form.grouping))
        let error = await #expect(throws: CompressionError.self) {
            try await ClosedLoop.verify(model, piece, written: tampered)
        }
        #expect(error?.code == .mismatch)
    }

    @Test func `a GRU gets integer weights that are computed in float`() async throws {
        let model = try DynamicBench.recurrent("GRU")
        var piece = try await quantized(model)
        #expect(piece.model.graph.weights["w"]?.representation == nil)
        try await WeightQuantizer().apply(to: &piece, in: StageContext())
        let x = try SmallModels.tensor([20, 1, 64], seed: 5)
        var folded = Workpiece(model: model)
        try await WeightQuantizer().apply(to: &folded, in: StageContext())
        #expect(try GraphBench.agreement(model, folded.model, ["x": x]) > 40)
        let weights = model.graph.weights.reduce(0) { $0 + $1.byteCount }
        #expect(piece.model.graph.weights.reduce(0) { $0 + $1.byteCount } * 34 < weights * 10)
        #expect(try DynamicBench.kernels(piece.model, ["x": x])["GRU"] == 1)
    }

    @Test func `weights read in two ways, and halves of an LSTM, are left alone with the reason`() async throws {
        var model = try DynamicBench.products()
        model.graph.nodes.append(Node("Transpose", inputs: ["w4"], outputs: ["t4"]))
        model.graph.outputs.append(ValueInfo(name: "t4"))
        let piece = try await quantized(model)
        #expect(piece.encodings.keys.sorted() == ["w1", "w2", "w3"])
        #expect(piece.floatReasons["w4"]?.contains("no kernel that rounds activations at run time") == true)
        var settings = DynamicQuantizer()
        settings.minimumCount = 256 * 64
        var lstm = try DynamicBench.recurrent("LSTM")
        lstm.graph.nodes[0].inputs[2] = "computed"
        lstm.graph.nodes.insert(Node("Identity", inputs: ["r"], outputs: ["computed"]), at: 0)
        let half = try await quantized(lstm, settings)
        #expect(half.encodings.isEmpty)
        #expect(half.floatReasons["w"] == "the kernel of LSTM 'cell' takes both its weights or none")
    }

    @Test func `measured layers stay float without data, and are taken with it where they are sound`() async throws {
        let model = try DynamicBench.products(), scratch = try Scratch()
        let without = try await quantized(model, DynamicQuantizer(layers: .measured))
        #expect(without.encodings.isEmpty)
        #expect(without.floatReasons["w1"]?.contains("without calibration data") == true)
        let context = StageContext(dataset: try DynamicBench.dataset(scratch, for: model))
        #expect(try await quantized(model, DynamicQuantizer(layers: .measured), context).encodings.count == 4)
        var strict = DynamicQuantizer(layers: .measured)
        (strict.targetSQNR, strict.allowedLoss) = (90, 0)
        let kept = try await quantized(model, strict, context)
        #expect(kept.encodings.isEmpty)
        #expect(kept.floatReasons["w1"] == "activations rounded at run time: that errs too much")
        #expect(kept.notes.contains { $0.hasPrefix("Tried and not taken: activations rounded at run time in every") })
    }

    @Test func `a result that errs more than is sound is timed only from fastSQNR on`() async throws {
        let model = try DynamicBench.products(), scratch = try Scratch()
        let context = StageContext(
            dataset: try DynamicBench.dataset(scratch, for: model),
            profile: MachineProfile(.file(scratch.path("profile.json"))))
        for (fast, isTimed) in [(20.0, true), (80, false), (0, false)] {
            var settings = DynamicQuantizer(layers: .measured)
            (settings.targetSQNR, settings.allowedLoss, settings.fastSQNR) = (90, 0, fast)
            let every = "Tried and not taken: activations rounded at run time in every layer:"
            let notes = try await quantized(model, settings, context).notes
            // Whether it is taken is up to the machine.
            let taken = "Activations rounded at run time"
            let note = try #require(notes.first { $0.hasPrefix(every) || $0.hasPrefix(taken) })
            #expect(note.contains("x the speed before") == isTimed, "\(note)")
        }
    }

    @Test func `where all products err too much, those are taken that keep the output sound`() async throws {
        // The first three products read one channel a hundred times as large as the others, the last one does not.
        let model = try DynamicBench.products(outlier: 100), scratch = try Scratch()
        let context = StageContext(dataset: try DynamicBench.dataset(scratch, for: model), profile: .fixedRules)
        var settings = DynamicQuantizer(layers: .measured)
        let all = try await quantized(model, context)
        (settings.targetSQNR, settings.allowedLoss) = (36, 0.5)
        let piece = try await quantized(model, settings, context)
        #expect(piece.encodings.keys.sorted() == ["w4"], "\(piece.notes)")
        #expect(piece.floatReasons["w1"] == "activations rounded at run time: that errs too much")
        #expect(piece.notes.contains { $0.hasPrefix("Activations rounded at run time in 1 of 4 products: ") })
        let x = try SmallModels.tensor([30, 64], seed: 21)
        let some = try GraphBench.agreement(model, piece.model, ["x": x])
        let whole = try GraphBench.agreement(model, all.model, ["x": x])
        #expect(some > 36 && some > whole + 6, "\(some) \(whole)")
    }

    private func quantized(_ model: Model, _ context: StageContext) async throws -> Workpiece {
        try await quantized(model, DynamicQuantizer(), context)
    }

    @Test func `levels of an earlier stage are used as they are`() async throws {
        let model = try DynamicBench.products()
        var piece = Workpiece(model: model)
        try await WeightQuantizer().apply(to: &piece, in: StageContext())
        let levels = try #require(piece.model.graph.weights["w2"]?.representation as? GroupedIntegers).levels
        let sqnr = piece.encodings["w2"]?.sqnrDB
        var settings = DynamicQuantizer()
        // Whether the levels overflow on this machine is no matter here.
        settings.overflow = .ignored
        try await settings.apply(to: &piece, in: StageContext())
        #expect(piece.model.graph.weights["w2"]?.execution == .dynamic)
        #expect((piece.model.graph.weights["w2"]?.representation as? GroupedIntegers)?.levels == levels)
        #expect(piece.encodings["w2"]?.technique == "quantize.weights")
        #expect(piece.encodings["w2"]?.sqnrDB == sqnr)
        #expect(piece.encodings["w2"]?.note.contains("MatMulInteger") == true)
        #expect(try await ClosedLoop.verify(model, piece, written: piece.model).weightsCompared == 4)
        // Levels of eight bits are no levels of seven: they stay as they are, and are told.
        piece = Workpiece(model: model)
        try await WeightQuantizer().apply(to: &piece, in: StageContext())
        var narrow = DynamicQuantizer()
        narrow.weightBits = 7
        try await narrow.apply(to: &piece, in: StageContext())
        #expect(piece.model.graph.weights["w2"]?.execution == .folded)
        #expect(piece.floatReasons["w2"] == "an earlier stage gave it more levels than 7 bits have")
        var blocks = WeightQuantizer()
        blocks.blockSize = 32
        piece = Workpiece(model: model)
        try await blocks.apply(to: &piece, in: StageContext())
        try await DynamicQuantizer().apply(to: &piece, in: StageContext())
        #expect(piece.model.graph.weights["w2"]?.execution == .folded)
    }

    @Test func `settings outside their range are refused`() {
        for change: @Sendable (inout DynamicQuantizer) -> Void in [
            { $0.minimumCount = -1 }, { $0.allowedLoss = -1 }, { $0.minimumSpeedup = -1 }, { $0.weightBits = 9 },
        ] {
            var settings = DynamicQuantizer()
            change(&settings)
            let error = #expect(throws: CompressionError.self) { try settings.validate() }
            #expect(error?.code == .invalidSetting)
        }
    }

    @Test(.enabled(if: SharedData.has("models/all-minilm-l6-v2.onnx"), "needs the shared data folder"))
    func `all 36 products of MiniLM run in fused kernels`() async throws {
        let model = try ONNXReader.read(path: SharedData.url("models/all-minilm-l6-v2.onnx").path)
        var piece = Workpiece(model: model)
        try await CleanUp().apply(to: &piece, in: StageContext())
        try await DynamicQuantizer().apply(to: &piece, in: StageContext())
        #expect(piece.encodings.count == 36)
        let tokens = Tensor([Int64](repeating: 1012, count: 32), shape: try Shape([1, 32]))
        let mask = Tensor([Int64](repeating: 1, count: 32), shape: try Shape([1, 32]))
        let kernels = try DynamicBench.kernels(piece.model, ["input_ids": tokens, "attention_mask": mask])
        #expect(kernels["DynamicQuantizeMatMul"] == 18, "\(kernels)")
        #expect(kernels["MatMulIntegerToFloat"] == 18, "\(kernels)")
        #expect(kernels["MatMulInteger"] == nil)
    }

    @Test(.enabled(if: SharedData.has("models/silero-vad.onnx"), "needs the shared data folder"))
    func `both LSTMs of silero-vad's branches are taken`() async throws {
        let model = try ONNXReader.read(path: SharedData.url("models/silero-vad.onnx").path)
        var piece = Workpiece(model: model)
        try await CleanUp().apply(to: &piece, in: StageContext())
        try await DynamicQuantizer().apply(to: &piece, in: StageContext())
        #expect(piece.encodings.count == 4)
        #expect(piece.encodings.keys.allSatisfy { $0.contains("_branch/") })
        let lowered = try ONNXLowering.lowered(piece.model)
        var kernels = 0
        lowered.graph.forEachGraph { graph, _ in kernels += graph.nodes.count { $0.operation == "DynamicQuantizeLSTM" }
        }
        #expect(kernels == 2)
    }
}
