import Foundation
import PithCompression
import PithEvaluation
import PithFormats
import PithModel
import PithTensor
import PithTestSupport
import Testing

/// Convolutions rounded on inputs of 8 bits.
@Suite(.enabled(if: GraphBench.hasRuntime, "needs ONNX Runtime")) struct NoisyInputsTests {
    /// Three convolutions over smooth images.
    private func model() throws -> Model {
        let pads = SmallModels.pads(1)
        let nodes = [
            Node("Conv", inputs: ["x", "w1"], outputs: ["c1"], attributes: pads),
            Node("Relu", inputs: ["c1"], outputs: ["r1"]),
            Node("Conv", inputs: ["r1", "w2"], outputs: ["c2"], attributes: pads),
            Node("Relu", inputs: ["c2"], outputs: ["r2"]),
            Node("Conv", inputs: ["r2", "w3"], outputs: ["c3"], attributes: pads),
            Node("Relu", inputs: ["c3"], outputs: ["r3"]),
            Node("Erf", inputs: ["r3"], outputs: ["y"]),
        ]
        return GraphBench.model(
            nodes, inputs: [GraphBench.input("x", [-1, 4, 12, 12])], outputs: ["y"],
            weights: [
                try GraphBench.random("w1", [16, 4, 3, 3], seed: 1),
                try GraphBench.random("w2", [16, 16, 3, 3], seed: 2),
                try GraphBench.random("w3", [16, 16, 3, 3], seed: 3),
            ])
    }

    /// 90 images whose channels are planes.
    private func data(for model: Model, _ scratch: Scratch) throws -> Dataset {
        var generator = SplitMix64(seed: 5), numbers: [Float] = []
        for _ in 0..<90 * 4 {
            let plane = (0..<3).map { _ in Float.random(in: -1...1, using: &generator) }
            numbers += (0..<144).map { plane[0] + (plane[1] * Float($0 / 12) + plane[2] * Float($0 % 12)) / 12 }
        }
        try scratch.write("x.npy", npy: numbers, shape: [90, 4, 12, 12])
        let card = try scratch.write(
            "card.yaml", "inputs:\n  x: { file: x.npy }\nmetric: fidelity\ncalibrate: [0, 60]\nevaluate: [60, 90]\n")
        return try Dataset(path: card, graphInputs: model.graph.requiredInputs)
    }

    /// Output SQNR of the model in integers, in dB, and the notes.
    private func integers(
        _ inputs: GPTQQuantizer.Inputs, _ model: Model, threads: Int = 2
    ) async throws -> (sqnrDB: Double, piece: Workpiece) {
        let scratch = try Scratch(), data = try data(for: model, scratch)
        var rounder = GPTQQuantizer(), quantizer = StaticQuantizer(), piece = Workpiece(model: model)
        (rounder.bits, rounder.blockSize, rounder.symmetric) = (8, 0, true)
        (rounder.scales, rounder.clipping, rounder.inputs) = (.float32, .none, inputs)
        (quantizer.targetSQNR, quantizer.minimumSQNR, quantizer.objective) = (0, 0, .accuracy)
        let context = StageContext(dataset: data, threads: threads, profile: .fixedRules)
        try await rounder.apply(to: &piece, in: context)
        try await quantizer.apply(to: &piece, in: context)
        return (try HeavyTails.sqnr(of: piece, model, data), piece)
    }

    @Test(.enabled(if: SharedData.has("datasets/kws-1000.npz"), "needs the shared keyword data"))
    func `layers of a keyword spotter make up for what rounding their inputs adds`() async throws {
        let model = try ONNXReader.read(path: SharedData.url("models/kws-dscnn.onnx").path)
        let data = try Dataset(path: SharedData.url("cards/kws.yaml").path, graphInputs: model.graph.requiredInputs)
        func sqnr(_ inputs: GPTQQuantizer.Inputs) async throws -> Double {
            var piece = Workpiece(model: model)
            for stage in try Recipe.named("int8-accurate").stages {
                var technique = stage.technique
                if var rounder = technique as? GPTQQuantizer, rounder.inputs == .measured {
                    rounder.inputs = inputs
                    technique = rounder
                }
                try await technique.apply(
                    to: &piece,
                    in: StageContext(selector: stage.selector, dataset: data, threads: 2, profile: .fixedRules))
            }
            return try HeavyTails.sqnr(of: piece, model, data)
        }
        let float = try await sqnr(.float), rounded = try await sqnr(.uint8), measured = try await sqnr(.measured)
        #expect(measured == max(float, rounded), "\(rounded) against \(float)")
        // Scales that keep kernels from overflowing leave less to make up for.
        if try KernelOverflow.measured.resolved() == .ignored { #expect(rounded > float + 1.5) }
    }

    @Test(arguments: [GPTQQuantizer.Inputs.uint8, .measured])
    func `inputs in 8 bits ask for levels without blocks and zero points`(inputs: GPTQQuantizer.Inputs) throws {
        var settings = GPTQQuantizer()
        settings.inputs = inputs
        #expect(throws: CompressionError.self) { try settings.validate() }
        settings.blockSize = 0
        #expect(throws: CompressionError.self) { try settings.validate() }
        settings.symmetric = true
        try settings.validate()
    }

    @Test func `what is measured is one of the two`() async throws {
        let model = try model(), float = try await integers(.float, model), rounded = try await integers(.uint8, model)
        let measured = try await integers(.measured, model)
        #expect(float.sqnrDB != rounded.sqnrDB && [float.sqnrDB, rounded.sqnrDB].contains(measured.sqnrDB))
        let note = try #require(
            measured.piece.notes.first { $0.hasPrefix("Weights rounded on inputs in 8 bits give ") })
        let figures = note.split(separator: " ").compactMap { Double($0) }.filter { $0 != 8 }
        try #require(figures.count == 2)
        #expect((measured.sqnrDB == rounded.sqnrDB) == (figures[0] > figures[1] + 0.25), "\(note)")
    }

    @Test func `where activations stay float, nothing is made up for`() async throws {
        let model = try model()
        /// The weights after rounding and a quantizer that no speed is enough for.
        func weights(_ inputs: GPTQQuantizer.Inputs) async throws -> (levels: [Tensor?], notes: [String]) {
            let scratch = try Scratch(), data = try data(for: model, scratch)
            var rounder = GPTQQuantizer(), quantizer = StaticQuantizer(), piece = Workpiece(model: model)
            (rounder.bits, rounder.blockSize, rounder.symmetric, rounder.inputs) = (8, 0, true, inputs)
            (quantizer.targetSQNR, quantizer.minimumSQNR) = (200, 190)
            let context = StageContext(dataset: data, threads: 2, profile: .fixedRules)
            try await rounder.apply(to: &piece, in: context)
            try await quantizer.apply(to: &piece, in: context)
            #expect(piece.model.graph.activationFormats.isEmpty)
            return (["w1", "w2", "w3"].map { piece.model.graph.weights[$0]?.decoded() }, piece.notes)
        }
        let float = try await weights(.float), rounded = try await weights(.uint8),
            measured = try await weights(.measured)
        #expect(measured.levels == float.levels && measured.levels != rounded.levels)
        let isKept = measured.notes.contains { $0.hasSuffix("the former are kept.") }
        #expect(isKept == measured.notes.contains("Weights rounded on inputs in float are taken after all."))
    }

    @Test func `a model without integer kernels is rounded on the inputs that it gets`() async throws {
        // What nobody holds in integers: a convolution whose result leaves the graph.
        var model = try model()
        model.graph.nodes = [Node("Conv", inputs: ["x", "w1"], outputs: ["y"], attributes: SmallModels.pads(1))]
        model.graph.weights["w2"] = nil
        model.graph.weights["w3"] = nil
        let float = try await integers(.float, model), measured = try await integers(.measured, model)
        #expect(measured.sqnrDB == float.sqnrDB && measured.sqnrDB > 40)
        #expect(!measured.piece.notes.contains { $0.hasPrefix("Weights rounded on inputs") })
    }

    @Test func `one and two threads round alike`() async throws {
        let one = try await integers(.measured, try model(), threads: 1)
        let two = try await integers(.measured, try model(), threads: 2)
        for name in ["w1", "w2", "w3"] {
            #expect(one.piece.model.graph.weights[name]?.decoded() == two.piece.model.graph.weights[name]?.decoded())
        }
    }
}
