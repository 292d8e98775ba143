import PithCompression
import PithModel
import PithTensor
import Testing

struct IdentityRemoverTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var node: Node
        var lengths: [Int] = [-1, 1, 4]
        var weights: [Weight] = []
        var opset = 13
    }

    private static func node(_ operation: String, _ extra: [String] = [], _ attributes: [Attribute] = []) -> Node {
        Node(operation, inputs: ["x"] + extra, outputs: ["m"], attributes: attributes)
    }

    private static func ints(_ name: String, _ values: [Int64]) -> Attribute { Attribute(name, .integers(values)) }

    private static func list(_ name: String, _ values: [Int64]) -> Weight { GraphBench.integers(name, values) }

    static let removed: [Case] = [
        Case(testDescription: "identity", node: node("Identity")),
        Case(testDescription: "dropout", node: node("Dropout", [], [Attribute("ratio", .float(0.5))]), opset: 11),
        Case(
            testDescription: "dropout told not to train", node: node("Dropout", ["", "t"]),
            weights: [try? Tensor(type: .bool, shape: .scalar, storage: Storage([UInt8(0)]))].compactMap { $0 }.map {
                Weight("t", $0)
            }),
        Case(testDescription: "cast to the same type", node: node("Cast", [], [Attribute("to", .integer(1))])),
        Case(
            testDescription: "reshape to the same shape", node: node("Reshape", ["s"]),
            weights: [list("s", [0, 1, -1])]),
        Case(testDescription: "flatten of two axes", node: node("Flatten"), lengths: [-1, 4]),
        Case(
            testDescription: "transposition that moves nothing", node: node("Transpose", [], [ints("perm", [0, 1, 2])])),
        Case(
            testDescription: "transposition of axes of length 1",
            node: node("Transpose", [], [ints("perm", [1, 0, 2])]),
            lengths: [1, 1, 4]),
        Case(
            testDescription: "slice of everything", node: node("Slice", ["s", "e", "a"]),
            weights: [list("s", [0]), list("e", [Int64.max]), list("a", [0])]),
        Case(
            testDescription: "slice of everything in attributes",
            node: node("Slice", [], [ints("starts", [0]), ints("ends", [4]), ints("axes", [2])]), opset: 9),
        Case(
            testDescription: "padding by nothing", node: node("Pad", ["p"]), weights: [list("p", [0, 0, 0, 0, 0, 0])]),
        Case(
            testDescription: "expansion to the same shape", node: node("Expand", ["s"]),
            weights: [list("s", [1, 1, 4])]),
        Case(testDescription: "concatenation of one", node: node("Concat", [], [Attribute("axis", .integer(0))])),
        Case(
            testDescription: "multiplication by one", node: node("Mul", ["one"]),
            weights: [Weight("one", Tensor(scalar: Float(1)))]),
        Case(
            testDescription: "division by one", node: node("Div", ["one"]),
            weights: [Weight("one", Tensor(scalar: Float(1)))]),
        Case(
            testDescription: "subtraction of zero", node: node("Sub", ["zero"]),
            weights: [Weight("zero", Tensor(scalar: Float(0)))]),
    ]

    static let kept: [Case] = [
        Case(
            testDescription: "dropout that trains", node: node("Dropout", ["", "t"]),
            weights: [try? Tensor(type: .bool, shape: .scalar, storage: Storage([UInt8(1)]))].compactMap { $0 }.map {
                Weight("t", $0)
            }),
        Case(testDescription: "cast to another type", node: node("Cast", [], [Attribute("to", .integer(10))])),
        Case(testDescription: "reshape to another shape", node: node("Reshape", ["s"]), weights: [list("s", [0, -1])]),
        Case(testDescription: "transposition of equal lengths", node: node("Transpose"), lengths: [4, 4]),
        Case(
            testDescription: "slice backwards", node: node("Slice", ["s", "e", "a", "t"]),
            weights: [list("s", [-1]), list("e", [Int64.min]), list("a", [2]), list("t", [-1])]),
        Case(
            testDescription: "slice up to a number", node: node("Slice", ["s", "e", "a"]),
            weights: [list("s", [0]), list("e", [100]), list("a", [0])]),
        Case(
            testDescription: "padding that moves", node: node("Pad", ["p"]), weights: [list("p", [0, 0, 1, 0, 0, -1])]),
        Case(
            testDescription: "addition of positive zero", node: node("Add", ["zero"]),
            weights: [Weight("zero", Tensor(scalar: Float(0)))]),
        Case(
            testDescription: "multiplication by one that stretches", node: node("Mul", ["one"]),
            lengths: [-1, 1], weights: [Weight("one", Tensor(vector: [Float(1), 1]))]),
        Case(
            testDescription: "a custom identity",
            node: Node("Identity", inputs: ["x"], outputs: ["m"], domain: "com.example")),
        Case(testDescription: "an identity without output", node: Node("Identity", inputs: ["x"], outputs: [])),
    ]

    private func model(_ one: Case) -> Model {
        let made = one.node.outputs.isEmpty ? "x" : "m"
        return GraphBench.model(
            [one.node, Node("Neg", inputs: [made], outputs: ["y"])], inputs: [GraphBench.input("x", one.lengths)],
            outputs: ["y"], weights: one.weights, opset: one.opset)
    }

    @Test(arguments: removed) func `does nothing and goes`(_ one: Case) throws {
        var model = model(one)
        try GraphBench.apply(IdentityRemover(), to: &model)
        #expect(GraphBench.operations(model.graph) == ["Neg"])
        #expect(model.graph.nodes[0].inputs == ["x"])
    }

    @Test(arguments: kept) func `does something and stays`(_ one: Case) throws {
        var model = model(one)
        try GraphBench.apply(IdentityRemover(), to: &model)
        #expect(model.graph.nodes.count == 2)
    }

    @Test func `an output keeps its name and its maker takes it`() throws {
        var model = GraphBench.model(
            [
                Node("Neg", inputs: ["x"], outputs: ["a"]), Node("Identity", inputs: ["a"], outputs: ["b"]),
                Node("Identity", inputs: ["b"], outputs: ["y"]), Node("Relu", inputs: ["b"], outputs: ["z"]),
            ], inputs: [GraphBench.input("x", [2])], outputs: ["y", "z"])
        try GraphBench.apply(IdentityRemover(), to: &model)
        #expect(GraphBench.operations(model.graph) == ["Neg", "Relu"])
        #expect(model.graph.nodes[0].outputs == ["y"])
        #expect(model.graph.nodes[1].inputs == ["y"])
    }

    @Test func `an input that is an output keeps its identity, and so does a second name of an output`() throws {
        var model = GraphBench.model(
            [
                Node("Identity", inputs: ["x"], outputs: ["y"]), Node("Neg", inputs: ["x"], outputs: ["a"]),
                Node("Identity", inputs: ["a"], outputs: ["b"]), Node("Identity", inputs: ["a"], outputs: ["c"]),
            ], inputs: [GraphBench.input("x", [2])], outputs: ["y", "b", "c"])
        try GraphBench.apply(IdentityRemover(), to: &model)
        #expect(GraphBench.operations(model.graph) == ["Identity", "Neg", "Identity"])
        #expect(try GraphBench.isSound(model))
    }

    @Test func `a value with an integer format is left alone`() throws {
        var model = GraphBench.model(
            [Node("Identity", inputs: ["x"], outputs: ["a"]), Node("Neg", inputs: ["a"], outputs: ["y"])],
            inputs: [GraphBench.input("x", [2])], outputs: ["y"])
        model.graph.activationFormats["a"] = ActivationFormat(type: .uint8, scale: 0.1, zeroPoint: 3)
        try GraphBench.apply(IdentityRemover(), to: &model)
        #expect(model.graph.nodes.count == 2)
    }

    @Test func `captured values are renamed inside branches and a branch keeps its identity of an outer value`() throws
    {
        let branch = Graph(
            name: "part", nodes: [Node("Identity", inputs: ["b"], outputs: ["o"])], outputs: [ValueInfo(name: "o")])
        let attributes = [Attribute("then_branch", .graph(branch)), Attribute("else_branch", .graph(branch))]
        var model = GraphBench.model(
            [
                Node("Neg", inputs: ["x"], outputs: ["a"]), Node("Identity", inputs: ["a"], outputs: ["b"]),
                Node("If", inputs: ["p"], outputs: ["y"], attributes: attributes),
            ], inputs: [GraphBench.input("x", [2]), GraphBench.input("p", [], .bool)], outputs: ["y"])
        try GraphBench.apply(IdentityRemover(), to: &model)
        #expect(GraphBench.operations(model.graph) == ["Neg", "If"])
        #expect(model.graph.nodes[1].nestedGraphs.allSatisfy { $0.nodes.map(\.inputs) == [["a"]] })
        #expect(try GraphBench.isSound(model))
    }
}
