import PithCompression
import PithFormats
import PithModel
import PithTensor
import Testing

@Suite(.enabled(if: GraphBench.hasRuntime, "needs ONNX Runtime")) struct RangeChoiceTests {
    private func quantized(
        _ calibrator: Calibrator, objective: StaticQuantizer.Objective, threads: Int = 1
    ) async throws -> Workpiece {
        let scratch = try Scratch(), model = try SmallModels.residual()
        var numbers = try SmallModels.tensor([300, 3, 8, 8], seed: 8).elements(as: Float.self)
        // Few numbers far out, so that calibrators disagree.
        for index in stride(from: 100, to: numbers.count, by: 997) { numbers[index] *= 9 }
        try scratch.write("x.npy", npy: numbers, shape: [300, 3, 8, 8])
        let card = try scratch.write(
            "card.yaml", "inputs:\n  x: { file: x.npy }\nmetric: fidelity\ncalibrate: [0, 280]\nevaluate: [280, 300]\n")
        var settings = StaticQuantizer()
        settings.calibrator = calibrator
        settings.objective = objective
        settings.activationType = .uint8
        // Only one candidate, so that figures can be compared.
        settings.targetSQNR = 5
        settings.minimumSQNR = 0
        var piece = Workpiece(model: model)
        let data = try Dataset(path: card, graphInputs: model.graph.requiredInputs)
        try await settings.apply(to: &piece, in: StageContext(dataset: data, threads: threads))
        return piece
    }

    /// The SQNR on calibration rows that the notes name.
    private func decibels(_ piece: Workpiece) throws -> Double {
        let note = try #require(piece.notes.first { $0.hasPrefix("Activations in") })
        let match = try #require(note.firstMatch(of: /: (-?[0-9.]+) dB/))
        return try #require(Double(match.1))
    }

    @Test func `no calibrator for all activations errs less than the best for each`() async throws {
        let best = try decibels(try await quantized(.best, objective: .accuracy))
        for calibrator in Calibrator.rules {
            // The choice looks at the rows that ranges came from too, the note at those held out.
            #expect(best >= (try decibels(try await quantized(calibrator, objective: .accuracy))) - 0.5)
        }
        let quick = try decibels(try await quantized(.best, objective: .balanced))
        for calibrator in Calibrator.rules {
            #expect(quick >= (try decibels(try await quantized(calibrator, objective: .balanced))) - 0.05)
        }
    }

    @Test(arguments: [StaticQuantizer.Objective.balanced, .accuracy])
    func `the choice does not depend on the number of threads, and is told`(objective: StaticQuantizer.Objective)
        async throws
    {
        let first = try await quantized(.best, objective: objective)
        let again = try await quantized(.best, objective: objective, threads: 3)
        #expect(try ONNXWriter.encode(first.model) == ONNXWriter.encode(again.model))
        #expect(first.notes.contains { $0.hasPrefix("Ranges of activations by measured error") })
    }
}
