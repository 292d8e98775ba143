import PithCompression
import PithFormats
import PithModel
import PithTensor
import Testing

/// Ranges of summands in front of a ReLU, in what `quantize.static` makes.
@Suite(.enabled(if: GraphBench.hasRuntime, "needs ONNX Runtime")) struct CutSummandTests {
    /// The least value that the format of the residual branch holds, whose first channels lie far below zero.
    private func least(behindSum operation: String) async throws -> Float {
        var model = try SmallModels.residual()
        var bias = try #require(model.graph.weights["b2"]).decoded().elements(as: Float.self)
        for channel in 0..<8 { bias[channel] = -2000 }
        model.graph.weights["b2"] = Weight("b2", Tensor(vector: bias))
        model.graph.nodes[4] = Node(operation, inputs: ["s"], outputs: ["r2"])
        let scratch = try Scratch()
        let numbers = try SmallModels.tensor([40, 3, 8, 8], seed: 2).elements(as: Float.self)
        try scratch.write("x.npy", npy: numbers, shape: [40, 3, 8, 8])
        let card = try scratch.write(
            "card.yaml", "inputs:\n  x: { file: x.npy }\nmetric: fidelity\ncalibrate: [0, 30]\nevaluate: [30, 40]\n")
        var settings = StaticQuantizer(), piece = Workpiece(model: model)
        (settings.targetSQNR, settings.minimumSQNR, settings.calibrator) = (-100, -100, .minmax)
        let data = try Dataset(path: card, graphInputs: model.graph.requiredInputs)
        try await settings.apply(to: &piece, in: StageContext(dataset: data, threads: 2, profile: .fixedRules))
        let format = try #require(piece.model.graph.activationFormats["c2"])
        return Float(-format.zeroPoint) * format.scale
    }

    @Test func `what a ReLU cuts off takes no levels`() async throws {
        // The other summand is a few tens at most.
        let cut = try await least(behindSum: "Relu"), whole = try await least(behindSum: "LeakyRelu")
        #expect(cut > -500 && cut < 0, "\(cut)")
        #expect(whole < -1500, "\(whole)")
    }
}
