import PithCompression
import PithModel
import PithTensor
import Testing

struct MovementMergerTests {
    private func transpose(_ from: String, _ to: String, _ order: [Int64]) -> Node {
        Node("Transpose", inputs: [from], outputs: [to], attributes: [Attribute("perm", .integers(order))])
    }

    @Test func `two transpositions become one`() throws {
        var model = GraphBench.model(
            [transpose("x", "a", [1, 2, 0]), transpose("a", "y", [0, 2, 1])],
            inputs: [GraphBench.input("x", [2, 3, 4])],
            outputs: ["y"])
        try GraphBench.apply(MovementMerger(), to: &model)
        #expect(model.graph.nodes[1].inputs == ["x"])
        #expect(model.graph.nodes[1].integers("perm") == [1, 0, 2])
    }

    @Test func `a chain of reshapes reads from its start`() throws {
        var model = GraphBench.model(
            [
                Node("Reshape", inputs: ["x", "s"], outputs: ["a"]),
                Node("Unsqueeze", inputs: ["a", "axes"], outputs: ["b"]),
                Node("Squeeze", inputs: ["b", "axes"], outputs: ["c"]),
                Node("Reshape", inputs: ["c", "t"], outputs: ["y"]),
            ], inputs: [GraphBench.input("x", [-1, 4, 6])], outputs: ["y"],
            weights: [
                GraphBench.integers("s", [0, 24]), GraphBench.integers("axes", [0]), GraphBench.integers("t", [-1, 3]),
            ])
        try GraphBench.apply(MovementMerger(), to: &model)
        #expect(model.graph.nodes.last?.inputs == ["x", "t"])
    }

    @Test func `a reshape that copies a length of the value between stays`() throws {
        var model = GraphBench.model(
            [
                Node("Reshape", inputs: ["x", "s"], outputs: ["a"]),
                Node("Reshape", inputs: ["a", "t"], outputs: ["y"]),
            ],
            inputs: [GraphBench.input("x", [-1, 4, 6])], outputs: ["y"],
            weights: [GraphBench.integers("s", [-1, 2]), GraphBench.integers("t", [0, 2, 1])])
        try GraphBench.apply(MovementMerger(), to: &model)
        #expect(model.graph.nodes[1].inputs == ["a", "t"])
    }

    private func slices(_ second: [Weight]) -> Model {
        let first = [
            GraphBench.integers("s", [1]), GraphBench.integers("e", [Int64.max]), GraphBench.integers("a", [1]),
            GraphBench.integers("t", [2]),
        ]
        return GraphBench.model(
            [
                Node("Slice", inputs: ["x", "s", "e", "a", "t"], outputs: ["m"]),
                Node("Slice", inputs: ["m", "s2", "e2", "a2", "t2"], outputs: ["y"]),
            ], inputs: [GraphBench.input("x", [2, 9, 9])], outputs: ["y"], weights: first + second)
    }

    @Test func `slices along different axes become one`() throws {
        var model = slices([
            GraphBench.integers("s2", [0]), GraphBench.integers("e2", [7]), GraphBench.integers("a2", [2]),
            GraphBench.integers("t2", [3]),
        ])
        try GraphBench.apply(MovementMerger(), to: &model)
        let merged = model.graph.nodes[1]
        #expect(merged.inputs[0] == "x")
        let numbers = merged.inputs.dropFirst().map { model.graph.weights[$0]?.dense?.integers() }
        #expect(numbers == [[1, 0], [Int.max, 7], [1, 2], [2, 3]])
    }

    @Test func `slices along the same axis stay two`() throws {
        var model = slices([
            GraphBench.integers("s2", [0]), GraphBench.integers("e2", [2]), GraphBench.integers("a2", [-2]),
            GraphBench.integers("t2", [1]),
        ])
        try GraphBench.apply(MovementMerger(), to: &model)
        #expect(model.graph.nodes[1].inputs[0] == "m")
    }

    @Test func `concatenations along one axis become one and along two stay`() throws {
        func concat(_ from: [String], _ to: String, _ axis: Int64) -> Node {
            Node("Concat", inputs: from, outputs: [to], attributes: [Attribute("axis", .integer(axis))])
        }
        var model = GraphBench.model(
            [concat(["x", "x"], "a", 1), concat(["x", "a"], "b", -1), concat(["b", "b"], "y", 0)],
            inputs: [GraphBench.input("x", [-1, 4])], outputs: ["y"])
        try GraphBench.apply(MovementMerger(), to: &model)
        #expect(model.graph.nodes[1].inputs == ["x", "x", "x"])
        #expect(model.graph.nodes[2].inputs == ["b", "b"])
    }
}
