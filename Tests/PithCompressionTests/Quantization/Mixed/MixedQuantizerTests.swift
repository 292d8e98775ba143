import PithCompression
import PithFormats
import PithModel
import PithTensor
import Testing

@Suite(.enabled(if: GraphBench.hasRuntime, "needs ONNX Runtime")) struct MixedQuantizerTests {
    /// Three layers in a row, of which the second is divided by a thousand where it joins the output.
    private func model() throws -> Model {
        let nodes = [
            Node("MatMul", inputs: ["x", "loud"], outputs: ["a"]),
            Node("MatMul", inputs: ["x", "quiet"], outputs: ["b"]),
            Node("Mul", inputs: ["b", "small"], outputs: ["c"]),
            Node("Add", inputs: ["a", "c"], outputs: ["y"]),
        ]
        return GraphBench.model(
            nodes, inputs: [GraphBench.input("x", [-1, 128])], outputs: ["y"],
            weights: [
                try GraphBench.random("loud", [128, 96], seed: 1), try GraphBench.random("quiet", [128, 96], seed: 2),
                Weight("small", Tensor(scalar: Float(0.001))),
            ])
    }

    private func data(_ model: Model, _ scratch: Scratch) throws -> Dataset {
        let numbers = try GraphBench.random("x", [160, 128], seed: 3).decoded().elements(as: Float.self)
        try scratch.write("x.npy", npy: numbers, shape: [160, 128])
        let card = try scratch.write(
            "card.yaml", "inputs:\n  x: { file: x.npy }\nmetric: fidelity\ncalibrate: [0, 120]\nevaluate: [120, 160]\n")
        return try Dataset(path: card, graphInputs: model.graph.requiredInputs)
    }

    private func rounded(_ settings: MixedQuantizer, threads: Int = 1) async throws -> Workpiece {
        let model = try model(), scratch = try Scratch()
        var piece = Workpiece(model: model)
        try await settings.apply(to: &piece, in: StageContext(dataset: try data(model, scratch), threads: threads))
        return piece
    }

    private func bits(_ piece: Workpiece, _ name: String) -> Int? {
        (piece.model.graph.weights[name]?.representation as? GroupedIntegers)?.levelBits
    }

    @Test func `what is not felt gets the fewest bits, and the target is kept`() async throws {
        var settings = MixedQuantizer()
        settings.targetSQNR = 22
        let piece = try await rounded(settings)
        #expect(bits(piece, "quiet") == 2)
        let loud = try #require(bits(piece, "loud"))
        #expect((3...5).contains(loud))
        #expect(piece.refusals.isEmpty)
        #expect(piece.decisions["bitsOf"] == .object(["loud": .integer(loud), "quiet": .integer(2)]))
        #expect(piece.encodings["quiet"]?.note.contains("2 bits by sensitivity") == true)
        #expect(piece.encodings.values.map(\.technique) == ["quantize.mixed", "quantize.mixed"])
    }

    @Test func `a size is kept, and one and two threads choose alike`() async throws {
        var settings = MixedQuantizer()
        settings.bitsPerWeight = 5
        let piece = try await rounded(settings), again = try await rounded(settings, threads: 2)
        let bytes = piece.model.graph.weights.filter { $0.representation != nil }.reduce(0) { $0 + $1.byteCount }
        #expect(bytes <= 2 * 128 * 96 * 5 / 8)
        #expect((bits(piece, "loud") ?? 0) > (bits(piece, "quiet") ?? 9))
        #expect(try ONNXWriter.encode(piece.model) == ONNXWriter.encode(again.model))
    }

    @Test func `a target out of reach is refused under strict rules`() async throws {
        var settings = MixedQuantizer()
        (settings.targetSQNR, settings.widths) = (60, [2, 4])
        let piece = try await rounded(settings)
        #expect(bits(piece, "loud") == 4)
        #expect(piece.refusals.contains { $0.contains("not 60.0") })
    }

    @Test func `a size out of reach is refused under strict rules`() async throws {
        var settings = MixedQuantizer()
        settings.bitsPerWeight = 2
        let piece = try await rounded(settings)
        #expect(bits(piece, "loud") == 2)
        #expect(piece.refusals.contains { $0.contains("the fewest bits take") })
    }

    @Test(arguments: [2, 3, 7, 12, 400]) func `rows that are measured on are not rounded with`(_ count: Int) {
        let (seen, heldOut) = MixedQuantizer.split(5..<5 + count)
        #expect(!seen.isEmpty && !heldOut.isEmpty && seen.upperBound == heldOut.lowerBound)
        #expect(seen.lowerBound == 5 && heldOut.upperBound == 5 + count)
    }

    @Test func `without data every weight gets the most bits`() async throws {
        var piece = Workpiece(model: try model())
        try await MixedQuantizer().apply(to: &piece, in: StageContext())
        #expect(bits(piece, "quiet") == 8 && bits(piece, "loud") == 8)
        #expect(piece.refusals.count == 1)
    }

    @Test func `settings outside their range are refused by name`() {
        var settings = MixedQuantizer()
        settings.widths = [4, 4]
        #expect(throws: CompressionError.self) { try settings.validate() }
        settings = MixedQuantizer()
        settings.bitsPerWeight = 1
        let error = #expect(throws: CompressionError.self) { try settings.validate() }
        #expect(error?.subject == "quantize.mixed bitsPerWeight")
        (settings.bitsPerWeight, settings.targetSQNR) = (5, 30)
        let both = #expect(throws: CompressionError.self) { try settings.validate() }
        #expect(both?.subject == "quantize.mixed targetSQNR")
        settings.targetSQNR = 24
        #expect(throws: Never.self) { try settings.validate() }
    }
}
