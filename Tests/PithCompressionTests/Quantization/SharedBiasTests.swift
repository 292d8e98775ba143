import PithCompression
import PithEvaluation
import PithFormats
import PithModel
import PithTensor
import Testing

/// Weights and biases that several products share.
@Suite(.enabled(if: GraphBench.hasRuntime, "needs ONNX Runtime")) struct SharedBiasTests {
    /// Two products with a sum and a ReLU behind each; `weights` and `biases` name what they read.
    private func model(_ weights: [String], _ biases: [String]) throws -> Model {
        GraphBench.model(
            [
                Node("MatMul", inputs: ["x", weights[0]], outputs: ["m1"]),
                Node("Add", inputs: ["m1", biases[0]], outputs: ["s1"]), Node("Relu", inputs: ["s1"], outputs: ["r"]),
                Node("MatMul", inputs: ["r", weights[1]], outputs: ["m2"]),
                Node("Add", inputs: [biases[1], "m2"], outputs: ["y"]),
            ], inputs: [GraphBench.input("x", [-1, 32])], outputs: ["y"],
            weights: try Set(weights).sorted().enumerated().map {
                try GraphBench.random($1, [32, 32], seed: 5 + UInt64($0))
            }
                + Set(biases).sorted().enumerated().map { try GraphBench.random($1, [32], seed: 9 + UInt64($0)) })
    }

    private func data(_ scratch: Scratch, for model: Model) throws -> Dataset {
        let numbers = try GraphBench.random("", [400, 32], seed: 2).decoded().elements(as: Float.self)
        try scratch.write("x.npy", npy: numbers, shape: [400, 32])
        let card = try scratch.write(
            "card.yaml", "inputs:\n  x: { file: x.npy }\nmetric: fidelity\ncalibrate: [0, 300]\nevaluate: [300, 400]\n")
        return try Dataset(path: card, graphInputs: model.graph.requiredInputs)
    }

    @Test(arguments: [["a", "b"], ["a", "a"]], [["c", "d"], ["c", "c"]])
    func `8 bits with the help of data never err more than to nearest`(weights: [String], biases: [String]) async throws
    {
        let scratch = try Scratch(), model = try model(weights, biases), data = try data(scratch, for: model)
        var settings = GPTQQuantizer()
        (settings.bits, settings.blockSize, settings.minimumCount) = (8, 0, 1)
        let rounded = try await HeavyTails.rounded(settings, model, data)
        let nearest = try await HeavyTails.rounded(WeightQuantizer(), model, data)
        let sqnr = try HeavyTails.sqnr(of: rounded, model, data), plain = try HeavyTails.sqnr(of: nearest, model, data)
        #expect(sqnr > plain, "\(sqnr) against \(plain)")
        #expect(plain > 35)
        // One layer has a bias of its own, and the last to read the old one keeps it.
        let names = rounded.model.graph.weights.map(\.name).sorted()
        let isCopied = Set(weights).count > 1 && Set(biases).count == 1
        #expect(names == Set(weights + biases + (isCopied ? ["a_bias"] : [])).sorted())
    }

    @Test func `a weight that a scaled Gemm reads too makes up for nothing but its own rounding`() async throws {
        var shared = try model(["a", "a"], ["c", "d"])
        let half = Node(
            "Gemm", inputs: ["r", "a"], outputs: ["m2"], attributes: [Attribute("alpha", .float(0.5))], name: "half")
        shared.graph.nodes[3] = half
        let scratch = try Scratch(), data = try data(scratch, for: shared)
        var settings = GPTQQuantizer()
        (settings.bits, settings.blockSize, settings.minimumCount) = (8, 0, 1)
        let rounded = try await HeavyTails.rounded(settings, shared, data)
        let nearest = try await HeavyTails.rounded(WeightQuantizer(), shared, data)
        let sqnr = try HeavyTails.sqnr(of: rounded, shared, data)
        #expect(try sqnr > HeavyTails.sqnr(of: nearest, shared, data) - 1, "\(sqnr)")
    }

    @Test func `scales of small and of large weights are in float32 where half floats hold none such`() async throws {
        for (factor, type) in [(1e-7, ScalarType.float32), (1, .float16), (1e9, .float32)] {
            let random = try GraphBench.random("w", [64, 8], seed: 3).decoded()
            let numbers = random.elements(as: Float.self).map { $0 * Float(factor) }
            var quantizer = WeightQuantizer()
            (quantizer.bits, quantizer.blockSize, quantizer.scales) = (4, 32, .float16)
            quantizer.symmetric = false
            let model = GraphBench.model(
                [Node("MatMul", inputs: ["x", "w"], outputs: ["y"])], inputs: [GraphBench.input("x", [-1, 64])],
                outputs: ["y"], weights: [Weight("w", Tensor(numbers, shape: random.shape))])
            var piece = Workpiece(model: model)
            try await quantizer.apply(to: &piece, in: StageContext())
            let form = try #require(piece.model.graph.weights["w"]?.representation as? GroupedIntegers)
            #expect(form.scales.type == type)
            #expect(try #require(form.sqnrDB(against: Tensor(numbers, shape: random.shape))) > 20, "\(factor)")
        }
    }
}
