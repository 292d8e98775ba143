import Foundation
import PithCompression
import PithEvaluation
import PithFormats
import PithModel
import PithRuntime
import PithTensor
import Testing

/// The closed loop catches files that are not what was meant.
@Suite(.enabled(if: GraphBench.hasRuntime, "needs ONNX Runtime")) struct OutputVerifierTests {
    /// Writes `written`, and verifies it as if `meant` had been written.
    private func verify(original: Model, meant: Workpiece, written: Model) async throws -> Verification {
        try await ClosedLoop.verify(original, meant, written: written)
    }

    private func quantized(_ model: Model) async throws -> Workpiece {
        var piece = Workpiece(model: model)
        try await WeightQuantizer().apply(to: &piece, in: StageContext())
        return piece
    }

    private func mismatch(original: Model, meant: Workpiece, written: Model) async -> CompressionError? {
        let error = await #expect(throws: CompressionError.self) {
            try await verify(original: original, meant: meant, written: written)
        }
        #expect(error?.code == .mismatch)
        return error
    }

    @Test func `an honest file passes, with its figures`() async throws {
        let model = try SmallModels.residual(), piece = try await quantized(model)
        let found = try await verify(original: model, meant: piece, written: piece.model)
        #expect(found.weightsCompared == 1)
        #expect(found.samples == 8)
        #expect(found.isMadeUp)
        #expect(found.optimizedSQNR > 30)
        let same = try await verify(original: model, meant: Workpiece(model: model), written: model)
        #expect(same.weightsCompared == 0)
        #expect(same.unoptimizedSQNR > 100)
    }

    @Test func `one level that differs is found and its weight named`() async throws {
        let model = try SmallModels.residual(), piece = try await quantized(model)
        let form = try #require(piece.model.graph.weights["w2"]?.representation as? GroupedIntegers)
        var levels = form.levels.elements(as: Int8.self)
        levels[17] = levels[17] == 0 ? 1 : 0
        var tampered = piece.model
        tampered.graph.weights["w2"]?.form = .encoded(
            GroupedIntegers(levels: Tensor(levels, shape: form.shape), scales: form.scales, grouping: form.grouping))
        #expect(await mismatch(original: model, meant: piece, written: tampered)?.problem.contains("'w2'") == true)
    }

    @Test func `one bit of a weight that was kept is found`() async throws {
        let model = try SmallModels.residual(), piece = try await quantized(model)
        var numbers = try #require(piece.model.graph.weights["b1"]).decoded().elements(as: Float.self)
        numbers[0] = numbers[0].nextUp
        var tampered = piece.model
        tampered.graph.weights["b1"] = Weight("b1", Tensor(vector: numbers))
        #expect(await mismatch(original: model, meant: piece, written: tampered)?.problem.contains("'b1'") == true)
        tampered.graph.weights["b1"] = nil
        tampered.graph.nodes[0].inputs.removeLast()
        #expect(await mismatch(original: model, meant: piece, written: tampered)?.problem.contains("'b1'") == true)
    }

    @Test func `outputs that are not finite are found`() async throws {
        let model = try SmallModels.residual()
        var broken = model
        broken.graph.nodes[7].outputs = ["z"]
        broken.graph.nodes.append(Node("Log", inputs: ["z"], outputs: ["y"]))
        #expect(
            await mismatch(original: model, meant: Workpiece(model: broken), written: broken)?.problem.contains(
                "not finite")
                == true)
    }

    @Test func `a file that the runtime does not load is our fault, not the user's`() async throws {
        let model = try SmallModels.residual()
        var broken = model
        broken.graph.nodes[1].operation = "Relux"
        let error = await mismatch(original: model, meant: Workpiece(model: broken), written: broken)
        #expect(error?.problem.contains("does not load") == true)
    }

    @Test func `an error in the second output is found and the output named`() async throws {
        func model(_ slope: Float) -> Model {
            GraphBench.model(
                [
                    Node("Relu", inputs: ["x"], outputs: ["y"]),
                    Node("LeakyRelu", inputs: ["x"], outputs: ["z"], attributes: [Attribute("alpha", .float(slope))]),
                ], inputs: [GraphBench.input("x", [-1, 8])], outputs: ["y", "z"], weights: [])
        }
        let meant = Workpiece(model: model(0.1))
        let found = try await verify(original: model(0.1), meant: meant, written: model(0.1))
        #expect(found.optimizedSQNR == 200)
        let error = try #require(await mismatch(original: model(0.1), meant: meant, written: model(0.101)))
        #expect(error.problem.contains("nothing was quantized"))
    }

    @Test func `a model that computes in half floats may round elsewhere, and no more than that`() async throws {
        func model(_ slope: Float, inHalf: Bool) -> Model {
            let to = Attribute("to", .integer(inHalf ? 10 : 1)), back = Attribute("to", .integer(1))
            return GraphBench.model(
                [
                    Node("Cast", inputs: ["x"], outputs: ["h"], attributes: [to]),
                    Node("LeakyRelu", inputs: ["h"], outputs: ["z"], attributes: [Attribute("alpha", .float(slope))]),
                    Node("Cast", inputs: ["z"], outputs: ["y"], attributes: [back]),
                ], inputs: [GraphBench.input("x", [-1, 8])], outputs: ["y"], weights: [])
        }
        // The smaller change is 70 dB below the output, the larger 40 dB.
        let half = Workpiece(model: model(0.1, inHalf: true)), float = Workpiece(model: model(0.1, inHalf: false))
        let found = try await verify(original: half.model, meant: half, written: model(0.1003, inHalf: true))
        #expect((60...80).contains(found.optimizedSQNR))
        _ = await mismatch(original: float.model, meant: float, written: model(0.1003, inHalf: false))
        _ = await mismatch(original: half.model, meant: half, written: model(0.11, inHalf: true))
    }
}
