import Foundation
import PithCompression
import PithFormats
import PithModel
import PithTensor
import Testing

/// Models that recipes can not handle, or not at all.
@Suite(.enabled(if: GraphBench.hasRuntime, "needs ONNX Runtime")) struct HardModelTests {
    private func run(
        _ model: Model, _ scratch: Scratch, recipe: String = "int8", strict: Bool = false
    ) async throws -> CompressionReport {
        var options = CompressionOptions()
        options.isStrict = strict
        options.profile = .fixedRules
        try ONNXWriter.write(model, to: scratch.path("in.onnx"))
        return try await CompressionJob(
            input: scratch.path("in.onnx"), output: scratch.path("out.onnx"), recipe: try Recipe.named(recipe),
            options: options
        ).run()
    }

    @Test func `the weights of an LSTM are rounded and computed in float`() async throws {
        let scratch = try Scratch(), report = try await run(try SmallModels.recurrent(), scratch, strict: true)
        let row = try #require(report.ledger.first { $0.weight == "w" })
        #expect(row.technique == "quantize.weights")
        #expect(row.representation == "int8 per channel, folded at load")
        #expect(report.verification.weightsCompared == 2)
        #expect(report.verification.optimizedSQNR > 25)
    }

    @Test func `an LSTM that a recipe can not handle is named as kept, and refused under strict`() async throws {
        let scratch = try Scratch()
        let recipe = try scratch.write("static.yaml", "version: 1\nstages: [ { technique: quantize.static } ]\n")
        let report = try await run(try SmallModels.recurrent(), scratch, recipe: recipe)
        let row = try #require(report.ledger.first { $0.weight == "r" })
        #expect(row.note == "kept: LSTM 'lstm' has no integer kernel with calibrated activations")
        #expect(row.representation == "float32")
        try FileManager.default.removeItem(atPath: scratch.path("out.onnx"))
        let error = await #expect(throws: CompressionError.self) {
            try await run(try SmallModels.recurrent(), scratch, recipe: recipe, strict: true)
        }
        #expect(error?.problem.contains("LSTM 'lstm'") == true)
        #expect(error?.problem.contains("and 3 more") == true)
        #expect(scratch.names == ["in.onnx", "static.yaml"])
    }

    @Test func `nothing is promised of outputs that are no numbers, and they are told without data too`() async throws {
        let scratch = try Scratch()
        var model = try ONNXReader.read(path: Digits.model), options = CompressionOptions()
        let last = try #require(model.graph.outputs.first?.name)
        // The logarithm of what is below zero.
        model.graph.nodes += [
            Node("Abs", inputs: [last], outputs: ["size"]), Node("Neg", inputs: ["size"], outputs: ["below"]),
            Node("Log", inputs: ["below"], outputs: ["lost"]),
        ]
        model.graph.outputs = [ValueInfo(name: "lost")]
        try ONNXWriter.write(model, to: scratch.path("in.onnx"))
        (options.profile, options.data, options.minimumSQNR) = (.fixedRules, Digits.card, -100)
        let job = CompressionJob(
            input: scratch.path("in.onnx"), output: scratch.path("out.onnx"), recipe: try Recipe.named("int8-weights"),
            options: options)
        let error = await #expect(throws: CompressionError.self) { try await job.run() }
        #expect(error?.code == .promiseBroken && error?.problem.contains("is a finite number") == true)
        #expect(scratch.names == ["in.onnx"])
        let report = try await run(model, scratch, recipe: "int8-weights")
        #expect(report.verification.nonFiniteNumbers > 0)
        let told = "numbers that are not finite, on made-up inputs"
        #expect(report.notes.contains { $0.contains(told) }, "\(report.notes)")
    }

    @Test(arguments: [true, false]) func `an operator that the runtime does not know is refused by name`(strict: Bool)
        async throws
    {
        let scratch = try Scratch()
        do {
            _ = try await run(try SmallModels.recurrent(isCustom: true), scratch, strict: strict)
            Issue.record("A model that can not be run went through.")
        } catch {
            #expect("\(error)".contains(strict ? "Blend" : "com.example"), "\(error)")
        }
        #expect(scratch.names == ["in.onnx"])
    }

    @Test(arguments: [Float.nan, .infinity], ["w1", "b2", "w3"])
    func `weights that are not finite are refused by name before any work`(
        value: Float, name: String
    ) async throws {
        let scratch = try Scratch()
        var model = try SmallModels.residual()
        let weight = try #require(model.graph.weights[name])
        var numbers = weight.decoded().elements(as: Float.self)
        numbers[3] = value
        model.graph.weights[name] = Weight(name, Tensor(numbers, shape: weight.shape))
        let error = await #expect(throws: CompressionError.self) { try await run(model, scratch, recipe: "clean") }
        #expect(error?.code == .nonFiniteWeight)
        #expect(error?.subject == "weight '\(name)'")
        #expect(error?.problem == "1 of its \(weight.shape.count) values are NaN or infinite.")
        #expect(scratch.names == ["in.onnx"])
    }

    @Test func `an infinite mask is no damaged weight`() async throws {
        let scratch = try Scratch()
        let model = GraphBench.model(
            [
                Node("Add", inputs: ["x", "mask"], outputs: ["s"]),
                Node("Softmax", inputs: ["s"], outputs: ["p"], attributes: [Attribute("axis", .integer(-1))]),
                Node("MatMul", inputs: ["p", "w"], outputs: ["y"]),
            ], inputs: [GraphBench.input("x", [4, 32])], outputs: ["y"],
            weights: [
                Weight("mask", Tensor((0..<128).map { $0 % 5 == 0 ? -Float.infinity : 0 }, shape: try Shape([4, 32]))),
                try GraphBench.random("w", [32, 32], seed: 1),
            ])
        #expect(try await run(model, scratch, strict: true).verification.weightsCompared == 1)
    }

    @Test func `a weight that a nested graph reads is followed to where it is used`() async throws {
        let scratch = try Scratch()
        func branch(_ name: String, _ weight: String) throws -> Graph {
            Graph(
                name: name, nodes: [Node("MatMul", inputs: ["x", weight], outputs: [name])],
                outputs: [
                    ValueInfo(name: name, type: ValueType(element: .float32, dimensions: [.fixed(2), .fixed(32)]))
                ],
                weights: weight == "own"
                    ? WeightTable([try GraphBench.random("own", [32, 32], seed: 3)]) : WeightTable())
        }
        let node = Node(
            "If", inputs: ["c"], outputs: ["y"],
            attributes: [
                Attribute("then_branch", .graph(try branch("a", "own"))),
                Attribute("else_branch", .graph(try branch("b", "outer"))),
            ], name: "choice")
        let model = GraphBench.model(
            [node], inputs: [GraphBench.input("x", [2, 32]), GraphBench.input("c", [], .bool)], outputs: ["y"],
            weights: [try GraphBench.random("outer", [32, 32], seed: 4)])
        let report = try await run(model, scratch, strict: true)
        #expect(report.verification.weightsCompared == 2)
        #expect(Set(report.ledger.map(\.weight)) == ["outer", "choice.then_branch/own"])
        #expect(report.ledger.allSatisfy { $0.technique == "quantize.weights" })
    }

    @Test(arguments: ["missing/out.onnx", "folder", "file/out.onnx"])
    func `an output that can not be written is refused and nothing is left`(
        path: String
    ) async throws {
        let scratch = try Scratch()
        try FileManager.default.createDirectory(atPath: scratch.path("folder"), withIntermediateDirectories: true)
        try scratch.write("file", "")
        try ONNXWriter.write(try SmallModels.residual(), to: scratch.path("in.onnx"))
        let job = CompressionJob(
            input: scratch.path("in.onnx"), output: scratch.path(path), recipe: try Recipe.named("clean"),
            options: CompressionOptions())
        let error = await #expect(throws: FormatError.self) { try await job.run() }
        #expect(error?.code == .unwritable)
        #expect(error?.subject.contains(scratch.path(path)) == true)
        #expect(scratch.names == ["file", "folder", "in.onnx"])
    }
}
