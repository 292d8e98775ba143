import PithCompression
import PithModel
import PithTensor
import Testing

struct DuplicateMergerTests {
    private func pair(_ first: Node, _ second: Node, weights: [Weight] = [], opset: Int = 13) -> Model {
        GraphBench.model(
            [first, second, Node("Sub", inputs: [first.outputs[0], second.outputs[0]], outputs: ["y"])],
            inputs: [GraphBench.input("x", [2]), GraphBench.input("z", [2])], outputs: ["y"], weights: weights,
            opset: opset)
    }

    private func merges(_ first: Node, _ second: Node, weights: [Weight] = []) throws -> Bool {
        var model = pair(first, second, weights: weights)
        try GraphBench.apply(DuplicateMerger(), to: &model)
        return model.graph.nodes.count == 2
    }

    private func node(_ operation: String, _ inputs: [String], _ output: String, _ attributes: [Attribute] = []) -> Node
    {
        Node(operation, inputs: inputs, outputs: [output], attributes: attributes)
    }

    @Test func `equal nodes become one, whichever way round they add`() throws {
        #expect(try merges(node("Add", ["x", "z"], "a"), node("Add", ["z", "x"], "b")))
        #expect(try merges(node("Relu", ["x"], "a"), node("Relu", ["x"], "b")))
        let axis = Attribute("axis", .integer(0))
        #expect(try merges(node("Softmax", ["x"], "a", [axis]), node("Softmax", ["x"], "b", [axis])))
    }

    @Test func `nodes that differ stay`() throws {
        #expect(try !merges(node("Sub", ["x", "z"], "a"), node("Sub", ["z", "x"], "b")))
        let zero = Attribute("axis", .integer(0)), one = Attribute("axis", .integer(-1))
        #expect(try !merges(node("Softmax", ["x"], "a", [zero]), node("Softmax", ["x"], "b", [one])))
        #expect(try !merges(node("RandomNormalLike", ["x"], "a"), node("RandomNormalLike", ["x"], "b")))
        #expect(try !merges(node("DequantizeLinear", ["x", "z"], "a"), node("DequantizeLinear", ["x", "z"], "b")))
        let custom = Node("Relu", inputs: ["x"], outputs: ["a"], domain: "com.example")
        var twin = custom
        twin.outputs = ["b"]
        #expect(try !merges(custom, twin))
    }

    @Test func `an output of the graph is not merged away`() throws {
        var model = pair(node("Relu", ["x"], "a"), node("Relu", ["x"], "b"))
        model.graph.outputs.append(ValueInfo(name: "b"))
        try GraphBench.apply(DuplicateMerger(), to: &model)
        #expect(model.graph.nodes.count == 3)
    }

    @Test func `weights of the same bytes become one and others stay`() throws {
        let same = Tensor(vector: [Float(1), -0.0]),
            weights = [
                Weight("p", same), Weight("q", Tensor(vector: [Float(1), -0.0])),
                Weight("r", Tensor(vector: [Float(1), 0.0])),
                Weight("s", Tensor(vector: [Int32(1), 0])),
            ]
        var model = pair(node("Sum", ["p", "q", "x"], "a"), node("Sum", ["r", "s", "x"], "b"), weights: weights)
        let trace = try GraphBench.apply(DuplicateMerger(), to: &model)
        #expect(model.graph.weights.names == ["p", "r", "s"])
        #expect(model.graph.nodes[0].inputs == ["p", "p", "x"])
        #expect(trace.fate(of: "q").names == ["p"])
    }

    @Test func `a branch reads the weight around it instead of its own copy`() throws {
        let branch = Graph(
            name: "part", nodes: [Node("Neg", inputs: ["own"], outputs: ["o"])], outputs: [ValueInfo(name: "o")],
            weights: WeightTable([Weight("own", Tensor(vector: [Float(1), 2]))]))
        let attributes = [Attribute("then_branch", .graph(branch)), Attribute("else_branch", .graph(branch))]
        var model = GraphBench.model(
            [
                Node("If", inputs: ["p"], outputs: ["y"], attributes: attributes, name: "choice"),
                Node("Neg", inputs: ["w"], outputs: ["z"]),
            ],
            inputs: [GraphBench.input("p", [], .bool)], outputs: ["y", "z"],
            weights: [Weight("w", Tensor(vector: [Float(1), 2]))])
        let trace = try GraphBench.apply(DuplicateMerger(), to: &model)
        #expect(model.graph.nodes[0].nestedGraphs.allSatisfy { $0.weights.isEmpty && $0.nodes[0].inputs == ["w"] })
        #expect(trace.fate(of: "choice.else_branch/own").names == ["w"])
    }
}
