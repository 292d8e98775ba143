import PithCompression
import PithFormats
import PithModel
import PithTensor
import Testing

struct PaletteSharerTests {
    /// `y = x + mask` with a mask `[64, 64]` of the numbers that `value` gives each place.
    private func model(_ value: (Int) -> Float) throws -> Model {
        GraphBench.model(
            [Node("Add", inputs: ["x", "mask"], outputs: ["y"])],
            inputs: [ValueInfo(name: "x", type: ValueType(element: .float32, dimensions: [.fixed(64), .fixed(64)]))],
            outputs: ["y"], weights: [Weight("mask", Tensor((0..<4096).map(value), shape: try Shape([64, 64])))])
    }

    private func shared(_ model: Model, _ technique: PaletteSharer = PaletteSharer()) async throws -> Workpiece {
        var piece = Workpiece(model: model)
        try await technique.apply(to: &piece, in: StageContext())
        return piece
    }

    @Test func `a mask of two values takes a byte for each, bit for bit the same`() async throws {
        let model = try model { $0 % 65 < 32 ? -.infinity : -0.0 }
        let piece = try await shared(model), form = try #require(piece.model.graph.weights["mask"]?.representation)
        #expect(form.byteCount == 4096 + 8)
        #expect(form.decoded() == model.graph.weights["mask"]?.decoded())
        #expect(form.summary == "2 values")
        let row = try #require(Ledger(original: model, piece: piece).rows.first)
        #expect(row.representation == "2 values, folded at load")
        #expect(row.technique == "share.palette" && row.sqnrDB == nil)
    }

    @Test(arguments: [(256, true), (257, false)])
    func `as many values as a byte tells apart are taken, no more`(_ values: Int, _ isTaken: Bool) async throws {
        let piece = try await shared(try model { Float($0 % values) })
        #expect((piece.model.graph.weights["mask"]?.representation is Codebook) == isTaken)
        if !isTaken { #expect(piece.reasons["mask"] == "kept: it has more than 256 distinct values") }
    }

    @Test func `what a palette would not make smaller stays`() async throws {
        var technique = PaletteSharer()
        technique.minimumCount = 1
        let tensor = Tensor(vector: (0..<60).map { Float($0) })
        let model = GraphBench.model(
            [Node("Add", inputs: ["x", "mask"], outputs: ["y"])],
            inputs: [ValueInfo(name: "x", type: ValueType(element: .float32, dimensions: [.fixed(60)]))],
            outputs: ["y"], weights: [Weight("mask", tensor)])
        let piece = try await shared(model, technique)
        #expect(piece.reasons["mask"] == "kept: 60 distinct values are too many to gain anything")
    }

    @Test(.enabled(if: GraphBench.hasRuntime, "needs ONNX Runtime"))
    func `the runtime reads the same numbers`() async throws {
        let model = try model { Float($0 % 7) * 0.3 - 1 }, piece = try await shared(model)
        #expect(try ONNXLowering.lowered(piece.model).graph.nodes.map(\.operation) == ["Cast", "Gather", "Add"])
        let x = try GraphBench.random("x", [64, 64], seed: 3).decoded()
        #expect(try GraphBench.run(piece.model, ["x": x])["y"] == GraphBench.run(model, ["x": x])["y"])
    }

    @Test func `a bound outside of a byte is refused`() {
        var technique = PaletteSharer()
        technique.mostValues = 300
        #expect(throws: CompressionError.self) { try technique.validate() }
    }
}
