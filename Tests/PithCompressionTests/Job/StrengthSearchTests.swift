import Foundation
import PithCompression
import PithEvaluation
import PithFormats
import Testing

@Suite(.enabled(if: GraphBench.hasRuntime, "needs ONNX Runtime")) struct StrengthSearchTests {
    private func run(_ output: String, size: Int?, step: Double = 0.1, threads: Int = 1) async throws
        -> CompressionReport
    {
        var coder = TrellisCoder()
        coder.step = step
        var options = CompressionOptions()
        options.maximumSize = size
        options.threads = threads
        options.profile = .fixedRules
        return try await CompressionSearch(
            input: Digits.model, output: output,
            recipe: Recipe(name: "trellis", stages: [Stage(CleanUp()), Stage(coder)]), options: options
        ).run()
    }

    private func step(of report: CompressionReport) -> Double? {
        report.recipe.stages.compactMap { ($0.technique as? TrellisCoder)?.step }.first
    }

    @Test func `the finest steps whose container fits are found, from any start and at any thread count`() async throws
    {
        let scratch = try Scratch(), free = try await run(scratch.path("free.pith"), size: nil)
        let limit = free.output.bytes * 3 / 4
        let found = try await run(scratch.path("a.pith"), size: limit)
        #expect(found.output.bytes <= limit && found.output.bytes > limit * 95 / 100)
        #expect(try #require(step(of: found)) > 0.1)
        #expect(found.notes.first?.contains("finest steps that fit \(limit) bytes") == true)
        #expect(found.notes.first?.hasSuffix(".") == true && found.notes.first?.contains("No finer ones") == false)
        // A container is the same wherever it goes.
        let again = try await run(scratch.path("b.pith"), size: limit, threads: 2)
        #expect(again.output.sha256 == found.output.sha256)
        // A sixteenth of an octave finer would not fit.
        let finer = try await run(scratch.path("c.pith"), size: nil, step: try #require(step(of: found)) / 1.0443)
        #expect(finer.output.bytes > limit)
    }

    @Test func `steps of levels that data round are found the same way`() async throws {
        let scratch = try Scratch()
        var options = CompressionOptions()
        (options.data, options.profile) = (Digits.card, .fixedRules)
        let free = try await CompressionSearch(
            input: Digits.model, output: scratch.path("free.pith"), recipe: Recipe.named("coded"), options: options
        ).run()
        options.maximumSize = free.output.bytes * 7 / 8
        let found = try await CompressionSearch(
            input: Digits.model, output: scratch.path("a.pith"), recipe: Recipe.named("coded"), options: options
        ).run()
        let limit = try #require(options.maximumSize)
        #expect(found.output.bytes <= limit && found.output.bytes > limit * 95 / 100)
        #expect(try #require(step(of: found)) > 0.22)
        #expect(try #require(free.fidelity).sqnrDB > (try #require(found.fidelity).sqnrDB))
    }

    @Test func `a size alone takes a trellis, with data that say what an error costs`() async throws {
        let scratch = try Scratch()
        var options = CompressionOptions()
        (options.data, options.profile, options.maximumSize) = (Digits.card, .fixedRules, 26_000)
        let found = try await CompressionSearch(
            input: Digits.model, output: scratch.path("a.pith"), recipe: nil, options: options
        ).run()
        #expect(found.recipe.name == "trellis" && found.output.bytes <= 26_000)
        #expect(try #require(found.fidelity).sqnrDB > 18)
    }

    @Test func `room to spare makes the steps finer`() async throws {
        let scratch = try Scratch(), free = try await run(scratch.path("free.pith"), size: nil)
        let found = try await run(scratch.path("a.pith"), size: free.output.bytes * 5 / 4)
        #expect(try #require(step(of: found)) < 0.1)
    }

    @Test func `an ONNX file has the size of its bytes, whatever the steps`() async throws {
        let scratch = try Scratch(), free = try await run(scratch.path("free.onnx"), size: nil)
        let found = try await run(scratch.path("a.onnx"), size: free.output.bytes + 2000)
        #expect(found.output.bytes <= free.output.bytes + 2000)
        #expect(found.notes.first?.contains("No finer ones were tried, though more bytes are allowed") == true)
        await #expect {
            _ = try await run(scratch.path("b.onnx"), size: free.output.bytes / 2)
        } throws: { ($0 as? CompressionError)?.remedy.contains(".pith") == true }
        #expect(!scratch.names.contains("b.onnx"))
    }

    @Test func `a size below what wide steps give is refused with its figure`() async throws {
        let scratch = try Scratch()
        await #expect {
            _ = try await run(scratch.path("a.pith"), size: 500)
        } throws: {
            ($0 as? CompressionError)?.code == .promiseBroken
                && ($0 as? CompressionError)?.problem.contains("more than the 500 allowed") == true
        }
        #expect(scratch.names.isEmpty)
    }
}
