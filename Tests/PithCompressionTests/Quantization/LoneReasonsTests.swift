import PithCompression
import PithFormats
import PithModel
import PithTensor
import Testing

@Suite(.enabled(if: GraphBench.hasRuntime, "needs ONNX Runtime")) struct LoneReasonsTests {
    /// A model over `x` of the given lengths, with one float weight `w`, that the nodes read.
    private struct Case: Sendable, CustomTestStringConvertible {
        let reason: String
        let input: [Int]
        let weight: [Int]
        let nodes: [Node]

        var testDescription: String { reason }
    }

    private static func integer(_ name: String, _ value: Int64) -> Attribute { Attribute(name, .integer(value)) }

    private static let cases = [
        Case(
            reason: "it is the left factor of MatMul 'y'", input: [-1, 32, 8], weight: [16, 32],
            nodes: [Node("MatMul", inputs: ["w", "x"], outputs: ["y"])]),
        Case(
            reason: "it is a product of 3 axes", input: [-1, 4, 3, 16], weight: [4, 16, 32],
            nodes: [Node("MatMul", inputs: ["x", "w"], outputs: ["y"])]),
        Case(
            reason: "its layer is a transposed convolution", input: [-1, 8, 5, 5], weight: [8, 8, 3, 3],
            nodes: [Node("ConvTranspose", inputs: ["x", "w"], outputs: ["y"], name: "up")]),
        Case(
            reason: "Gemm 'y' has factors of its own (alpha, beta)", input: [-1, 32], weight: [32, 24],
            nodes: [Node("Gemm", inputs: ["x", "w"], outputs: ["y"], attributes: [Attribute("alpha", .float(2))])]),
        Case(
            reason: "Gemm 'y' transposes its input", input: [32, 32], weight: [32, 24],
            nodes: [Node("Gemm", inputs: ["x", "w"], outputs: ["y"], attributes: [integer("transA", 1)])]),
        Case(
            reason: "Add 'y' reads it too, as no weight", input: [-1, 24, 24], weight: [24, 24],
            nodes: [
                Node("MatMul", inputs: ["x", "w"], outputs: ["a"]), Node("Add", inputs: ["a", "w"], outputs: ["y"]),
            ]),
        Case(
            reason: "it is read in a nested graph", input: [-1, 24], weight: [24, 24],
            nodes: [
                Node("ReduceSum", inputs: ["x"], outputs: ["s"], attributes: [integer("keepdims", 0)]),
                Node("Cast", inputs: ["s"], outputs: ["c"], attributes: [integer("to", 9)]),
                Node(
                    "If", inputs: ["c"], outputs: ["y"],
                    attributes: [
                        Attribute("then_branch", .graph(branch("MatMul", ["x", "w"]))),
                        Attribute("else_branch", .graph(branch("Relu", ["x"]))),
                    ]),
            ]),
    ]

    private static func branch(_ operation: String, _ inputs: [String]) -> Graph {
        Graph(
            name: operation, nodes: [Node(operation, inputs: inputs, outputs: ["z\(operation)"])], inputs: [],
            outputs: [ValueInfo(name: "z\(operation)")], weights: WeightTable())
    }

    @Test(arguments: cases) private func `the ledger says why a weight is rounded to nearest`(_ item: Case) async throws
    {
        let model = GraphBench.model(
            item.nodes, inputs: [GraphBench.input("x", item.input)], outputs: ["y"],
            weights: [try GraphBench.random("w", item.weight, seed: 1)])
        let scratch = try Scratch(), lengths = item.input.map { $0 < 0 ? 20 : $0 }
        let numbers = try GraphBench.random("x", lengths, seed: 2).decoded().elements(as: Float.self)
        try scratch.write("x.npy", npy: numbers, shape: lengths)
        let card = try scratch.write(
            "card.yaml", "inputs:\n  x: { file: x.npy }\nmetric: fidelity\ncalibrate: [0, 10]\nevaluate: [10, 20]\n")
        var piece = Workpiece(model: model)
        let data = try Dataset(path: card, graphInputs: model.graph.requiredInputs)
        try await GPTQQuantizer().apply(to: &piece, in: StageContext(dataset: data))
        #expect(piece.encodings["w"]?.technique == "quantize.gptq")
        #expect(piece.encodings["w"]?.note == "computed in float; nearest rounding: \(item.reason)")
        #expect(
            piece.notes == [
                "0 weights rounded layer by layer on up to 10 calibration rows (refined), 1 to nearest: the ledger says why."
            ])
        #expect(piece.refusals.isEmpty)
    }

    @Test func `a weight of a nested graph and a table are told of as what they are`() async throws {
        let scratch = try Scratch()
        let inner = Graph(
            name: "then", nodes: [Node("MatMul", inputs: ["g", "own"], outputs: ["z"])], inputs: [],
            outputs: [ValueInfo(name: "z")],
            weights: WeightTable([try GraphBench.random("own", [24, 24], seed: 3)]))
        let model = GraphBench.model(
            [
                Node("Gather", inputs: ["table", "x"], outputs: ["g"]),
                Node("ReduceSum", inputs: ["x"], outputs: ["s"], attributes: [Self.integer("keepdims", 0)]),
                Node("Cast", inputs: ["s"], outputs: ["c"], attributes: [Self.integer("to", 9)]),
                Node(
                    "If", inputs: ["c"], outputs: ["y"],
                    attributes: [
                        Attribute("then_branch", .graph(inner)),
                        Attribute("else_branch", .graph(Self.branch("Relu", ["g"]))),
                    ], name: "choice"),
            ], inputs: [GraphBench.input("x", [-1, 3], .int64)], outputs: ["y"],
            weights: [try GraphBench.random("table", [40, 24], seed: 4)])
        try scratch.write("x.npy", npy: (0..<60).map { Float($0 % 40) }, shape: [20, 3])
        let card = try scratch.write(
            "card.yaml", "inputs:\n  x: { file: x.npy }\nmetric: fidelity\ncalibrate: [0, 10]\nevaluate: [10, 20]\n")
        var piece = Workpiece(model: model)
        let data = try Dataset(path: card, graphInputs: model.graph.requiredInputs)
        try await GPTQQuantizer().apply(to: &piece, in: StageContext(dataset: data))
        let notes = piece.encodings.mapValues { $0.note.split(separator: "nearest rounding: ").last.map(String.init) }
        #expect(notes["table"] == "a table is looked up, not multiplied")
        #expect(notes["choice.then_branch/own"] == "its layer stands in a nested graph")
    }
}
