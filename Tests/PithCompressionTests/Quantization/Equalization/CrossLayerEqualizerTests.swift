import Foundation
import PithCompression
import PithFormats
import PithModel
import PithTensor
import Testing

@Suite(.enabled(if: GraphBench.hasRuntime, "needs ONNX Runtime")) struct CrossLayerEqualizerTests {
    /// Channels of the first layer's outputs differ by up to 100 times.
    private func uneven(_ name: String, _ lengths: [Int], seed: UInt64) throws -> Weight {
        let tensor = try GraphBench.random(name, lengths, seed: seed).decoded(), inner = tensor.count / lengths[0]
        let numbers = tensor.elements(as: Float.self).enumerated().map { index, number in
            number * Float(pow(100, Double(index / inner % 7) / 6))
        }
        return Weight(name, Tensor(numbers, shape: tensor.shape))
    }

    /// A convolution, a depthwise one, one more and a product, `activation` between them.
    private func chain(_ activation: (String, String) -> Node) throws -> Model {
        let pads = SmallModels.pads(1)
        return GraphBench.model(
            [
                Node("Conv", inputs: ["x", "w1", "b1"], outputs: ["c1"], attributes: pads, name: "first"),
                activation("c1", "r1"),
                Node(
                    "Conv", inputs: ["r1", "w2", "b2"], outputs: ["c2"],
                    attributes: pads + [Attribute("group", .integer(16))], name: "depthwise"),
                activation("c2", "r2"),
                Node("Conv", inputs: ["r2", "w3"], outputs: ["c3"], attributes: pads, name: "third"),
                activation("c3", "r3"),
                Node("Flatten", inputs: ["r3"], outputs: ["f"]),
                Node("Gemm", inputs: ["f", "w4", "b4"], outputs: ["y"], name: "head"),
            ], inputs: [GraphBench.input("x", [-1, 3, 6, 6])], outputs: ["y"],
            weights: [
                try uneven("w1", [16, 3, 3, 3], seed: 1), try GraphBench.random("b1", [16], seed: 2),
                try uneven("w2", [16, 1, 3, 3], seed: 3), try GraphBench.random("b2", [16], seed: 4),
                try uneven("w3", [5, 16, 3, 3], seed: 5), try GraphBench.random("w4", [180, 10], seed: 6),
                try GraphBench.random("b4", [10], seed: 7), Weight("low", Tensor([0 as Float], shape: .scalar)),
                Weight("slope", Tensor([0.25 as Float], shape: try Shape([1, 1, 1]))),
                Weight("high", Tensor([6 as Float], shape: .scalar)),
            ])
    }

    private func relu(_ input: String, _ output: String) -> Node { Node("Relu", inputs: [input], outputs: [output]) }

    private func dataset(_ scratch: Scratch, size: Float, _ model: Model) throws -> Dataset {
        try dataset(
            scratch, try SmallModels.tensor([60, 3, 6, 6], seed: 9).elements(as: Float.self).map { $0 * size }, model)
    }

    private func dataset(_ scratch: Scratch, _ numbers: [Float], _ model: Model) throws -> Dataset {
        try scratch.write("x.npy", npy: numbers, shape: [60, 3, 6, 6])
        let card = try scratch.write(
            "card.yaml", "inputs:\n  x: { file: x.npy }\nmetric: fidelity\ncalibrate: [0, 40]\nevaluate: [40, 60]\n")
        return try Dataset(path: card, graphInputs: model.graph.requiredInputs)
    }

    private func equalized(
        _ model: Model, _ balance: CrossLayerEqualizer.Balance = .weights, exact: Bool = true, limit: Double = 1024,
        data: Dataset? = nil, without excluded: [String] = []
    ) async throws -> Workpiece {
        var technique = CrossLayerEqualizer()
        technique.balance = balance
        technique.powersOfTwo = exact
        technique.limit = limit
        var piece = Workpiece(model: model), selector = Selector()
        selector.exclude = excluded
        try await technique.apply(to: &piece, in: StageContext(selector: selector, dataset: data))
        return piece
    }

    private func numbers(_ model: Model, _ name: String) throws -> [Float] {
        try #require(model.graph.weights[name]).decoded().elements(as: Float.self)
    }

    /// Largest magnitude of each run of `inner` numbers.
    private func peaks(_ numbers: [Float], inner: Int) -> [Float] {
        stride(from: 0, to: numbers.count, by: inner).map { numbers[$0..<$0 + inner].map(abs).max() ?? 0 }
    }

    @Test(arguments: ["Relu", "LeakyRelu", "PRelu"]) func `powers of two change no bit of what is computed`(
        operation: String
    ) async throws {
        let model = try chain { input, output in
            Node(operation, inputs: operation == "PRelu" ? [input, "slope"] : [input], outputs: [output])
        }
        let piece = try await equalized(model), x = try SmallModels.tensor([3, 3, 6, 6], seed: 12)
        #expect(try GraphBench.agreement(model, piece.model, ["x": x]) == .infinity)
        for name in ["w1", "b1", "w2", "b2", "w3", "w4"] {
            #expect(try numbers(model, name) != numbers(piece.model, name), "\(name)")
            #expect(!piece.trace.fate(of: name).notes.isEmpty)
        }
        #expect(try numbers(model, "b4") == numbers(piece.model, "b4"))
        let rows = Ledger(original: model, piece: piece).rows
        #expect(rows.first { $0.weight == "w2" }?.note.contains("equalized") == true)
    }

    @Test func `under measured, layers stay equalized where integers err less with it`() async throws {
        let scratch = try Scratch()
        func piece(_ model: Model, strength: Double = 0.5, data: Dataset?) async throws -> Workpiece {
            var technique = CrossLayerEqualizer()
            (technique.choice, technique.strength, technique.limit) = (.measured, strength, 1024)
            var piece = Workpiece(model: model)
            try await technique.apply(to: &piece, in: StageContext(dataset: data))
            return piece
        }
        let model = try chain(relu), data = try dataset(scratch, size: 1, model)
        let better = try await piece(model, data: data)
        #expect(try numbers(better.model, "w1") != numbers(model, "w1"))
        let note = try #require(better.notes.last)
        #expect(note.hasPrefix("That brings integers from "), "\(better.notes)")
        // Nothing is moved where data is missing, and where even activations would become less so for even weights.
        let blind = try await piece(model, data: nil)
        #expect(try numbers(blind.model, "w1") == numbers(model, "w1"))
        #expect(blind.notes == ["No layers are equalized: without calibration data it is not known what that brings."])
        let again = try await piece(better.model, strength: 0, data: data)
        #expect(try numbers(again.model, "w1") == numbers(better.model, "w1"), "\(again.notes)")
        #expect(again.notes.contains { $0.hasPrefix("No layers are equalized: integers give") })
    }

    @Test func `largest weights of both sides of a channel become the same`() async throws {
        let model = try chain(relu), piece = try await equalized(model, exact: false)
        let x = try SmallModels.tensor([3, 3, 6, 6], seed: 12)
        #expect(try GraphBench.agreement(model, piece.model, ["x": x]) > 110)
        let first = peaks(try numbers(piece.model, "w1"), inner: 27)
        let second = peaks(try numbers(piece.model, "w2"), inner: 9), third = try numbers(piece.model, "w3")
        for channel in 0..<16 {
            #expect(abs(first[channel] / second[channel] - 1) < 0.03)
            let reads = (0..<5).flatMap { output in
                (0..<9).map { abs(third[(output * 16 + channel) * 9 + $0]) }
            }
            #expect(abs(second[channel] / (reads.max() ?? 0) - 1) < 0.03)
        }
    }

    @Test func `one scale for a whole weight is enough afterwards`() async throws {
        /// Every weight in 8 bits with one scale.
        func rounded(_ model: Model) throws -> Model {
            var model = model
            for name in ["w1", "w2", "w3", "w4"] {
                let tensor = try #require(model.graph.weights[name]).decoded()
                let values = tensor.elements(as: Float.self), scale = (values.map(abs).max() ?? 1) / 127
                model.graph.weights[name] = Weight(
                    name, Tensor(values.map { ($0 / scale).rounded() * scale }, shape: tensor.shape))
            }
            return model
        }
        // Factors that cancel, as folding a normalization leaves them: up to 64, and down to 1/64 in the next layer.
        var model = try chain(relu)
        let factors = (0..<16).map { Float(sign: .plus, exponent: $0 % 7, significand: 1) }
        for (name, inner, isInverse) in [("w1", 27, false), ("b1", 1, false), ("w2", 9, true)] {
            let tensor = try GraphBench.random(
                name, name == "w1" ? [16, 3, 3, 3] : name == "w2" ? [16, 1, 3, 3] : [16], seed: 3
            )
            .decoded()
            let values = tensor.elements(as: Float.self).enumerated().map { index, number in
                isInverse ? number / factors[index / inner] : number * factors[index / inner]
            }
            model.graph.weights[name] = Weight(name, Tensor(values, shape: tensor.shape))
        }
        let x = try SmallModels.tensor([20, 3, 6, 6], seed: 12)
        let before = try GraphBench.agreement(model, try rounded(model), ["x": x])
        let equalized = try await equalized(model).model
        let after = try GraphBench.agreement(equalized, try rounded(equalized), ["x": x])
        #expect(after > before + 6, "\(before) \(after)")
    }

    @Test func `balanced activations need the same range in each channel`() async throws {
        let scratch = try Scratch(), model = try chain(relu)
        let piece = try await equalized(model, .activations, data: try dataset(scratch, size: 1, model))
        let x = try SmallModels.tensor([60, 3, 6, 6], seed: 9)
        #expect(try GraphBench.agreement(model, piece.model, ["x": x]) == .infinity)
        // The last quarter of the 40 calibration rows is held out.
        let calibrated = Tensor(Array(x.elements(as: Float.self).prefix(30 * 108)), shape: try Shape([30, 3, 6, 6]))
        func spread(_ model: Model) throws -> Float {
            var shown = model
            shown.graph.outputs = [ValueInfo(name: "r1")]
            let values = try #require(try GraphBench.run(shown, ["x": calibrated])["r1"]).elements(as: Float.self)
            let runs = peaks(values, inner: 36)
            let channels = (0..<16).map { channel in
                stride(from: channel, to: runs.count, by: 16).map { runs[$0] }.max() ?? 0
            }
            return (channels.max() ?? 0) / (channels.min() ?? 1)
        }
        #expect(try spread(model) > 20)
        // Factors are rounded to powers of two, each by at most the square root of 2.
        #expect(try spread(piece.model) < 2.01)
    }

    @Test func `what only the held-out quarter of the calibration rows holds changes nothing`() async throws {
        let scratch = try Scratch(), model = try chain(relu)
        func piece(heldOut factor: Float) async throws -> Workpiece {
            var numbers = try SmallModels.tensor([60, 3, 6, 6], seed: 9).elements(as: Float.self)
            for index in 30 * 108..<40 * 108 { numbers[index] *= factor }
            let data = try dataset(scratch, numbers, model)
            return try await equalized(model, .activations, data: data)
        }
        let usual = try await piece(heldOut: 1), loud = try await piece(heldOut: 50)
        #expect(try ONNXWriter.encode(usual.model) == ONNXWriter.encode(loud.model))
        #expect(try numbers(usual.model, "w1") != numbers(model, "w1"))
    }

    @Test(arguments: [(Float(0.001), 6), (1, 0)]) func `a clip is replaced only where data never comes near its bound`(
        size: Float, relus: Int
    ) async throws {
        let scratch = try Scratch()
        var model = try chain { Node("Clip", inputs: [$0, "low", "high"], outputs: [$1]) }
        for name in ["w1", "w2", "w3"] where relus > 0 {
            let tensor = try #require(model.graph.weights[name]).decoded()
            model.graph.weights[name] = Weight(
                name, Tensor(tensor.elements(as: Float.self).map { $0 / 100 }, shape: tensor.shape))
        }
        let piece = try await equalized(model, data: try dataset(scratch, size: size, model))
        let found = GraphBench.operations(piece.model.graph)
        #expect(found.count { $0 == "Relu" } == relus / 2)
        #expect(found.count { $0 == "Clip" } == 3 - relus / 2)
        #expect(piece.notes.contains { $0.contains("became ReLUs") } == (relus > 0))
        #expect(piece.notes.contains { $0.contains("not equalized, as a clip acts") } == (relus == 0))
        #expect((piece.model.graph.weights["high"] == nil) == (relus > 0))
        let x = try SmallModels.tensor([60, 3, 6, 6], seed: 9).elements(as: Float.self).map { $0 * size }
        let inputs = ["x": Tensor(x, shape: try Shape([60, 3, 6, 6]))]
        #expect(try GraphBench.agreement(model, piece.model, inputs) == .infinity)
        let blind = try await equalized(model)
        #expect(GraphBench.operations(blind.model.graph).count { $0 == "Clip" } == 3)
        #expect(blind.notes.contains { $0.contains("without data") })
    }

    @Test func `a power of two stays within the limit too`() async throws {
        let model = try chain(relu), piece = try await equalized(model, limit: 3)
        var smallest: Float = 1
        for name in ["b1", "b2"] {
            let ratios = zip(try numbers(piece.model, name), try numbers(model, name)).map { $0 / $1 }
            #expect(ratios.allSatisfy { [0.5, 1, 2].contains($0) }, "\(name): \(ratios)")
            smallest = min(smallest, ratios.min() ?? 1)
        }
        #expect(smallest == 0.5)
        let still = try await equalized(model, limit: 1.9)
        #expect(try ONNXWriter.encode(still.model) == ONNXWriter.encode(model))
        #expect(still.notes == ["No layers are equalized: every factor would be 1."])
    }

    @Test func `a pair of which a number would not be finite is given up, and the others are not`() async throws {
        var model = try chain(relu)
        let huge = [Float](repeating: 3.4e38, count: 16)
        model.graph.weights["b1"] = Weight("b1", Tensor(vector: huge))
        let piece = try await equalized(model, exact: false)
        for name in ["w1", "b1"] { #expect(try numbers(piece.model, name) == numbers(model, name)) }
        for name in ["w2", "b2", "w3", "w4"] {
            let found = try numbers(piece.model, name)
            #expect(found.allSatisfy { $0.isFinite })
            #expect(try found != numbers(model, name), "\(name)")
        }
        #expect(piece.notes.count == 2, "\(piece.notes)")
        #expect(piece.notes[0].hasPrefix("1 pairs of layers are not equalized, as numbers would not be finite: after "))
        #expect(piece.notes[0].contains("'first'"), "\(piece.notes)")
        #expect(piece.notes[1].hasPrefix("2 pairs of layers equalized by weights"), "\(piece.notes)")
    }

    @Test func `clips stay where no factor moves, and it is told why nothing is equalized`() async throws {
        let scratch = try Scratch()
        var model = try chain { Node("Clip", inputs: [$0, "low", "high"], outputs: [$1]) }
        for name in ["w1", "w2", "w3", "w4"] {
            let shape = try #require(model.graph.weights[name]).shape
            model.graph.weights[name] = Weight(
                name, Tensor([Float](repeating: 0.01, count: shape.count), shape: shape))
        }
        let data = try dataset(scratch, size: 0.001, model), piece = try await equalized(model, data: data)
        #expect(try ONNXWriter.encode(piece.model) == ONNXWriter.encode(model))
        #expect(piece.notes == ["No layers are equalized: every factor would be 1."])
        let curved = try chain { Node("Tanh", inputs: [$0], outputs: [$1]) }
        let none = try await equalized(curved)
        #expect(none.notes.count == 1)
        #expect(none.notes[0].hasPrefix("No layers are equalized: none alone reads"), "\(none.notes)")
    }

    @Test func `layers, biases and clips that the recipe leaves out stay as they are`() async throws {
        let model = try chain(relu), kept = try await equalized(model, without: ["b1"])
        for name in ["w1", "b1"] { #expect(try numbers(kept.model, name) == numbers(model, name)) }
        #expect(try numbers(kept.model, "w3") != numbers(model, "w3"))
        #expect(kept.notes.count == 1 && kept.notes[0].hasPrefix("2 pairs"), "\(kept.notes)")
        let none = try await equalized(model, without: ["w1", "b2", "third"])
        #expect(try ONNXWriter.encode(none.model) == ONNXWriter.encode(model))
        #expect(none.notes == ["No layers are equalized: the recipe leaves out one of each pair, or its bias."])
    }

    /// Two convolutions with `between` from `c` to `r`; names in `inputs` are inputs of the graph with a default.
    private func two(_ between: [Node], _ weights: [Weight], inputs: [ValueInfo] = []) throws -> Model {
        GraphBench.model(
            [Node("Conv", inputs: ["x", "w1", "b1"], outputs: ["c"], name: "first")] + between
                + [Node("Conv", inputs: ["r", "w2"], outputs: ["y"], name: "second")],
            inputs: [GraphBench.input("x", [-1, 3, 6, 6])] + inputs, outputs: ["y"],
            weights: [
                try uneven("w1", [8, 3, 3, 3], seed: 1), try GraphBench.random("b1", [8], seed: 2),
                try GraphBench.random("w2", [4, 8, 3, 3], seed: 3),
            ] + weights, opset: 18)
    }

    /// A pad of what, and whether factors pass it.
    struct Padding: Sendable {
        let pads: [Int64]
        var axes: [Int64]?
        var mode = "constant"
        var value: Float = 0
        let passes: Bool
    }

    @Test(arguments: [
        Padding(pads: [0, 0, 1, 1, 0, 0, 1, 1], passes: true),
        Padding(pads: [0, 1, 0, 0, 0, -1, 0, 0], passes: false),
        Padding(pads: [1, 0, 0, 0, 0, 0, 0, 0], mode: "edge", passes: false),
        Padding(pads: [0, 0, 1, 1, 0, 0, 1, 1], mode: "reflect", value: 3, passes: true),
        Padding(pads: [0, 0, 1, 1, 0, 0, 1, 1], value: 3, passes: false),
        Padding(pads: [1, 1, 1, 1], axes: [2, -1], passes: true),
        Padding(pads: [0, 1, 0, 1], axes: [2, -3], passes: false), Padding(pads: [1, 1], passes: false),
    ]) func `padding lets factors pass where it moves no channels and adds zeros`(padding: Padding) async throws {
        let inputs = ["c", "pads", "value"] + (padding.axes == nil ? [] : ["axes"])
        let model = try two(
            [
                Node(
                    "Pad", inputs: inputs, outputs: ["r"], attributes: [Attribute("mode", .text(padding.mode))])
            ],
            [
                GraphBench.integers("pads", padding.pads), GraphBench.integers("axes", padding.axes ?? []),
                Weight("value", Tensor(scalar: padding.value)),
            ])
        let piece = try await equalized(model)
        #expect(try (numbers(model, "w1") != numbers(piece.model, "w1")) == padding.passes)
        let open = try two(
            [Node("Pad", inputs: inputs, outputs: ["r"], attributes: [Attribute("mode", .text(padding.mode))])],
            model.graph.weights.filter { ["pads", "axes", "value"].contains($0.name) },
            inputs: [GraphBench.input("pads", [padding.pads.count], .int64)])
        let kept = try await equalized(open)
        #expect(try numbers(open, "w1") == numbers(kept.model, "w1"))
    }

    @Test(arguments: ["high", "low", "slope", "b1", nil])
    func `what the caller may replace is no constant`(given: String?) async throws {
        let constants = [
            Weight("low", Tensor(scalar: Float(0))), Weight("high", Tensor(scalar: Float.infinity)),
            Weight("slope", Tensor([Float](repeating: 0.25, count: 8), shape: try Shape([8, 1, 1]))),
        ]
        let lengths = given == "b1" ? [8] : given == "slope" ? [8, 1, 1] : []
        let model = try two(
            [
                Node("Clip", inputs: ["c", "low", "high"], outputs: ["k"]),
                Node("PRelu", inputs: ["k", "slope"], outputs: ["r"]),
            ], constants, inputs: given.map { [GraphBench.input($0, lengths)] } ?? [])
        let piece = try await equalized(model)
        #expect(try (numbers(model, "w1") != numbers(piece.model, "w1")) == (given == nil))
    }

    @Test func `products pass factors through the row that is added, and what others read stays`() async throws {
        let model = GraphBench.model(
            [
                Node("MatMul", inputs: ["x", "w1"], outputs: ["m"]), Node("Add", inputs: ["m", "b1"], outputs: ["a"]),
                Node("Relu", inputs: ["a"], outputs: ["r"]), Node("MatMul", inputs: ["r", "w2"], outputs: ["n"]),
                Node("Relu", inputs: ["n"], outputs: ["q"]), Node("MatMul", inputs: ["q", "w3"], outputs: ["y"]),
                Node("MatMul", inputs: ["q", "w3"], outputs: ["z"]),
            ], inputs: [GraphBench.input("x", [-1, 8])], outputs: ["y", "z"],
            weights: [
                try GraphBench.random("w1", [8, 12], seed: 1), try GraphBench.random("b1", [12], seed: 2),
                try GraphBench.random("w2", [12, 6], seed: 3, around: 9), try GraphBench.random("w3", [6, 4], seed: 4),
            ])
        let piece = try await equalized(model), x = try SmallModels.tensor([9, 8], seed: 5)
        #expect(try GraphBench.agreement(model, piece.model, ["x": x]) == .infinity)
        for name in ["w1", "b1", "w2"] { #expect(try numbers(model, name) != numbers(piece.model, name)) }
        #expect(try numbers(model, "w3") == numbers(piece.model, "w3"))
    }

    @Test(arguments: [("limit: 1", "65536"), ("strength: 2", "0...1"), ("clipMargin: -1", "0...1")])
    func `settings outside their range are refused`(setting: String, word: String) {
        let error = #expect(throws: CompressionError.self) {
            try Recipe(text: "version: 1\nstages: [ { technique: migrate.equalize, \(setting) } ]\n")
        }
        #expect(error?.problem.contains(word) == true)
    }
}
