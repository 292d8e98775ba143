import Foundation
import PithCompression
import PithFormats
import PithModel
import PithTensor
import PithTestSupport
import Testing

@Suite(.enabled(if: GraphBench.hasRuntime, "needs ONNX Runtime")) struct HadamardRotatorTests {
    private func rotated(
        _ model: Model, seed: UInt64 = 1, where selector: Selector = Selector(), heads: Bool = true
    ) async throws -> Workpiece {
        var piece = Workpiece(model: model), rotator = HadamardRotator()
        rotator.heads = heads
        try await rotator.apply(to: &piece, in: StageContext(selector: selector, seed: seed))
        return piece
    }

    private func changed(_ piece: Workpiece, from model: Model) -> Set<String> {
        Set(
            model.graph.weights.filter { piece.model.graph.weights[$0.name]?.dense != $0.dense }
                .map(\.name))
    }

    /// Real models, taken through clean-up as recipes do.
    private func cleaned(_ file: String) throws -> Model {
        var model = try ONNXReader.read(path: SharedData.url("models/\(file)").path)
        try GraphBench.clean(&model)
        return model
    }

    @Test(arguments: MigrationBench.Norm.allCases, [4, 2])
    func `the model computes what it did, without a node more, whatever it is normalized by`(
        norm: MigrationBench.Norm, valueHeads: Int
    ) async throws {
        var bench = MigrationBench()
        bench.norm = norm
        bench.valueHeads = valueHeads
        let model = try bench.model(), piece = try await rotated(model)
        let agreement = try GraphBench.agreement(model, piece.model, ["tokens": try MigrationBench.tokens(4)])
        #expect(agreement > 100, "\(agreement) dB")
        #expect(piece.model.graph.nodes.count == model.graph.nodes.count)
        let matrices = model.graph.weights.filter { $0.shape.rank == 2 && $0.type == .float32 }.map(\.name)
        #expect(changed(piece, from: model).isSuperset(of: matrices))
        let gain = try #require(piece.model.graph.weights["a0_gain"]?.dense)
        #expect(gain.elements(as: Float.self).allSatisfy { $0 == 1 })
        #expect(piece.notes[0].contains("48 channels with 5 normalizations is rotated"), "\(piece.notes)")
        #expect(piece.notes[0].contains("4 x order 12"))
        #expect(piece.notes[0].contains("means kept") == (norm != .rms))
        #expect(piece.notes[1].contains("2 attention layers"), "\(piece.notes)")
    }

    @Test(arguments: [(5 as Float, 1.0), (20, 7)]) func `channels that stand out are tamed at four bits`(
        outlier: Float, gain: Double
    ) async throws {
        var bench = MigrationBench()
        bench.width = 64
        bench.outlier = outlier
        let model = try bench.model(), piece = try await rotated(model)
        let tokens = ["tokens": try MigrationBench.tokens(16)]
        let before = try GraphBench.agreement(model, try await MigrationBench.rounded(model), tokens)
        let after = try GraphBench.agreement(model, try await MigrationBench.rounded(piece.model), tokens)
        #expect(after > before + gain, "\(before) dB became \(after) dB")
    }

    @Test func `an embedding that is also the output head is rotated only behind a gain that all channels share`()
        async throws
    {
        var bench = MigrationBench()
        bench.isTied = true
        let model = try bench.model(), piece = try await rotated(model, heads: false)
        #expect(changed(piece, from: model).isEmpty)
        #expect(piece.notes.count == 1)
        #expect(piece.notes[0].contains("'embed' is read in two ways"), "\(piece.notes)")
        bench.hasUniformGain = true
        let even = try bench.model(), turned = try await rotated(even)
        let agreement = try GraphBench.agreement(even, turned.model, ["tokens": try MigrationBench.tokens(4)])
        #expect(agreement > 100, "\(agreement) dB")
        #expect(changed(turned, from: even).contains("embed"))
        #expect(turned.model.graph.weights["a0_gain"]?.dense == even.graph.weights["a0_gain"]?.dense)
    }

    @Test func `a stream with normalization behind its sums is left alone, its heads are not`() async throws {
        var bench = MigrationBench()
        bench.isPostNorm = true
        bench.norm = .writtenLayer
        let model = try bench.model(), piece = try await rotated(model)
        #expect(changed(piece, from: model).sorted().first == "b_a0_v")
        #expect(changed(piece, from: model).count == 6)
        #expect(
            piece.notes.contains { $0.contains("not rotated") && $0.contains("normalized values") }, "\(piece.notes)")
        let agreement = try GraphBench.agreement(model, piece.model, ["tokens": try MigrationBench.tokens(4)])
        #expect(agreement > 100, "\(agreement) dB")
    }

    @Test func `a stream that something else reads, or of which a constant is left out, stays`() async throws {
        var model = try MigrationBench().model()
        model.graph.nodes.append(Node("Tanh", inputs: ["f0_sum"], outputs: ["other"], name: "curious"))
        model.graph.outputs.append(ValueInfo(name: "other"))
        let piece = try await rotated(model, heads: false)
        #expect(changed(piece, from: model).isEmpty)
        #expect(piece.notes[0].contains("Tanh 'curious' reads 'f0_sum'"), "\(piece.notes)")
        for name in ["w_f1_up", "f1_gain", "b_a0_o"] {
            var selector = Selector()
            selector.exclude = [name]
            let plain = try MigrationBench().model(), kept = try await rotated(plain, where: selector, heads: false)
            #expect(changed(kept, from: plain).isEmpty)
            #expect(kept.notes[0].contains("leaves '\(name)' out"), "\(kept.notes)")
        }
    }

    /// Two normalizations of one stream, and a matrix of one column behind each, transposed by a node.
    private func twoReaders(secondGain: UInt64) throws -> Model {
        func norm(_ number: Int) -> [Node] {
            [
                Node("LayerNormalization", inputs: ["s", "g\(number)"], outputs: ["n\(number)"]),
                Node("MatMul", inputs: ["n\(number)", "t"], outputs: ["y\(number)"]),
            ]
        }
        return GraphBench.model(
            [
                Node("Transpose", inputs: ["w"], outputs: ["t"]),
                Node("Gather", inputs: ["embed", "tokens"], outputs: ["s"]),
            ] + norm(1) + norm(2), inputs: [GraphBench.input("tokens", [-1, -2], .int64)], outputs: ["y1", "y2"],
            weights: [
                try GraphBench.random("embed", [40, 384], seed: 1), try GraphBench.random("w", [1, 384], seed: 2),
                try GraphBench.random("g1", [384], seed: 3, around: 4),
                try GraphBench.random("g2", [384], seed: secondGain, around: 4),
            ], opset: 17)
    }

    @Test func `a transposed matrix of one column is rotated where both readers want the same, and never copied`()
        async throws
    {
        let tokens = ["tokens": try MigrationBench.tokens(4)]
        let alike = try twoReaders(secondGain: 3), turned = try await rotated(alike)
        #expect(changed(turned, from: alike) == ["embed", "w", "g1", "g2"])
        #expect(turned.model.graph.weights["w"]?.shape.dimensions == [1, 384])
        let agreement = try GraphBench.agreement(alike, turned.model, tokens)
        #expect(agreement > 100, "\(agreement) dB")
        let different = try twoReaders(secondGain: 5), kept = try await rotated(different)
        #expect(changed(kept, from: different).isEmpty)
        #expect(kept.notes[0].contains("'w' is read in two ways"), "\(kept.notes)")
        #expect(try GraphBench.agreement(different, kept.model, tokens) == .infinity)
    }

    @Test func `a gain of zero can not be folded, and says so`() async throws {
        var model = try MigrationBench().model()
        var gain = try #require(model.graph.weights["f1_gain"]?.dense).elements(as: Float.self)
        gain[4] = 0
        model.graph.weights["f1_gain"] = Weight("f1_gain", Tensor(vector: gain))
        let piece = try await rotated(model, heads: false)
        #expect(changed(piece, from: model).isEmpty)
        #expect(piece.notes[0].contains("is zero"), "\(piece.notes)")
    }

    @Test(arguments: [(4, true), (1 << 40, false)])
    func `rows that attention makes are followed only while they are few, whatever length the file states`(
        length: Int, isRotated: Bool
    ) async throws {
        let model = GraphBench.model(
            [
                Node("MatMul", inputs: ["x", "wv"], outputs: ["v"]),
                Node("Reshape", inputs: ["v", "shape"], outputs: ["r"]),
                Node("MatMul", inputs: ["p", "r"], outputs: ["m"]),
                Node("MatMul", inputs: ["m", "wo"], outputs: ["y"]),
            ], inputs: [GraphBench.input("p", [1, 1, length, 3]), GraphBench.input("x", [1, 3, 64])], outputs: ["y"],
            weights: [
                try GraphBench.random("wv", [64, 64], seed: 1), try GraphBench.random("wo", [64, 64], seed: 2),
                GraphBench.integers("shape", [1, 1, 3, 64]),
            ])
        let piece = try await rotated(model)
        #expect(changed(piece, from: model) == (isRotated ? ["wv", "wo"] : []))
        #expect(piece.notes.last?.hasPrefix(isRotated ? "The heads of 1 attention" : "No attention heads") == true)
    }

    @Test func `the seed decides every bit`() async throws {
        let model = try MigrationBench().model()
        let first = try ONNXWriter.encode(try await rotated(model, seed: 4).model)
        #expect(try ONNXWriter.encode(try await rotated(model, seed: 4).model) == first)
        #expect(try ONNXWriter.encode(try await rotated(model, seed: 5).model) != first)
    }

    @Test(
        .enabled(if: SharedData.has("models/kjv-lm.onnx"), "needs the shared models"),
        arguments: [("kjv-lm.onnx", 160, 11, 5), ("stories260k.onnx", 64, 11, 5)])
    func `real language models agree to 90 decibels`(file: String, width: Int, norms: Int, layers: Int) async throws {
        let model = try cleaned(file), piece = try await rotated(model)
        #expect(piece.notes[0].contains("\(width) channels with \(norms) normalizations is rotated"), "\(piece.notes)")
        #expect(piece.notes[1].contains("\(layers) attention layers"), "\(piece.notes)")
        #expect(piece.model.graph.nodes.count == model.graph.nodes.count)
        var generator = SplitMix64(seed: 2)
        let ids = (0..<128).map { _ in Int64.random(in: 0..<512, using: &generator) }
        let agreement = try GraphBench.agreement(
            model, piece.model, ["tokens": Tensor(ids, shape: try Shape([1, 128]))])
        #expect(agreement > 90, "\(agreement) dB")
    }

    @Test(.enabled(if: SharedData.has("models/all-minilm-l6-v2.onnx"), "needs the shared models"))
    func `the heads of a real encoder are rotated, its normalized stream is not`() async throws {
        let model = try cleaned("all-minilm-l6-v2.onnx"), piece = try await rotated(model)
        #expect(piece.notes[0].contains("normalized values"), "\(piece.notes)")
        #expect(piece.notes[1].contains("6 attention layers"), "\(piece.notes)")
        #expect(changed(piece, from: model).count == 18)
        let ids = (0..<24).map { Int64($0 * 37 % 20_000 + 1000) }
        let agreement = try GraphBench.agreement(
            model, piece.model,
            [
                "input_ids": Tensor(ids, shape: try Shape([2, 12])),
                "attention_mask": Tensor([Int64](repeating: 1, count: 24), shape: try Shape([2, 12])),
            ])
        #expect(agreement > 90, "\(agreement) dB")
    }
}
