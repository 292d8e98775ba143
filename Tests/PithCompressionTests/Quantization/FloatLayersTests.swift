import Foundation
import PithCompression
import PithFormats
import PithModel
import Testing

/// Single layers in float where that is worth their time.
@Suite(.enabled(if: Digits.isRunnable, "needs Examples/Digits")) struct FloatLayersTests {
    /// The notes of `quantize.static` on the example.
    private func notes(_ objective: StaticQuantizer.Objective, _ profile: MachineProfile) async throws -> [String] {
        let model = try ONNXReader.read(path: Digits.model)
        var piece = Workpiece(model: model), settings = StaticQuantizer()
        try await CleanUp().apply(to: &piece, in: StageContext())
        (settings.objective, settings.minimumSpeedup) = (objective, 0)
        let data = try Dataset(path: Digits.card, graphInputs: model.graph.requiredInputs)
        try await settings.apply(to: &piece, in: StageContext(dataset: data, threads: 2, profile: profile))
        return piece.notes
    }

    /// Each candidate of `notes` by its label, with its error in dB.
    private func candidates(_ notes: [String]) -> [String: Double] {
        notes.reduce(into: [:]) { found, note in
            let parts = note.components(separatedBy: ": ")
            guard let figure = parts.last?.components(separatedBy: " dB").first.flatMap(Double.init), parts.count > 1
            else { return }
            found[parts[parts.count - 2].replacingOccurrences(of: "Activations in uint8, ", with: "")] = figure
        }
    }

    @Test func `layers are tried in float one by one, at most half of them`() async throws {
        let scratch = try Scratch()
        let found = candidates(try await notes(.accuracy, MachineProfile(.file(scratch.path("profile")))))
        let starts = ["every layer in integers", "the first convolution in float"].compactMap { found[$0] }
        #expect(starts.count == 2)
        let further = found.filter { $0.key.contains(", and ") && !$0.key.contains("sums in float") }
        #expect(!further.isEmpty, "\(found)")
        for (label, decibels) in further {
            #expect(decibels >= (starts.min() ?? 0) + 0.2, "\(label)")
            let layers =
                label.components(separatedBy: "Conv '").count + label.components(separatedBy: "Gemm '").count - 2
            #expect((1...4).contains(layers), "\(label)")
        }
    }

    @Test func `fixed rules and the balanced objective try none`() async throws {
        let scratch = try Scratch()
        let profile = MachineProfile(.file(scratch.path("profile")))
        #expect(candidates(try await notes(.accuracy, .fixedRules)).keys.allSatisfy { !$0.contains(", and ") })
        #expect(candidates(try await notes(.balanced, profile)).keys.allSatisfy { !$0.contains(", and ") })
    }
}
