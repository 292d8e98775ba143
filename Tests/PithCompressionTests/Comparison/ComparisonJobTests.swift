import Foundation
import PithCompression
import PithEvaluation
import PithFormats
import PithModel
import PithTensor
import Testing

@Suite(.enabled(if: Digits.isRunnable, "needs Examples/Digits and ONNX Runtime")) struct ComparisonJobTests {
    private func compare(
        _ scratch: Scratch, _ candidates: [String], data: String? = Digits.card,
        memory: (@Sendable (String, [String: Tensor]) throws -> Int?)? = nil
    ) async throws -> ComparisonReport {
        var options = CompressionOptions()
        options.data = data
        options.profile = .fixedRules
        return try await ComparisonJob(
            reference: Digits.model, candidates: try candidates.map { try ComparisonCandidate($0) }, options: options,
            folder: scratch.folder, memory: memory
        ).run()
    }

    @Test func `recipes are applied and scored as compress does it`() async throws {
        let scratch = try Scratch(), other = try Scratch()
        var options = CompressionOptions()
        options.data = Digits.card
        options.profile = .fixedRules
        let made = try await CompressionJob(
            input: Digits.model, output: other.path("small.onnx"), recipe: try Recipe.named("int8-weights"),
            options: options
        ).run()
        let report = try await compare(scratch, ["int8-weights", other.path("small.onnx"), "clean"])
        #expect(report.reference.bytes == 409_748 && report.reference.parameters == 101_242)
        #expect(report.reference.score == 0.975)
        #expect(report.data == Digits.card)
        #expect(scratch.names == ["0.onnx", "2.onnx"])
        #expect(report.candidates.map(\.isRecipe) == [true, false, true])
        let applied = report.candidates[0], file = report.candidates[1], clean = report.candidates[2]
        #expect(applied.bytes == made.output.bytes && file.bytes == made.output.bytes)
        #expect(abs(applied.ratio - 409_748 / Double(made.output.bytes)) < 1e-9)
        #expect(applied.bitsPerWeight == made.output.bitsPerWeight)
        // The file is scored here, the recipe's output by the job that made it: the same figures.
        #expect(applied.fidelity == made.fidelity)
        #expect(file.fidelity == made.fidelity)
        #expect(file.accuracy == made.accuracy)
        #expect(file.macro == applied.macro)
        #expect(file.macro?.candidate == made.classes?.macroCandidate)
        #expect(report.reference.macro == made.classes?.macroReference)
        #expect(file.layers == applied.layers)
        #expect(applied.layers.layers.count > 5)
        #expect(try #require(applied.layers.weakest?.ownSqnrDB) < 60)
        #expect(try #require(clean.fidelity).sqnrDB > 100)
        for layer in clean.layers.layers { #expect(try #require(layer.ownSqnrDB) > 100) }
        for entry in report.candidates {
            let latency = try #require(entry.latency)
            #expect(latency.reference.medianMilliseconds == report.reference.milliseconds)
            #expect(entry.minimumRuntime == "ONNX Runtime 1.17" && entry.peakBytes == nil)
        }
    }

    @Test func `activations in integers are looked through`() async throws {
        let scratch = try Scratch(), report = try await compare(scratch, ["int8"]), entry = report.candidates[0]
        #expect(entry.layers.onlyInCandidate == 0)
        #expect(entry.layers.layers.contains { $0.roundedSqnrDB != nil })
        for layer in entry.layers.layers {
            let own = try #require(layer.ownSqnrDB)
            #expect(own > 25 && layer.sqnrDB > 20)
            if let rounded = layer.ownRoundedSqnrDB { #expect(rounded <= own + 0.5) }
        }
        let last = try #require(entry.layers.layers.last), whole = try #require(entry.fidelity).sqnrDB
        #expect(abs(last.sqnrDB - whole) < 4)
    }

    @Test func `without data models are compared on made-up inputs, and that is said`() async throws {
        let report = try await compare(try Scratch(), ["int8-weights"], data: nil), entry = report.candidates[0]
        // On a busy machine times have a note of their own.
        let notes = report.notes.filter { !$0.contains("busy") }
        #expect(report.data == nil && notes.count == 1 && notes[0].contains("made-up inputs"))
        #expect(entry.accuracy == nil && report.reference.score == nil)
        #expect(try #require(entry.fidelity).sqnrDB > 20)
        #expect(entry.layers.layers.count > 5)
        #expect(entry.notes.allSatisfy { !$0.contains("No data was given") })
    }

    @Test func `memory is asked for each model on one sample`() async throws {
        let report = try await compare(try Scratch(), ["clean"]) { path, inputs in
            #expect(inputs["image"]?.shape.dimensions == [1, 1, 28, 28])
            return path == Digits.model ? 1000 : 2000
        }
        #expect(report.reference.peakBytes == 1000 && report.candidates[0].peakBytes == 2000)
    }

    @Test func `a candidate that is nothing is refused by name before any work`() async throws {
        let error = #expect(throws: CompressionError.self) { try ComparisonCandidate("int9") }
        #expect(error?.code == .unknownRecipe)
        #expect(error?.subject == "candidate 'int9'")
        #expect(error?.remedy.contains("int8-weights") == true)
        let scratch = try Scratch(), broken = try scratch.write("broken.onnx", "no model")
        await #expect(throws: FormatError.self) { try await compare(scratch, ["int8-weights", broken]) }
        #expect(scratch.names == ["broken.onnx"])
    }

    @Test func `a recipe that can not be applied is named`() async throws {
        let scratch = try Scratch()
        let recipe = try scratch.write(
            "odd.yaml", "version: 1\nstages:\n  - technique: quantize.weights\n    where: { exclude: [nothing*] }\n")
        let candidate = try ComparisonCandidate(recipe)
        #expect(candidate.name == recipe)
        guard case .recipe(let made) = candidate.origin else {
            Issue.record("A YAML file is a recipe.")
            return
        }
        #expect(made.stages.count == 1)
        var model = try ONNXReader.read(path: Digits.model)
        let weight = try #require(model.graph.weights["stem.weight"]?.dense)
        var numbers = weight.elements(as: Float.self)
        numbers[0] = .nan
        model.graph.weights["stem.weight"] = Weight("stem.weight", Tensor(numbers, shape: weight.shape))
        let path = scratch.path("nan.onnx")
        try ONNXWriter.write(model, to: path)
        var options = CompressionOptions()
        options.profile = .fixedRules
        let job = ComparisonJob(
            reference: path, candidates: [try ComparisonCandidate("int8-weights")], options: options,
            folder: scratch.folder)
        let error = await #expect(throws: CompressionError.self) { try await job.run() }
        #expect(error?.code == .nonFiniteWeight)
        #expect(error?.subject.hasPrefix("candidate 'int8-weights': ") == true)
    }
}
