import PithCompression
import PithEvaluation
import PithFormats
import PithModel
import PithRuntime
import PithTensor
import Testing

@Suite(.enabled(if: GraphBench.hasRuntime, "needs ONNX Runtime")) struct RecurrentRounderTests {
    private static let steps = 12, inputs = 24, units = 40

    /// A bidirectional layer over `x [samples, steps, inputs]` of which only the last state is read.
    private func model(_ operation: String, gates: Int) throws -> Model {
        let order = { (axes: [Int64]) in [Attribute("perm", .integers(axes))] }
        let (inputs, units) = (Self.inputs, Self.units)
        let layer = [
            Attribute("hidden_size", .integer(Int64(units))),
            Attribute("direction", .string(Array("bidirectional".utf8))),
        ]
        return GraphBench.model(
            [
                Node("Transpose", inputs: ["x"], outputs: ["t"], attributes: order([1, 0, 2])),
                Node(operation, inputs: ["t", "w", "r"], outputs: ["", "h"], attributes: layer),
                Node("Transpose", inputs: ["h"], outputs: ["y"], attributes: order([1, 0, 2])),
            ], inputs: [GraphBench.input("x", [-1, Self.steps, inputs])], outputs: ["y"],
            weights: [
                try weight("w", [2, gates * units, inputs], seed: 1),
                try weight("r", [2, gates * units, units], seed: 2),
            ])
    }

    private func weight(_ name: String, _ lengths: [Int], seed: UInt64) throws -> Weight {
        let numbers = try GraphBench.random(name, lengths, seed: seed).decoded()
        return Weight(name, Tensor(numbers.elements(as: Float.self).map { $0 * 0.2 }, shape: numbers.shape))
    }

    /// Samples whose inputs hang together, as those of speech do.
    private func data(_ model: Model, _ scratch: Scratch) throws -> Dataset {
        let (rows, width) = (320, Self.steps * Self.inputs)
        var numbers = try GraphBench.random("x", [rows, width], seed: 3).decoded().elements(as: Float.self)
        for place in numbers.indices where place % Self.inputs > 0 { numbers[place] += 0.9 * numbers[place - 1] }
        try scratch.write("x.npy", npy: numbers, shape: [rows, Self.steps, Self.inputs])
        let card = try scratch.write(
            "card.yaml", "inputs:\n  x: { file: x.npy }\nmetric: fidelity\ncalibrate: [0, 256]\nevaluate: [256, 320]\n")
        return try Dataset(path: card, graphInputs: model.graph.requiredInputs)
    }

    private func rounded(
        _ model: Model, _ rounding: GPTQQuantizer.Rounding, _ data: Dataset, threads: Int = 2
    ) async throws -> Workpiece {
        var piece = Workpiece(model: model), settings = GPTQQuantizer()
        settings.rounding = rounding
        try await settings.apply(to: &piece, in: StageContext(dataset: data, threads: threads))
        return piece
    }

    @Test(arguments: [("LSTM", 4), ("GRU", 3), ("RNN", 1)])
    func `data makes 4-bit recurrent layers err less than nearest rounding does`(
        operation: String, gates: Int
    ) async throws {
        let model = try model(operation, gates: gates), scratch = try Scratch(), data = try data(model, scratch)
        let piece = try await rounded(model, .refined, data)
        for name in ["w", "r"] {
            let form = try #require(piece.model.graph.weights[name]?.representation as? GroupedIntegers)
            #expect(form.levelBits == 4 && form.shape == model.graph.weights[name]?.shape)
            #expect(piece.encodings[name]?.technique == "quantize.gptq")
        }
        #expect(piece.notes == ["2 weights rounded layer by layer on up to 256 calibration rows (refined)."])
        // The states that got a name to be looked at have none in the result.
        #expect(piece.model.graph.nodes.first { $0.operation == operation }?.outputs == ["", "h"])
        let nearest = try await rounded(model, .nearest, data)
        #expect(nearest.encodings["w"]?.note == "computed in float; nearest rounding: the recipe asks for it")
        #expect(try HeavyTails.sqnr(of: piece, model, data) > HeavyTails.sqnr(of: nearest, model, data) + 1.5)
    }

    @Test func `a walk through both directions errs less with data`() async throws {
        let model = try model("LSTM", gates: 4), scratch = try Scratch(), data = try data(model, scratch)
        func sqnr(_ usesData: Bool) async throws -> Double {
            var coder = TrellisCoder()
            (coder.step, coder.scope, coder.usesData) = (0.25, .weight, usesData)
            let piece = try await HeavyTails.rounded(coder, model, data)
            let form = try #require(piece.model.graph.weights["w"]?.representation as? GroupedIntegers)
            #expect(form.grouping == .tensor && form.shape == model.graph.weights["w"]?.shape)
            return try HeavyTails.sqnr(of: piece, model, data)
        }
        let (blind, weighed) = (try await sqnr(false), try await sqnr(true))
        #expect(weighed > blind + 1, "\(weighed) against \(blind) dB")
    }

    @Test func `one and two threads give the same bytes`() async throws {
        let model = try model("GRU", gates: 3), scratch = try Scratch(), data = try data(model, scratch)
        let one = try await rounded(model, .refined, data, threads: 1), two = try await rounded(model, .refined, data)
        #expect(try ONNXWriter.encode(one.model) == ONNXWriter.encode(two.model))
    }
}
