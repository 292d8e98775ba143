import PithCompression
import PithModel
import PithTensor
import Testing

struct TransposeSharerTests {
    /// An embedding `[80, 64]` and a head that reads `head`.
    private func tied(_ head: Tensor) throws -> Model {
        GraphBench.model(
            [
                Node("Gather", inputs: ["e", "i"], outputs: ["h"]),
                Node("MatMul", inputs: ["h", "head"], outputs: ["y"]),
            ], inputs: [ValueInfo(name: "i", type: ValueType(element: .int64, dimensions: [.fixed(3)]))],
            outputs: ["y"],
            weights: [try GraphBench.random("e", [80, 64], seed: 1), Weight("head", head)])
    }

    private func transposed() throws -> [Float] {
        let e = try GraphBench.random("e", [80, 64], seed: 1).decoded().elements(as: Float.self)
        return (0..<64).flatMap { column in (0..<80).map { e[$0 * 64 + column] } }
    }

    private func shared(_ model: Model) async throws -> Workpiece {
        var piece = Workpiece(model: model)
        try await TransposeSharer().apply(to: &piece, in: StageContext())
        return piece
    }

    @Test func `a matrix and its transposed copy are stored once, and rounded once`() async throws {
        let model = try tied(Tensor(transposed(), shape: try Shape([64, 80])))
        var piece = try await shared(model)
        #expect(piece.model.graph.weights.names == ["e"])
        #expect(piece.model.graph.nodes.map(\.operation) == ["Transpose", "Gather", "MatMul"])
        try await WeightQuantizer().apply(to: &piece, in: StageContext())
        let weight = try #require(piece.model.graph.weights["e"])
        #expect((weight.representation as? GroupedIntegers)?.grouping == .channel(axis: 0))
        // Its rows can not be read as integers by the head.
        #expect(weight.execution == .folded)
        let ledger = Ledger(original: model, piece: piece).rows
        #expect(ledger.map(\.weight) == ["e", "head"])
        #expect(ledger[1].bytesAfter == 0 && ledger[1].note.contains("the transposed e"))
    }

    @Test func `one number that differs keeps both`() async throws {
        var numbers = try transposed()
        numbers[1234] = numbers[1234].nextUp
        let piece = try await shared(try tied(Tensor(numbers, shape: try Shape([64, 80]))))
        #expect(piece.model.graph.weights.names == ["e", "head"])
        #expect(piece.model.graph.nodes.count == 2)
    }
}
