import Foundation
import PithCompression
import PithEvaluation
import PithFormats
import PithModel
import PithRuntime
import PithTensor
import Testing

@Suite(.enabled(if: GraphBench.hasRuntime, "needs ONNX Runtime")) struct GPTQQuantizerTests {
    /// Output SQNR on rows that were not calibrated on, in dB.
    private func sqnr(_ settings: some Technique, _ model: Model, _ data: Dataset) async throws -> Double {
        try HeavyTails.sqnr(of: try await HeavyTails.rounded(settings, model, data), model, data)
    }

    @Test func `four layers with heavy tails keep 16 dB at 4 bits in blocks of 32`() async throws {
        let layers = try HeavyTails(width: 512, rows: 2048, try Scratch())
        var settings = GPTQQuantizer()
        settings.calibrationRows = 2048
        let refined = try await layers.sqnr(settings)
        #expect(refined >= 16, "\(refined)")
        settings.rounding = .nearest
        settings.strength = 0
        let nearest = try await layers.sqnr(settings)
        #expect(refined > nearest + 2, "\(refined) against \(nearest)")
    }

    @Test func `each kind of rounding is better than the one before`() async throws {
        let layers = try HeavyTails(width: 96, rows: 1000, try Scratch())
        var results: [Double] = []
        for rounding in GPTQQuantizer.Rounding.allCases {
            var settings = GPTQQuantizer()
            (settings.rounding, settings.calibrationRows) = (rounding, 800)
            results.append(try await layers.sqnr(settings))
        }
        #expect(results == results.sorted(), "\(results)")
        var without = GPTQQuantizer()
        (without.strength, without.calibrationRows) = (0, 800)
        #expect(try await layers.sqnr(without) < results[2])
    }

    @Test(arguments: ["SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET"])
    func `convolutions with groups, strides and paddings see the inputs that they get`(padding: String) async throws {
        let scratch = try Scratch()
        var attributes = [
            Attribute("group", .integer(2)), Attribute("strides", .integers([2, 1])),
            // ONNX Runtime takes no dilation with SAME.
            Attribute("dilations", .integers([1, padding.hasPrefix("SAME") ? 1 : 2])),
            Attribute("auto_pad", .string(Array(padding.utf8))),
        ]
        if padding == "NOTSET" { attributes.append(Attribute("pads", .integers([1, 0, 2, 3]))) }
        let model = GraphBench.model(
            [
                Node("Conv", inputs: ["x", "w"], outputs: ["c"], attributes: attributes, name: "grouped"),
                Node("Relu", inputs: ["c"], outputs: ["y"]),
            ], inputs: [GraphBench.input("x", [-1, 4, 9, 11])], outputs: ["y"],
            weights: [try GraphBench.random("w", [6, 2, 3, 3], seed: 1)])
        let numbers = try GraphBench.random("", [60, 4, 9, 11], seed: 2).decoded().elements(as: Float.self)
        try scratch.write("x.npy", npy: numbers, shape: [60, 4, 9, 11])
        let card = try scratch.write(
            "card.yaml", "inputs:\n  x: { file: x.npy }\nmetric: fidelity\ncalibrate: [0, 40]\nevaluate: [40, 60]\n")
        let data = try Dataset(path: card, graphInputs: model.graph.requiredInputs)
        var settings = GPTQQuantizer()
        (settings.bits, settings.minimumCount) = (8, 1)
        // Wrong patches would pull the weights away from what they were: eight bits alone err by 45 dB and more.
        let exact = try await sqnr(settings, model, data)
        #expect(exact > 40, "\(exact)")
    }

    @Test func `a product's own bias and a matrix that a node transposes are found`() throws {
        let graph = GraphBench.model(
            [
                Node("MatMul", inputs: ["x", "a"], outputs: ["m"]), Node("Add", inputs: ["b", "m"], outputs: ["s"]),
                Node("Add", inputs: ["s", "x"], outputs: ["r"]), Node("Transpose", inputs: ["c"], outputs: ["ct"]),
                Node("MatMul", inputs: ["r", "ct"], outputs: ["y"]),
            ], inputs: [GraphBench.input("x", [-1, 8])], outputs: ["y"],
            weights: [
                try GraphBench.random("a", [8, 8], seed: 1), try GraphBench.random("b", [8], seed: 2),
                try GraphBench.random("c", [20, 8], seed: 3),
            ]
        ).graph
        let layers = RoundingLayer.all(in: graph)
        #expect(layers.map(\.weight) == ["a", "c"])
        #expect(layers.map(\.bias) == [.summand("b", node: 1), .absent])
        #expect(layers.map(\.target) == ["r", "y"])
        #expect(layers.map(\.shortcut) == ["x", nil])
        #expect(layers.map(\.outputsFirst) == [false, true])
    }

    @Test func `positions that only fill up a sequence do not count`() throws {
        let mask = Tensor([1, 1, 0, 1, 0, 0] as [Int64], shape: try Shape([2, 3]))
        let tokens = try #require(TokenMask(["attention_mask": mask, "x": mask]))
        #expect(tokens.chosen((0..<12).map { Float($0) }, width: 2) == [0, 1, 2, 3, 6, 7])
        #expect(tokens.chosen([1, 2, 3], width: 1) == [1, 2, 3])
        #expect(TokenMask(["mask": mask]) == nil)
    }

    @Test func `without data weights are rounded to nearest, and the report says so`() async throws {
        var piece = Workpiece(model: try SmallModels.residual())
        try await GPTQQuantizer().apply(to: &piece, in: StageContext())
        #expect(piece.notes.contains { $0.contains("without calibration data") })
        #expect(piece.encodings["w2"]?.technique == "quantize.gptq")
        #expect(piece.encodings["w2"]?.note == "computed in float; nearest rounding: there is no calibration data")
        #expect((piece.model.graph.weights["w2"]?.representation as? GroupedIntegers)?.levels.type == .uint4)
    }

    /// Rows of numbers around `mean` for inputs of the given widths.
    private func rows(_ widths: [String: Int], around mean: Float, _ scratch: Scratch, _ model: Model) throws -> Dataset
    {
        var lines = "inputs:\n"
        for (name, width) in widths.sorted(by: { $0.key < $1.key }) {
            let numbers = try GraphBench.random("", [400, width], seed: UInt64(width), around: mean).decoded()
            try scratch.write("\(name).npy", npy: numbers.elements(as: Float.self), shape: [400, width])
            lines += "  \(name): { file: \(name).npy }\n"
        }
        let card = try scratch.write(
            "card.yaml", lines + "metric: fidelity\ncalibrate: [0, 300]\nevaluate: [300, 400]\n")
        return try Dataset(path: card, graphInputs: model.graph.requiredInputs)
    }

    @Test func `a row that two products add is copied for the first, and each makes up for its own mean`() async throws
    {
        let scratch = try Scratch()
        let model = GraphBench.model(
            [
                Node("MatMul", inputs: ["x", "u"], outputs: ["a"]), Node("Add", inputs: ["a", "b"], outputs: ["y"]),
                Node("MatMul", inputs: ["x", "v"], outputs: ["c"]), Node("Add", inputs: ["c", "b"], outputs: ["z"]),
            ], inputs: [GraphBench.input("x", [-1, 64])], outputs: ["y", "z"],
            weights: [
                try GraphBench.random("u", [64, 32], seed: 1), try GraphBench.random("v", [64, 32], seed: 2),
                try GraphBench.random("b", [32], seed: 3),
            ])
        let data = try rows(["x": 64], around: 3, scratch, model)
        var piece = Workpiece(model: model)
        try await GPTQQuantizer().apply(to: &piece, in: StageContext(dataset: data))
        #expect(piece.encodings.keys.sorted() == ["u", "v"])
        #expect(piece.model.graph.weights.map(\.name).sorted() == ["b", "u", "u_bias", "v"])
        #expect(piece.trace.fate(of: "b").names.contains("u_bias"))
        // Inputs lie around 3: had the mean been left to a bias that does not change, little would be left.
        let found = try await sqnr(GPTQQuantizer(), model, data)
        #expect(found > 35, "\(found)")
    }

    @Test func `a layer whose shortcut is broadcast is rounded to nearest`() async throws {
        let scratch = try Scratch()
        let model = GraphBench.model(
            [
                Node("MatMul", inputs: ["x", "w"], outputs: ["a"]), Node("Add", inputs: ["a", "s"], outputs: ["y"]),
            ], inputs: [GraphBench.input("x", [-1, 64]), GraphBench.input("s", [-1, 1])], outputs: ["y"],
            weights: [try GraphBench.random("w", [64, 32], seed: 1)])
        let data = try rows(["x": 64, "s": 1], around: 0, scratch, model)
        var piece = Workpiece(model: model)
        try await GPTQQuantizer().apply(to: &piece, in: StageContext(dataset: data))
        #expect((piece.model.graph.weights["w"]?.representation as? GroupedIntegers)?.levels.type == .uint4)
        #expect(piece.encodings["w"]?.note.contains("its inputs were not seen") == true)
        #expect(piece.refusals.isEmpty)
    }

    @Test func `inputs that are all alike leave a weight to nearest rounding`() async throws {
        let scratch = try Scratch(), model = try HeavyTails(width: 32, rows: 40, scratch).model
        try scratch.write("zeros.npy", npy: [Float](repeating: 0, count: 40 * 32), shape: [40, 32])
        let card = try scratch.write(
            "zeros.yaml", "inputs:\n  x: { file: zeros.npy }\nmetric: fidelity\ncalibrate: [0, 1]\nevaluate: [1, 40]\n")
        let data = try Dataset(path: card, graphInputs: model.graph.requiredInputs)
        var piece = Workpiece(model: model)
        try await GPTQQuantizer().apply(to: &piece, in: StageContext(dataset: data))
        #expect(piece.model.graph.weights.allSatisfy { ($0.representation as? GroupedIntegers)?.levelBits == 4 })
    }
}
