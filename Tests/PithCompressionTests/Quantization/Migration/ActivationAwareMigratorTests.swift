import Foundation
import PithCompression
import PithFormats
import PithModel
import PithTensor
import PithTestSupport
import Testing

@Suite(.enabled(if: GraphBench.hasRuntime, "needs ONNX Runtime")) struct ActivationAwareMigratorTests {
    private func scaled(
        _ model: Model, _ dataset: Dataset?, threads: Int = 1,
        _ change: (inout ActivationAwareMigrator) -> Void = { _ in }
    ) async throws -> Workpiece {
        var piece = Workpiece(model: model), migrator = ActivationAwareMigrator()
        change(&migrator)
        try await migrator.apply(to: &piece, in: StageContext(dataset: dataset, threads: threads))
        return piece
    }

    /// `x [n, 64] -> what makes a -> a -> product -> y [n, 64]`; three channels of `a` are 30 times as large as the others.
    private func layer(_ makers: [Node], _ weights: [Weight] = []) throws -> Model {
        var emphasis = [Float](repeating: 1, count: 64)
        for channel in [5, 20, 50] { emphasis[channel] = 30 }
        var first = try GraphBench.random("first", [64, 64], seed: 21).decoded().elements(as: Float.self)
        for index in first.indices { first[index] *= emphasis[index % 64] / 8 }
        return GraphBench.model(
            makers + [Node("MatMul", inputs: ["a", "w"], outputs: ["y"], name: "last")],
            inputs: [GraphBench.input("x", [-1, 64])], outputs: ["y"],
            weights: [
                try GraphBench.random("w", [64, 64], seed: 22), Weight("gain", Tensor(vector: emphasis)),
                Weight("first", Tensor(first, shape: try Shape([64, 64]))),
                try GraphBench.random("second", [64, 64], seed: 23), try GraphBench.random("bias", [64], seed: 24),
                Weight("half", Tensor(scalar: Float(0.5))),
            ] + weights, opset: 17)
    }

    /// Samples `x [60, 64]`, 40 of them to calibrate on.
    private func rows(_ numbers: [Float], _ scratch: Scratch, _ model: Model) throws -> Dataset {
        try scratch.write("x.npy", npy: numbers, shape: [60, 64])
        let card = try scratch.write(
            "card.yaml", "inputs:\n  x: { file: x.npy }\nmetric: fidelity\ncalibrate: [0, 40]\nevaluate: [40, 60]\n")
        return try Dataset(path: card, graphInputs: model.graph.requiredInputs)
    }

    /// What can take factors up, as makers of `a`.
    enum Maker: String, CaseIterable, Sendable {
        case gain, normalization, rectified, gated, constant

        var nodes: [Node] {
            let first = Node("MatMul", inputs: ["x", "first"], outputs: ["p"])
            return switch self {
            case .gain: [Node("Mul", inputs: ["gain", "x"], outputs: ["a"])]
            case .normalization:
                [
                    Node("LayerNormalization", inputs: ["x", "gain", "bias"], outputs: ["a"])
                ]
            case .rectified:
                [
                    first, Node("Add", inputs: ["p", "bias"], outputs: ["q"]),
                    Node("Relu", inputs: ["q"], outputs: ["a"]),
                ]
            case .gated:
                [
                    first, Node("MatMul", inputs: ["x", "second"], outputs: ["g"]),
                    Node("Sigmoid", inputs: ["g"], outputs: ["s"]), Node("Mul", inputs: ["p", "s"], outputs: ["a"]),
                ]
            case .constant:
                [
                    first, Node("Erf", inputs: ["p"], outputs: ["e"]), Node("Mul", inputs: ["p", "e"], outputs: ["m"]),
                    Node("Mul", inputs: ["m", "half"], outputs: ["a"]),
                ]
            }
        }
    }

    @Test(arguments: Maker.allCases)
    func `three large channels are worth decibels at four bits, and nothing in float`(maker: Maker) async throws {
        let scratch = try Scratch(), model = try layer(maker.nodes)
        let piece = try await scaled(model, try DynamicBench.dataset(scratch, for: model))
        let x = ["x": try SmallModels.tensor([50, 64], seed: 99)]
        #expect(piece.notes[0].hasPrefix("1 of 1 activations are scaled"), "\(piece.notes)")
        #expect(piece.model.graph.nodes.count == model.graph.nodes.count)
        let exactness = try GraphBench.agreement(model, piece.model, x)
        #expect(exactness > 100, "\(exactness) dB")
        var selector = Selector()
        selector.exclude = ["first", "second"]
        func error(_ model: Model) async throws -> Double {
            var quantizer = WeightQuantizer(), piece = Workpiece(model: model)
            quantizer.bits = 4
            quantizer.blockSize = 32
            quantizer.symmetric = false
            quantizer.clipping = .mse
            try await quantizer.apply(to: &piece, in: StageContext(selector: selector))
            return try GraphBench.agreement(model, piece.model, x)
        }
        let before = try await error(model), after = try await error(piece.model)
        #expect(after > before + 1, "\(before) dB became \(after) dB")
    }

    @Test func `factors are powers of mean magnitudes, as far above one as below`() throws {
        let factors = try #require(ScaleSearch.factors([1, 4, 16], 0.5))
        #expect(factors == [0.5, 1, 2])
        #expect(ScaleSearch.factors([0, 0], 0.5) == nil)
        let bounded = try #require(ScaleSearch.factors([0, 1], 1))
        #expect(abs(bounded[1] / bounded[0] - 1e4) < 1e-6)
    }

    @Test func `a transformer keeps its function, and heads that share values share factors`() async throws {
        var bench = MigrationBench()
        bench.valueHeads = 2
        bench.outlier = 6
        let scratch = try Scratch(), model = try bench.model()
        let data = try MigrationBench.dataset(scratch, for: model)
        let piece = try await scaled(model, data)
        let agreement = try GraphBench.agreement(model, piece.model, ["tokens": try MigrationBench.tokens(4)])
        #expect(agreement > 100, "\(agreement) dB")
        #expect(piece.notes[0].contains(" of 9 activations are scaled"), "\(piece.notes)")
        #expect(piece.model.graph.nodes.count == model.graph.nodes.count)
        let again = try await scaled(model, data, threads: 3)
        #expect(try ONNXWriter.encode(again.model) == ONNXWriter.encode(piece.model))
    }

    /// Models of which no activation can be scaled, each with what is said of it.
    private func stuck() throws -> [(model: Model, reasons: String)] {
        let x = "1 read by more than products with constant matrices, or given by the caller"
        var shared = try layer(Maker.gain.nodes)
        shared.graph.nodes.append(Node("Tanh", inputs: ["a"], outputs: ["t"]))
        shared.graph.outputs.append(ValueInfo(name: "t"))
        let first = Node("MatMul", inputs: ["x", "first"], outputs: ["p"])
        let curved = try layer([first, Node("Tanh", inputs: ["p"], outputs: ["a"])])
        var bound = try layer([
            first, Node("Relu", inputs: ["p"], outputs: ["a"]), Node("MatMul", inputs: ["x", "first"], outputs: ["q"]),
        ])
        bound.graph.outputs.append(ValueInfo(name: "q"))
        let wide = GraphBench.model(
            [
                Node("Mul", inputs: ["x", "gain"], outputs: ["a"]), Node("MatMul", inputs: ["a", "w"], outputs: ["y"]),
            ], inputs: [GraphBench.input("x", [-1, 6000])], outputs: ["y"],
            weights: [
                try GraphBench.random("w", [6000, 2], seed: 1),
                try GraphBench.random("gain", [6000], seed: 2, around: 4),
            ])
        let loose = GraphBench.model(
            [Node("Tanh", inputs: ["x"], outputs: ["y"])], inputs: [GraphBench.input("x", [-1, 4])], outputs: ["y"])
        return [
            (shared, x), (curved, "\(x); 1 behind nothing that could take factors up"),
            (bound, "\(x); 1 whose constants are read elsewhere too"),
            (wide, "1 of more than 5792 channels"),
            (loose, "no product here has a constant matrix of its own"),
        ]
    }

    @Test func `an activation that can not be scaled stays, and the reason is told`() async throws {
        for (model, reasons) in try stuck() {
            let piece = try await scaled(model, nil)
            #expect(try ONNXWriter.encode(piece.model) == ONNXWriter.encode(model))
            #expect(piece.notes == ["No activation is scaled: \(reasons)."])
        }
    }

    @Test(arguments: ["first", "bias", "w"])
    func `no constant changes where the recipe leaves out one of those that would`(name: String) async throws {
        let scratch = try Scratch(), model = try layer(Maker.rectified.nodes)
        var selector = Selector(), piece = Workpiece(model: model)
        selector.exclude = [name]
        let data = try DynamicBench.dataset(scratch, for: model)
        try await ActivationAwareMigrator().apply(to: &piece, in: StageContext(selector: selector, dataset: data))
        #expect(try ONNXWriter.encode(piece.model) == ONNXWriter.encode(model))
        let count = name == "first" ? 2 : 1
        #expect(
            piece.notes[0].hasPrefix("No activation is scaled: \(count) of which the recipe leaves a constant out"),
            "\(piece.notes)")
    }

    @Test func `nothing is changed without data, or where rounding would err as much`() async throws {
        let scratch = try Scratch(), model = try layer(Maker.gain.nodes)
        #expect(try await scaled(model, nil).notes == ["No activation is scaled: that takes calibration data."])
        var exact = model
        let levels = (0..<64 * 64).map { Float($0 / 64 % 16 - 7) }
        exact.graph.weights["w"] = Weight("w", Tensor(levels, shape: try Shape([64, 64])))
        let piece = try await scaled(exact, try DynamicBench.dataset(scratch, for: exact))
        #expect(try ONNXWriter.encode(piece.model) == ONNXWriter.encode(exact))
        #expect(piece.notes == ["No activation is scaled: 1 where rounding would err as much."])
    }

    @Test func `what only the held-out quarter of the calibration rows holds changes nothing`() async throws {
        let scratch = try Scratch(), model = try layer(Maker.rectified.nodes)
        func piece(heldOut factor: Float) async throws -> Workpiece {
            var numbers = try SmallModels.tensor([60, 64], seed: 8).elements(as: Float.self)
            for index in 30 * 64..<40 * 64 where index % 3 == 0 { numbers[index] *= factor }
            return try await scaled(model, try rows(numbers, scratch, model))
        }
        let usual = try await piece(heldOut: 1), loud = try await piece(heldOut: 50)
        #expect(usual.notes[0].hasPrefix("1 of 1"), "\(usual.notes)")
        #expect(try ONNXWriter.encode(usual.model) == ONNXWriter.encode(loud.model))
    }

    @Test func `settings outside their range are refused`() {
        for change: @Sendable (inout ActivationAwareMigrator) -> Void in [
            { $0.bits = 1 }, { $0.blockSize = 3 }, { $0.steps = 0 }, { $0.steps = 101 }, { $0.calibrationRows = 0 },
        ] {
            var settings = ActivationAwareMigrator()
            change(&settings)
            let error = #expect(throws: CompressionError.self) { try settings.validate() }
            #expect(error?.code == .invalidSetting)
        }
    }

    @Test(.enabled(if: SharedData.has("models/kjv-lm.onnx"), "needs the shared models"))
    func `a real language model keeps its function`() async throws {
        var model = try ONNXReader.read(path: SharedData.url("models/kjv-lm.onnx").path)
        try GraphBench.clean(&model)
        let data = try Dataset(
            path: SharedData.url("cards/kjv-lm.yaml").path, graphInputs: model.graph.requiredInputs)
        let piece = try await scaled(model, data, threads: 2) {
            $0.calibrationRows = 8
            $0.steps = 4
        }
        #expect(piece.notes[0].contains(" of 21 activations are scaled"), "\(piece.notes)")
        var generator = SplitMix64(seed: 2)
        let ids = (0..<128).map { _ in Int64.random(in: 0..<1024, using: &generator) }
        let agreement = try GraphBench.agreement(
            model, piece.model, ["tokens": Tensor(ids, shape: try Shape([1, 128]))])
        #expect(agreement > 90, "\(agreement) dB")
    }
}
