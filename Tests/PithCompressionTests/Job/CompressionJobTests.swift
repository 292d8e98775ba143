import Foundation
import PithCompression
import PithEvaluation
import PithFormats
import PithModel
import PithTensor
import Testing

@Suite(.enabled(if: Digits.isRunnable, "needs Examples/Digits and ONNX Runtime")) struct CompressionJobTests {
    private func options(data: String? = Digits.card, threads: Int = 1) -> CompressionOptions {
        var options = CompressionOptions()
        options.data = data
        options.threads = threads
        options.profile = .fixedRules
        return options
    }

    private func run(
        _ scratch: Scratch, _ options: CompressionOptions, _ recipe: String = "int8", input: String = Digits.model
    ) async throws -> CompressionReport {
        try await CompressionJob(
            input: input, output: scratch.path("out.onnx"), recipe: try Recipe.named(recipe), options: options
        ).run()
    }

    /// The error of a run that must fail and leave nothing behind.
    private func refusal(
        _ options: CompressionOptions, _ recipe: String = "int8-weights", input: String = Digits.model
    ) async throws -> CompressionError? {
        let scratch = try Scratch()
        let error = await #expect(throws: CompressionError.self) {
            try await run(scratch, options, recipe, input: input)
        }
        #expect(scratch.names.isEmpty)
        return error
    }

    @Test func `the same input gives the same bytes at any thread count`() async throws {
        let scratch = try Scratch()
        var hashes: Set<String> = []
        for threads in [1, 2, 3, 1] { hashes.insert(try await run(scratch, options(threads: threads)).output.sha256) }
        #expect(hashes.count == 1)
        #expect(scratch.names == ["out.onnx"])
    }

    @Test func `the example keeps its accuracy in a third of the bytes`() async throws {
        let scratch = try Scratch(), report = try await run(scratch, options())
        #expect(report.input.bytes == 409_748)
        #expect(report.output.bytes * 3 < report.input.bytes)
        let accuracy = try #require(report.accuracy)
        #expect(accuracy.reference == 0.975)
        #expect(try #require(accuracy.drop) < 0.01)
        #expect(try #require(accuracy.dropUpper95) < 0.01)
        #expect(try #require(report.fidelity).sqnrDB > 35)
        #expect(report.verification.weightsCompared == 18)
        #expect(!report.verification.isMadeUp)
        #expect(abs(report.verification.optimizedSQNR - report.verification.unoptimizedSQNR) < 1)
        #expect(report.minimumRuntime == "ONNX Runtime 1.17")
        #expect(report.seconds >= report.scoringSeconds)
        #expect(report.peakBytes > 1 << 20)
        let file = try Data(contentsOf: URL(fileURLWithPath: report.output.path))
        #expect(file.count == report.output.bytes)
    }

    @Test(arguments: ["int8", "int8-dynamic", "int8-weights", "fp16", "clean"])
    func `the ledger names every weight and its bytes add up to those of the file`(
        recipe: String
    ) async throws {
        let scratch = try Scratch(), report = try await run(scratch, options(), recipe)
        let before = try ONNXReader.read(path: Digits.model), after = try ONNXReader.read(path: report.output.path)
        let named = Set(report.ledger.map(\.weight))
        #expect(Set(before.graph.weights.names).isSubset(of: named))
        #expect(report.ledger.reduce(0) { $0 + $1.bytesBefore } == before.graph.weights.reduce(0) { $0 + $1.byteCount })
        #expect(report.ledger.reduce(0) { $0 + $1.bytesAfter } == after.graph.weights.reduce(0) { $0 + $1.byteCount })
        #expect(report.ledger.count == named.count)
    }

    @Test func `what layers in float between integers add is in the ledger too`() async throws {
        let scratch = try Scratch()
        let recipe = try scratch.write(
            "mine.yaml",
            """
            version: 1
            stages:
              - technique: graph.clean
              - technique: quantize.static
                keepFloat: [stem.weight, block2.conv1.weight]
                minimumSpeedup: 0
            """)
        let report = try await run(scratch, options(), recipe), after = try ONNXReader.read(path: report.output.path)
        let activations = try #require(report.ledger.first { $0.weight == "(activations)" })
        // A scale and a zero point for each, and for the layer in float the same for each of its channels.
        let usual = try #require(activations.shape.first) * 5
        #expect(activations.bytesAfter > usual)
        #expect(report.ledger.reduce(0) { $0 + $1.bytesAfter } == after.graph.weights.reduce(0) { $0 + $1.byteCount })
    }

    @Test func `what made the file is kept inside it, and can be followed again`() async throws {
        let scratch = try Scratch()
        var options = options()
        options.seed = .max
        let report = try await run(scratch, options)
        let model = try ONNXReader.read(path: report.output.path)
        let text = try #require(model.metadata.first { $0.key == Provenance.key }?.value)
        let record = try JSONDecoder().decode([String: JSONValue].self, from: Data(text.utf8))
        #expect(record["input"] == .string("sha256:566415058118de8afb64020ed4d3f13590cdfe557874dac1ef1bbaf724ad32a9"))
        #expect(record["seed"] == .string("18446744073709551615"))
        #expect(record["pith"] == .string(PithVersion.current))
        guard case .array(let data) = record["data"] else { throw CancellationError() }
        #expect(data.count == 2)
        let recipe = try JSONDecoder().decode(Recipe.self, from: JSONEncoder().encode(try #require(record["recipe"])))
        #expect(try recipe.yaml == Recipe.named("int8").yaml)
        guard case .object(let decisions) = record["decisions"] else { throw CancellationError() }
        #expect(decisions["activations"] == .string("uint8"))
        // A second run over the output replaces the record.
        let other = try Scratch(), again = try await run(other, self.options(), "clean", input: report.output.path)
        let second = try ONNXReader.read(path: again.output.path).metadata.filter { $0.key == Provenance.key }
        #expect(second.count == 1)
        #expect(second[0].value.contains("graph.clean"))
    }

    @Test func `without data weights alone are rounded, and the report says what data would add`() async throws {
        let scratch = try Scratch(), report = try await run(scratch, options(data: nil))
        #expect(report.accuracy == nil)
        #expect(report.fidelity == nil)
        #expect(report.latency != nil)
        #expect(report.verification.isMadeUp)
        #expect(report.notes[0].contains("--data DATA adds"))
        #expect(report.ledger.contains { $0.representation == "int8 per channel, folded at load" })
        #expect(!report.ledger.contains { $0.weight == "(activations)" })
    }

    @Test func `data without rows to calibrate leaves activations in float and says so`() async throws {
        let scratch = try Scratch()
        for name in ["digits.npz"] {
            try FileManager.default.copyItem(
                at: Digits.folder.appendingPathComponent(name), to: scratch.folder.appendingPathComponent(name))
        }
        let card = try String(contentsOfFile: Digits.card, encoding: .utf8)
            .replacingOccurrences(of: "calibrate: [0, 200]", with: "").replacingOccurrences(
                of: "[200, 1200]", with: "[0, 100]")
        let report = try await run(scratch, options(data: try scratch.write("card.yaml", card)))
        #expect(report.notes.contains { $0.contains("no rows under `calibrate`") })
        #expect(report.accuracy?.samples == 100)
    }

    // MARK: Promises

    @Test func `promises that hold let the output through`() async throws {
        let scratch = try Scratch()
        var options = options()
        options.maximumDrop = 2
        options.maximumSize = 200_000
        options.minimumSQNR = 30
        options.requiredSpeedup = 0.01
        options.isStrict = true
        #expect(try await run(scratch, options).output.bytes < 200_000)
        #expect(scratch.names == ["out.onnx"])
    }

    @Test func `a drop that may be larger than allowed is refused with its figure`() async throws {
        var options = options()
        options.maximumDrop = 0
        let error = try #require(try await refusal(options))
        #expect(error.code == .promiseBroken)
        #expect(error.problem.contains("95 % interval"))
        #expect(error.problem.contains("1000 samples"))
        options.data = nil
        #expect(try await refusal(options)?.problem.contains("no metric") == true)
    }

    @Test func `size, fidelity and speed are refused by name`() async throws {
        var size = options()
        size.maximumSize = 1000
        #expect(try await refusal(size)?.problem.contains("more than the 1000 allowed") == true)
        var fidelity = options()
        fidelity.minimumSQNR = 150
        #expect(try await refusal(fidelity)?.subject == "fidelity")
        var speed = options()
        speed.requiredSpeedup = 1000
        #expect(try await refusal(speed)?.subject == "speed")
    }

    @Test func `a floor of error holds for every output, not the first alone`() async throws {
        let scratch = try Scratch(), near = try GraphBench.random("w1", [64, 64], seed: 1)
        // The second output is the difference of two products that are almost the same: rounding ruins it.
        let numbers = near.decoded().elements(as: Float.self).enumerated().map { $1 + ($0 % 7 == 0 ? 1e-4 : 0) }
        let model = GraphBench.model(
            [
                Node("MatMul", inputs: ["x", "w1"], outputs: ["y"]),
                Node("MatMul", inputs: ["x", "w2"], outputs: ["z"]),
                Node("Sub", inputs: ["z", "y"], outputs: ["d"]),
            ], inputs: [GraphBench.input("x", [-1, 64])], outputs: ["y", "d"],
            weights: [near, Weight("w2", Tensor(numbers, shape: near.shape))])
        let input = scratch.path("two.onnx")
        try ONNXWriter.write(model, to: input)
        _ = try DynamicBench.dataset(scratch, for: model)
        var options = options(data: scratch.path("card.yaml"))
        options.minimumSQNR = 30
        let error = try #require(try await refusal(options, input: input))
        #expect(error.subject == "fidelity" && error.problem.contains("its output 'd'"), "\(error)")
        options.minimumSQNR = nil
        #expect(try #require(try await run(scratch, options, "int8-weights", input: input).fidelity).sqnrDB > 30)
    }

    @Test func `a search takes the first recipe that keeps the promises`() async throws {
        let scratch = try Scratch()
        var options = options()
        options.minimumSQNR = 42
        func search(_ options: CompressionOptions) async throws -> CompressionReport {
            try await CompressionSearch(
                input: Digits.model, output: scratch.path("out.onnx"), recipe: nil, options: options
            ).run()
        }
        let report = try await search(options)
        #expect(report.recipe.name == "int8-dynamic")
        #expect(report.notes.contains { $0.contains("Recipe int8 was tried and not taken") })
        options.minimumSQNR = 199
        let error = await #expect(throws: CompressionError.self) { try await search(options) }
        #expect(error?.problem.contains("no built-in recipe keeps the promises") == true)
        #expect(error?.problem.contains("clean") == true)
    }

    @Test(arguments: [(300_000, "fp16"), (130_000, "int8-weights"), (40_000, "int2")])
    func `a size alone is met with the least error, not with the fewest bytes`(size: Int, name: String) async throws {
        let scratch = try Scratch()
        var options = options(data: nil)
        options.maximumSize = size
        let report = try await CompressionSearch(
            input: Digits.model, output: scratch.path("out.onnx"), recipe: nil, options: options
        ).run()
        #expect(report.recipe.name == name, "\(report.output.bytes)")
        #expect(report.output.bytes <= size)
    }

    @Test func `a model that holds the batch of an example runs one sample at a time`() async throws {
        let scratch = try Scratch()
        let model = GraphBench.model(
            [
                Node("Relu", inputs: ["x"], outputs: ["r"]), Node("Reshape", inputs: ["r", "shape"], outputs: ["f"]),
                Node("MatMul", inputs: ["f", "w"], outputs: ["y"]),
            ], inputs: [GraphBench.input("x", [-1, 4, 16])], outputs: ["y"],
            weights: [try GraphBench.random("w", [64, 32], seed: 1), GraphBench.integers("shape", [1, 64])])
        try ONNXWriter.write(model, to: scratch.path("in.onnx"))
        try scratch.write(
            "x.npy", npy: try SmallModels.tensor([40, 64], seed: 2).elements(as: Float.self), shape: [40, 4, 16])
        let card = try scratch.write(
            "card.yaml", "inputs:\n  x: { file: x.npy }\nmetric: fidelity\ncalibrate: [0, 20]\nevaluate: [20, 40]\n")
        let report = try await run(scratch, options(data: card), input: scratch.path("in.onnx"))
        #expect(report.notes.contains { $0.hasPrefix("Samples are run one at a time") }, "\(report.notes)")
        #expect(try #require(report.fidelity).sqnrDB > 20)
        let eight = try scratch.write(
            "eight.yaml", try String(contentsOfFile: card, encoding: .utf8) + "batch: 8\n")
        await #expect(throws: (any Error).self) {
            try await run(scratch, options(data: eight), input: scratch.path("in.onnx"))
        }
    }

    // MARK: Recipes that can not be followed

    @Test func `calibration data that is not finite is named with its input and row`() async throws {
        let scratch = try Scratch()
        let model = GraphBench.model(
            [Node("MatMul", inputs: ["x", "w"], outputs: ["y"])], inputs: [GraphBench.input("x", [-1, 32])],
            outputs: ["y"], weights: [try GraphBench.random("w", [32, 32], seed: 1)])
        try ONNXWriter.write(model, to: scratch.path("in.onnx"))
        var numbers = try SmallModels.tensor([20, 32], seed: 2).elements(as: Float.self)
        numbers[3 * 32 + 5] = .nan
        try scratch.write("x.npy", npy: numbers, shape: [20, 32])
        let card = try scratch.write(
            "card.yaml", "inputs:\n  x: { file: x.npy }\nmetric: fidelity\ncalibrate: [0, 10]\nevaluate: [10, 20]\n")
        let error = await #expect(throws: FormatError.self) {
            try await run(scratch, options(data: card), "int4-accurate", input: scratch.path("in.onnx"))
        }
        #expect(error?.subject.contains("card.yaml, line 2, `inputs.x.file`") == true)
        #expect(error?.problem == "input 'x' is NaN in row 3 (number 5 of 32).")
    }

    @Test(arguments: ["int8", "int8-accurate", "int8-dynamic", "int4-accurate"])
    func `built-in recipes name nothing in vain, and no stage of theirs is idle`(name: String) async throws {
        let scratch = try Scratch()
        var strict = options()
        strict.isStrict = true
        let report = try await run(scratch, strict, name)
        #expect(!report.notes.contains { $0.contains("which is no") || $0.hasPrefix("stage ") }, "\(report.notes)")
    }

    @Test(arguments: [
        ("exclude: [haed.weight]", "haed.weight"), ("operators: [Gemm, Covn]", "Covn"),
        ("suffixes: [.weight, .wieght]", ".wieght"),
    ]) func `a name that the model does not have is told, and refused under strict`(
        place: String, name: String
    ) async throws {
        let scratch = try Scratch()
        let recipe = try scratch.write(
            "mine.yaml", "version: 1\nstages:\n  - technique: quantize.weights\n    where: { \(place) }\n")
        let report = try await run(scratch, options(data: nil), recipe)
        #expect(report.notes.count { $0.contains("'\(name)', which is no") } == 1, "\(report.notes)")
        var strict = options(data: nil)
        strict.isStrict = true
        let error = try #require(try await refusal(strict, recipe))
        #expect(error.subject == "--strict")
        #expect(error.problem.contains(name) && !error.problem.contains("more)"))
    }

    @Test(arguments: [
        ("{ technique: quantize.weights }", "{ technique: quantize.weights, bits: 4 }", "quantize.weights"),
        ("{ technique: quantize.half }", "{ technique: quantize.weights, bits: 4 }", "quantize.half"),
        ("{ technique: quantize.weights, bits: 4 }", "{ technique: quantize.gptq, bits: 8 }", "quantize.weights"),
        ("{ technique: quantize.weights, bits: 4 }", "{ technique: code.trellis }", "quantize.weights"),
        ("{ technique: quantize.gptq }", "{ technique: quantize.mixed }", "quantize.gptq"),
    ]) func `a stage that finds every weight rounded is told, and refused under strict`(
        first: String, second: String, maker: String
    ) async throws {
        let scratch = try Scratch()
        let recipe = try scratch.write("mine.yaml", "version: 1\nstages: [\(first), \(second)]\n")
        let report = try await run(scratch, options(data: nil), recipe)
        let told = report.notes.filter { $0.hasPrefix("stage 2 (") }
        #expect(told.count == 1 && told[0].hasSuffix("by \(maker)."), "\(report.notes)")
        var strict = options(data: nil)
        strict.isStrict = true
        #expect(try await refusal(strict, recipe)?.subject == "--strict")
    }

    @Test(arguments: [
        ("{ technique: quantize.gptq }", "{ technique: quantize.weights }"),
        ("{ technique: quantize.gptq, bits: 8 }", "{ technique: quantize.gptq, bits: 8, symmetric: true }"),
        ("{ technique: quantize.weights, bits: 4 }", "{ technique: quantize.half }"),
        ("{ technique: quantize.weights, where: { operators: [Gemm] } }", "{ technique: quantize.weights, bits: 4 }"),
    ]) func `a stage for what others leave is no refusal`(first: String, second: String) async throws {
        let scratch = try Scratch()
        let recipe = try scratch.write("mine.yaml", "version: 1\nstages: [\(first), \(second)]\n")
        var strict = options(data: nil)
        strict.isStrict = true
        let report = try await run(scratch, strict, recipe)
        #expect(!report.notes.contains { $0.hasPrefix("stage ") }, "\(report.notes)")
    }

    @Test func `a recipe that compresses nothing is refused under strict, whatever the promises`() async throws {
        let scratch = try Scratch()
        let recipe = try scratch.write(
            "mine.yaml",
            "version: 1\nstages:\n  - technique: quantize.weights\n    where: { minimumCount: 100000000 }\n")
        var strict = options(data: nil)
        strict.isStrict = true
        let error = try #require(try await refusal(strict, recipe))
        #expect(error.code == .refused)
        #expect(error.problem.contains("no weight was compressed"))
        let report = try await run(scratch, options(data: nil), recipe)
        #expect(report.notes.contains { $0.hasPrefix("No weight was compressed") }, "\(report.notes)")
    }

    @Test func `the ledger says why a layer with integer weights computes in float`() async throws {
        let scratch = try Scratch()
        let recipe = try scratch.write(
            "mine.yaml",
            """
            version: 1
            stages:
              - technique: graph.clean
              - technique: quantize.static
                where: { operators: [Conv] }
              - technique: quantize.weights
                minimumCount: 64
            """)
        let report = try await run(scratch, options(), recipe)
        let head = try #require(report.ledger.first { $0.shape == [10, 64] || $0.shape == [64, 10] })
        #expect(head.note.contains("float activations: the recipe leaves it so"), "\(head.note)")
        #expect(report.ledger.contains { $0.note.contains("integer kernel with uint8 activations") })
    }

    @Test func `an output that would replace what is read is refused before any work`() async throws {
        let scratch = try Scratch()
        let copy = scratch.path("copy.onnx")
        try FileManager.default.copyItem(atPath: Digits.model, toPath: copy)
        for output in [copy, scratch.path("./copy.onnx"), Digits.card, "-"] {
            let job = CompressionJob(
                input: copy, output: output, recipe: try Recipe.named("clean"), options: options())
            let error = await #expect(throws: CompressionError.self) { try await job.run() }
            #expect(error?.code == .invalidOutput, "\(output)")
        }
        #expect(try Data(contentsOf: URL(fileURLWithPath: copy)).count == 409_748)
    }
}
