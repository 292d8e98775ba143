import Foundation
import PithCompression
import PithFormats
import PithModel
import PithTensor
import Testing

@Suite(.enabled(if: GraphBench.hasRuntime, "needs ONNX Runtime")) struct LayerComparisonTests {
    /// `x -> MatMul(first * I) -> a -> MatMul(second * I) -> y` on rows of three numbers.
    private func chain(_ first: Float, _ second: Float) throws -> Model {
        func scaled(_ name: String, _ factor: Float) throws -> Weight {
            Weight(name, Tensor([factor, 0, 0, 0, factor, 0, 0, 0, factor], shape: try Shape([3, 3])))
        }
        return GraphBench.model(
            [
                Node("MatMul", inputs: ["x", "w1"], outputs: ["a"], name: "first"),
                Node("MatMul", inputs: ["a", "w2"], outputs: ["y"], name: "second"),
            ], inputs: [GraphBench.input("x", [-1, 3])], outputs: ["y"],
            weights: [try scaled("w1", first), try scaled("w2", second)])
    }

    private var samples: MemorySamples {
        get throws { MemorySamples("x", try SmallModels.tensor([20, 3], seed: 4)) }
    }

    private func compare(_ reference: Model, _ candidate: Model, _ source: MemorySamples) throws -> LayerReport {
        try LayerComparison(reference: reference, candidate: candidate, threads: 1)
            .measure(source: source, rows: source.evaluationRows)
    }

    /// The model as it comes back from a file.
    private func read(_ model: Model) throws -> Model {
        try ONNXReader.read(Storage(try ONNXWriter.encode(model)), path: "candidate.onnx")
    }

    @Test func `own and inherited errors of a chain are those computed by hand`() throws {
        // The first layer is 10 % off, the second 1 %: 20 dB and 40 dB of their own, 1.1 * 1.01 - 1 = .111 together.
        let report = try compare(try chain(1, 1), try chain(1.1, 1.01), try samples)
        #expect(report.layers.map(\.layer) == ["first", "second"])
        #expect(report.layers.map(\.output) == ["a", "y"])
        #expect(report.rows == 20)
        #expect(report.matchedValues == 2 && report.onlyInReference == 0 && report.onlyInCandidate == 0)
        let first = try #require(report.layers.first), second = try #require(report.layers.last)
        #expect(abs(try #require(first.ownSqnrDB) - 20) < 0.001)
        #expect(abs(first.sqnrDB - 20) < 0.001)
        #expect(abs(try #require(first.bornShare) - 1) < 0.001)
        #expect(abs(try #require(second.ownSqnrDB) - 40) < 0.001)
        #expect(abs(second.sqnrDB + 20 * log10(0.111)) < 0.001)
        #expect(abs(try #require(second.bornShare) - 0.0001 / (0.111 * 0.111)) < 0.0001)
        #expect(first.ownRoundedSqnrDB == nil && first.roundedSqnrDB == nil)
        #expect(report.weakest?.layer == "first")
    }

    @Test func `channels of another scale are compared in that scale`() throws {
        // Factors that equalization moves from the second layer's inputs to the first one's outputs; the second layer is 1 % off.
        let factors: [Float] = [8, 0.25, 1]
        let reference = try chain(1, 1)
        var candidate = try chain(1, 1.01)
        for (name, isInverse) in [("w1", false), ("w2", true)] {
            let tensor = try #require(candidate.graph.weights[name]?.dense)
            let numbers = tensor.elements(as: Float.self).enumerated().map { place, number in
                number * (isInverse ? 1 / factors[place / 3] : factors[place % 3])
            }
            candidate.graph.weights[name] = Weight(name, Tensor(numbers, shape: tensor.shape))
        }
        let report = try compare(reference, candidate, try samples)
        let first = try #require(report.layers.first), second = try #require(report.layers.last)
        #expect(try #require(first.ownSqnrDB) > 120 && first.sqnrDB > 120)
        #expect(abs(try #require(second.ownSqnrDB) - 40) < 0.01 && abs(second.sqnrDB - 40) < 0.01)
        #expect(report.weakest?.layer == "second")
        #expect(report.notes.contains { $0.hasPrefix("1 values have channels of another scale") })
    }

    @Test func `the same model has no layer that loses anything`() throws {
        let report = try compare(try chain(1, 2), try chain(1, 2), try samples)
        #expect(report.layers.map(\.ownSqnrDB) == [200, 200])
        #expect(report.layers.map(\.sqnrDB) == [200, 200])
        #expect(report.layers.map(\.bornShare) == [nil, nil])
        #expect(report.weakest == nil)
    }

    @Test(arguments: ["first", "second", "head"]) func `the layer that was spoiled is named`(name: String) throws {
        let model = try SmallModels.residual()
        var spoiled = model
        for node in model.graph.nodes {
            guard let weight = node.inputs.dropFirst().first, let tensor = model.graph.weights[weight]?.dense else {
                continue
            }
            // Every layer is a little off, the one by much.
            let factor: Float = node.name == name ? 0.7 : 0.999
            let numbers = tensor.elements(as: Float.self).enumerated().map {
                $0.offset % 2 == 0 ? $0.element : $0.element * factor
            }
            spoiled.graph.weights[weight] = Weight(weight, Tensor(numbers, shape: tensor.shape))
        }
        let source = MemorySamples("x", try SmallModels.tensor([12, 3, 8, 8], seed: 9))
        let report = try compare(model, spoiled, source)
        #expect(report.layers.map(\.layer) == ["first", "second", "head"])
        #expect(report.weakest?.layer == name)
        #expect(try #require(report.weakest?.ownSqnrDB) < 25)
        for layer in report.layers where layer.layer != name { #expect(try #require(layer.ownSqnrDB) > 50) }
    }

    /// `10 log10(sum x^2 / sum (x - y)^2)`.
    private func decibels(_ exact: [Float], _ found: [Float]) -> Double {
        let signal = exact.reduce(0) { $0 + Double($1) * Double($1) }
        let noise = zip(exact, found).reduce(0) { $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1) }
        return 10 * log10(signal / noise)
    }

    @Test func `rounded activations are compared before and after they are rounded`() throws {
        let reference = try chain(1, 1), source = try samples
        var candidate = reference
        candidate.graph.activationFormats["a"] = ActivationFormat(type: .int8, scale: 0.25, zeroPoint: 0)
        // The output's name goes to the rounded value; the one before is found all the same.
        candidate.graph.activationFormats["y"] = ActivationFormat(type: .int8, scale: 0.5, zeroPoint: 0)
        let written = try read(candidate)
        let report = try compare(reference, written, source)
        #expect(report.layers.map(\.layer) == ["first", "second"])
        #expect(report.layers.map(\.output) == ["a", "y"])
        #expect(report.onlyInReference == 0 && report.onlyInCandidate == 0)
        let x = source.values.elements(as: Float.self)
        func rounded(_ values: [Float], _ step: Float) -> [Float] {
            values.map { ($0 / step).rounded(.toNearestOrEven) * step }
        }
        let quarter = rounded(x, 0.25)
        let first = try #require(report.layers.first), second = try #require(report.layers.last)
        #expect(first.ownSqnrDB == 200 && first.sqnrDB == 200)
        for figure in [first.ownRoundedSqnrDB, first.roundedSqnrDB, second.ownSqnrDB, second.sqnrDB] {
            #expect(abs(try #require(figure) - decibels(x, quarter)) < 0.001)
        }
        for figure in [second.ownRoundedSqnrDB, second.roundedSqnrDB] {
            #expect(abs(try #require(figure) - decibels(x, rounded(quarter, 0.5))) < 0.001)
        }
        #expect(report.weakest?.layer == "second")
    }

    @Test func `a range that begins at zero stands for the ReLU that it took in`() throws {
        var reference = try chain(1, 1)
        reference.graph.nodes.insert(Node("Relu", inputs: ["a"], outputs: ["r"], name: "relu"), at: 1)
        reference.graph.nodes[2].inputs[0] = "r"
        var candidate = try chain(1, 1)
        candidate.graph.activationFormats["a"] = ActivationFormat(type: .uint8, scale: 0.25, zeroPoint: 0)
        let source = try samples, report = try compare(reference, try read(candidate), source)
        let x = source.values.elements(as: Float.self).map { max($0, 0) }
        let rounded = x.map { ($0 / 0.25).rounded(.toNearestOrEven) * 0.25 }
        let first = try #require(report.layers.first)
        #expect(first.ownSqnrDB == 200 && first.sqnrDB == 200)
        for figure in [first.ownRoundedSqnrDB, first.roundedSqnrDB] {
            #expect(abs(try #require(figure) - decibels(x, rounded)) < 0.001)
        }
        // Where something reads the value as it is, what is cut off is an error.
        reference.graph.nodes[2].inputs[0] = "a"
        let spoiled = try #require(try compare(reference, try read(candidate), source).layers.first?.roundedSqnrDB)
        #expect(spoiled < 10, "\(spoiled)")
    }

    @Test(arguments: [Weight.Execution.folded, .integer]) func `weights in any stored form are decoded in their layer`(
        execution: Weight.Execution
    ) throws {
        let reference = try SmallModels.residual(), original = try #require(reference.graph.weights["w2"]?.decoded())
        var candidate = reference
        let form = try SymmetricIntegers.encode(original, named: "w2", axis: 0)
        candidate.graph.weights["w2"]?.form = .encoded(form)
        candidate.graph.weights["w2"]?.execution = execution
        let source = MemorySamples("x", try SmallModels.tensor([12, 3, 8, 8], seed: 9))
        let report = try compare(reference, try read(candidate), source)
        #expect(report.layers.map(\.layer) == ["first", "second", "head"])
        #expect(report.onlyInReference == 0 && report.onlyInCandidate == 0)
        #expect(report.layers.first?.ownSqnrDB == 200)
        #expect(report.weakest?.layer == "second")
        let own = try #require(report.weakest?.ownSqnrDB)
        #expect(abs(own - (try #require(form.sqnrDB(against: original)))) < 3)
        #expect(try #require(report.layers.last?.ownSqnrDB) > 110)
        #expect(try #require(report.layers.last?.sqnrDB) < 80)
    }

    @Test func `what has no counterpart is counted and left out`() throws {
        let reference = try chain(1, 1)
        var candidate = try chain(1.1, 1)
        candidate.graph.nodes[0].outputs = ["other"]
        candidate.graph.nodes[1].inputs[0] = "other"
        let report = try compare(reference, candidate, try samples)
        #expect(report.matchedValues == 1 && report.onlyInReference == 1 && report.onlyInCandidate == 1)
        #expect(report.layers.map(\.layer) == ["second"])
        #expect(report.layers.first?.companions == ["first"])
        #expect(abs(try #require(report.layers.first?.ownSqnrDB) - 20) < 0.001)
        candidate.graph.nodes[1].outputs = ["z"]
        candidate.graph.outputs = [ValueInfo(name: "z")]
        let nothing = try compare(reference, candidate, try samples)
        #expect(nothing.layers.isEmpty && nothing.matchedValues == 0 && nothing.weakest == nil)
        #expect(nothing.notes == ["No layer of the candidate could be matched by the name of its output."])
    }

    @Test func `layers in nested graphs are named and seen from outside`() throws {
        func model(_ factor: Float) throws -> Model {
            func branch(_ name: String) throws -> Graph {
                let weight = Tensor([factor, 0, 0, 0, factor, 0, 0, 0, factor], shape: try Shape([3, 3]))
                return Graph(
                    name: name, nodes: [Node("MatMul", inputs: ["x", "\(name)W"], outputs: [name], name: "inner")],
                    outputs: [ValueInfo(name: name)], weights: WeightTable([Weight("\(name)W", weight)]))
            }
            let choice = try Tensor(type: .bool, shape: .scalar, storage: Storage([UInt8(1)]))
            return GraphBench.model(
                [
                    Node(
                        "If", inputs: ["choice"], outputs: ["y"],
                        attributes: [
                            Attribute("then_branch", .graph(try branch("yes"))),
                            Attribute("else_branch", .graph(try branch("no"))),
                        ], name: "branch")
                ], inputs: [GraphBench.input("x", [-1, 3])], outputs: ["y"], weights: [Weight("choice", choice)])
        }
        let report = try compare(try model(1), try model(1.1), try samples)
        #expect(report.innerLayers == ["branch.then_branch/inner", "branch.else_branch/inner"])
        #expect(report.layers.map(\.layer) == ["branch"])
        #expect(abs(try #require(report.layers.first?.ownSqnrDB) - 20) < 0.001)
    }
}
