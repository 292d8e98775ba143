import PithCompression
import PithEvaluation
import PithFormats
import PithModel
import PithRuntime
import PithTensor
import Testing

@Suite(.enabled(if: GraphBench.hasRuntime, "needs ONNX Runtime")) struct BlockComputerTests {
    private func inBlocks(_ model: Model, bits: Int, size: Int = 32) async throws -> Workpiece {
        var piece = Workpiece(model: model), quantizer = WeightQuantizer()
        (quantizer.bits, quantizer.blockSize, quantizer.scales) = (bits, size, .float16)
        quantizer.symmetric = bits == 8
        try await quantizer.apply(to: &piece, in: StageContext())
        return piece
    }

    private func computer(_ arithmetic: BlockComputer.Arithmetic) -> BlockComputer {
        var technique = BlockComputer()
        (technique.arithmetic, technique.targetSQNR, technique.minimumSpeedup) = (arithmetic, 20, 0)
        return technique
    }

    @Test(arguments: [4, 8], [BlockComputer.Arithmetic.int8, .float])
    func `blocks stay as they are, are computed by kernels, and are compared in the closed loop`(
        bits: Int, arithmetic: BlockComputer.Arithmetic
    ) async throws {
        let model = try DynamicBench.products(), scratch = try Scratch()
        let context = StageContext(dataset: try DynamicBench.dataset(scratch, for: model), profile: .fixedRules)
        var piece = try await inBlocks(model, bits: bits)
        let folded = piece.model
        try await computer(arithmetic).apply(to: &piece, in: context)
        let kernels = try DynamicBench.kernels(piece.model, ["x": try SmallModels.tensor([3, 64], seed: 5)])
        #expect(kernels["MatMulNBits"] == 4, "\(kernels) \(piece.notes)")
        #expect(kernels["MatMul"] == nil)
        #expect(try await ClosedLoop.verify(model, piece, written: piece.model).weightsCompared == 4)
        let x = try SmallModels.tensor([9, 64], seed: 6)
        let apart = try GraphBench.agreement(folded, piece.model, ["x": x])
        #expect(arithmetic == .float ? apart > 110 : apart > 38, "\(apart)")
        let row = try #require(Ledger(original: model, piece: piece).rows.first { $0.weight == "w2" })
        #expect(row.technique == "quantize.weights")
        #expect(row.note.hasPrefix("block kernel (com.microsoft.MatMulNBits), "))
        #expect(!row.representation.contains("folded"))
        #expect(piece.decisions["blockWeights"] == .array((1...4).map { .string("w\($0)") }))
    }

    @Test func `one level that differs is found and its weight named`() async throws {
        let model = try DynamicBench.products(), scratch = try Scratch()
        let context = StageContext(dataset: try DynamicBench.dataset(scratch, for: model), profile: .fixedRules)
        var piece = try await inBlocks(model, bits: 8)
        try await computer(.int8).apply(to: &piece, in: context)
        let form = try #require(piece.model.graph.weights["w3"]?.representation as? GroupedIntegers)
        var levels = form.levels.elements(as: Int8.self)
        levels[17] = levels[17] == 0 ? 1 : 0
        var tampered = piece.model
        tampered.graph.weights["w3"]?.form = .encoded(
            GroupedIntegers(levels: Tensor(levels, shape: form.shape), scales: form.scales, grouping: form.grouping))
        let error = await #expect(throws: CompressionError.self) {
            try await ClosedLoop.verify(model, piece, written: tampered)
        }
        #expect(error?.code == .mismatch)
        #expect(error?.problem.contains("'w3'") == true)
    }

    /// Two tables that the same numbers choose rows of, one of them in a branch, and one that is read whole.
    private func tables() throws -> Model {
        let inner = Graph(
            name: "then", nodes: [Node("Gather", inputs: ["u", "i"], outputs: ["z"])], outputs: [ValueInfo(name: "z")])
        let other = Graph(
            name: "else", nodes: [Node("Gather", inputs: ["t", "i"], outputs: ["o"])], outputs: [ValueInfo(name: "o")])
        let branches = [Attribute("then_branch", .graph(inner)), Attribute("else_branch", .graph(other))]
        return GraphBench.model(
            [
                Node("Cast", inputs: ["x"], outputs: ["i"], attributes: [Attribute("to", .integer(7))]),
                Node("Gather", inputs: ["t", "i"], outputs: ["a"]),
                Node("ReduceMax", inputs: ["x"], outputs: ["m"], attributes: [Attribute("keepdims", .integer(0))]),
                Node("Cast", inputs: ["m"], outputs: ["c"], attributes: [Attribute("to", .integer(9))]),
                Node("If", inputs: ["c"], outputs: ["b"], attributes: branches),
                Node("Add", inputs: ["a", "b"], outputs: ["s"]),
                Node("ReduceMean", inputs: ["v"], outputs: ["w"], attributes: [Attribute("axes", .integers([0]))]),
                Node("Add", inputs: ["s", "w"], outputs: ["y"]),
            ], inputs: [GraphBench.input("x", [-1, 4])], outputs: ["y"],
            weights: [
                try GraphBench.random("t", [40, 64], seed: 1), try GraphBench.random("u", [40, 64], seed: 2),
                try GraphBench.random("v", [64, 64], seed: 3),
            ])
    }

    @Test(arguments: [4, 8]) func `tables are read by row, with the same numbers, and compared`(bits: Int) async throws
    {
        let model = try tables()
        var piece = Workpiece(model: model), quantizer = WeightQuantizer()
        (quantizer.bits, quantizer.blockSize, quantizer.minimumCount) = (bits, 32, 1)
        quantizer.symmetric = bits == 8
        try await quantizer.apply(to: &piece, in: StageContext())
        let folded = piece.model
        var technique = BlockComputer()
        technique.minimumCount = 1
        try await technique.apply(to: &piece, in: StageContext(profile: .fixedRules))
        #expect(
            piece.model.graph.weights.filter { $0.execution == .rows }.map(\.name) == ["t", "u"],
            "\(piece.notes)")
        #expect(piece.decisions["rowWeights"] == .array([.string("t"), .string("u")]))
        #expect(MinimumRuntime.name(of: piece.model) == "ONNX Runtime 1.23")
        let x = Tensor((0..<12).map { Float($0 * 3) }, shape: try Shape([3, 4]))
        #expect(try GraphBench.agreement(folded, piece.model, ["x": x]) == .infinity)
        #expect(try await ClosedLoop.verify(model, piece, written: piece.model).weightsCompared >= 2)
        let row = try #require(Ledger(original: model, piece: piece).rows.first { $0.weight == "t" })
        #expect(row.note.hasPrefix("row kernel (com.microsoft.GatherBlockQuantized)"))
        var tampered = piece.model
        let form = try #require(tampered.graph.weights["u"]?.representation as? GroupedIntegers)
        let scales = form.scales.elements(as: Float.self).enumerated().map { $0 == 7 ? $1 * 1.01 : $1 }
        tampered.graph.weights["u"]?.form = .encoded(
            GroupedIntegers(
                levels: form.levels, scales: Tensor(scales, shape: form.scales.shape), zeroPoints: form.zeroPoints,
                grouping: form.grouping, levelBits: form.levelBits))
        let error = await #expect(throws: CompressionError.self) {
            try await ClosedLoop.verify(model, piece, written: tampered)
        }
        #expect(error?.code == .mismatch && error?.problem.contains("'u'") == true)
    }

    @Test func `weights without blocks, and models without data, are told`() async throws {
        let model = try DynamicBench.products(), scratch = try Scratch()
        var piece = Workpiece(model: model)
        try await WeightQuantizer().apply(to: &piece, in: StageContext())
        try await BlockComputer().apply(to: &piece, in: StageContext())
        #expect(piece.notes.contains { $0.contains("nothing reads 4- or 8-bit levels in blocks") })
        piece = try await inBlocks(model, bits: 4)
        try await BlockComputer().apply(to: &piece, in: StageContext())
        #expect(piece.model.graph.weights["w1"]?.execution == .folded)
        #expect(piece.floatReasons["w1"]?.contains("without calibration data") == true)
        var slow = BlockComputer()
        slow.minimumSpeedup = 1000
        let context = StageContext(
            dataset: try DynamicBench.dataset(scratch, for: model),
            profile: MachineProfile(.cache(scratch.path("profile.json"))))
        try await slow.apply(to: &piece, in: context)
        #expect(piece.model.graph.weights["w1"]?.execution == .folded)
        #expect(piece.notes.contains { $0.hasPrefix("Tried and not taken: blocks used as they are stored in every") })
    }

    @Test(arguments: [24, 48, 60]) func `axes shorter than a block are taken whole`(inputs: Int) async throws {
        let model = GraphBench.model(
            [
                Node("Slice", inputs: ["x", "zero", "end", "one"], outputs: ["s"]),
                Node("MatMul", inputs: ["s", "w"], outputs: ["y"]),
                Node("Gemm", inputs: ["s", "v", "b"], outputs: ["z"], attributes: [Attribute("transB", .integer(1))]),
            ], inputs: [GraphBench.input("x", [-1, 64])], outputs: ["y", "z"],
            weights: [
                try GraphBench.random("w", [inputs, 96], seed: 1), try GraphBench.random("v", [96, inputs], seed: 2),
                try GraphBench.random("b", [96], seed: 3), GraphBench.integers("zero", [0]),
                GraphBench.integers("end", [Int64(inputs)]), GraphBench.integers("one", [1]),
            ])
        let scratch = try Scratch()
        let context = StageContext(dataset: try DynamicBench.dataset(scratch, for: model), profile: .fixedRules)
        var piece = Workpiece(model: model), settings = DynamicQuantizer(layers: .measured, kernels: .measured)
        (settings.targetSQNR, settings.minimumCount) = (30, 1)
        try await settings.apply(to: &piece, in: context)
        // A range for each row errs less than one for all.
        #expect(piece.model.graph.weights.filter { $0.execution == .roundedBlocks }.map(\.name) == ["w", "v"])
        #expect(try await ClosedLoop.verify(model, piece, written: piece.model).weightsCompared == 2)
        #expect(try GraphBench.agreement(model, piece.model, ["x": try SmallModels.tensor([30, 64], seed: 4)]) > 38)
    }

    @Test func `channels of different sizes are taken by blocks where one range ruins them`() async throws {
        let model = try DynamicBench.unequal(products: 4), scratch = try Scratch()
        let context = StageContext(dataset: try DynamicBench.dataset(scratch, for: model), profile: .fixedRules)
        var piece = Workpiece(model: model)
        var settings = DynamicQuantizer(layers: .measured, kernels: .measured)
        (settings.targetSQNR, settings.allowedLoss) = (36, 0.5)
        try await settings.apply(to: &piece, in: context)
        #expect(piece.model.graph.weights.filter { $0.execution == .roundedBlocks }.count == 4, "\(piece.notes)")
        #expect(piece.encodings["w1"]?.technique == "quantize.dynamic")
        #expect(try await ClosedLoop.verify(model, piece, written: piece.model).weightsCompared == 4)
        #expect(try GraphBench.agreement(model, piece.model, ["x": try SmallModels.tensor([30, 64], seed: 21)]) > 36)
        var every = DynamicQuantizer(layers: .every, kernels: .measured)
        every.minimumCount = 1
        #expect(throws: CompressionError.self) { try every.validate() }
    }
}
