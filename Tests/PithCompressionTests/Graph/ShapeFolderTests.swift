import PithCompression
import PithModel
import PithTensor
import Testing

struct ShapeFolderTests {
    /// `Reshape(x, [batch, -1])` as exporters write it.
    private func flattening(_ lengths: [Int], reading axis: Int64) -> Model {
        GraphBench.model(
            [
                Node("Shape", inputs: ["x"], outputs: ["s"]), Node("Gather", inputs: ["s", "axis"], outputs: ["n"]),
                Node("Unsqueeze", inputs: ["n", "zero"], outputs: ["u"]),
                Node("Concat", inputs: ["u", "rest"], outputs: ["t"], attributes: [Attribute("axis", .integer(0))]),
                Node("Reshape", inputs: ["x", "t"], outputs: ["y"]),
            ], inputs: [GraphBench.input("x", lengths)], outputs: ["y"],
            weights: [
                Weight("axis", Tensor(scalar: axis)), GraphBench.integers("zero", [0]),
                GraphBench.integers("rest", [-1]),
            ])
    }

    private func target(_ model: Model) throws -> [Int]? {
        var model = model
        try GraphBench.apply(ShapeFolder(), to: &model)
        try GraphBench.apply(DeadCodeRemover(), to: &model)
        let name = model.graph.nodes.last?.inputs[1] ?? ""
        return model.graph.weights[name]?.dense?.integers()
    }

    @Test func `a symbolic batch becomes a copied length`() throws {
        #expect(try target(flattening([-1, 4, 6], reading: 0)) == [0, 24])
    }

    @Test func `a fixed length becomes a number`() throws {
        #expect(try target(flattening([-1, 4, 6], reading: 1)) == [4, -1])
    }

    @Test func `two symbolic lengths that are no copies stay computed`() throws {
        var model = flattening([-1, -2, 6], reading: 1)
        try GraphBench.apply(ShapeFolder(), to: &model)
        #expect(GraphBench.operations(model.graph).contains("Concat"))
    }

    @Test func `a length that only the caller knows stays computed`() throws {
        var model = GraphBench.model(
            [Node("Shape", inputs: ["x"], outputs: ["y"])], inputs: [GraphBench.input("x", [-1, 4])], outputs: ["y"])
        try GraphBench.apply(ShapeFolder(), to: &model)
        #expect(GraphBench.operations(model.graph) == ["Shape"])
    }

    @Test func `a known shape becomes a weight and tells so`() throws {
        var model = GraphBench.model(
            [Node("Shape", inputs: ["x"], outputs: ["y"])], inputs: [GraphBench.input("x", [3, 4])], outputs: ["y"])
        let trace = try GraphBench.apply(ShapeFolder(), to: &model)
        #expect(model.graph.weights["y"]?.dense == Tensor(vector: [Int64(3), 4]))
        #expect(trace.events.map(\.results) == [["y"]])
    }

    @Test func `two computations of the same length become one`() throws {
        func length(of value: String, _ suffix: String) -> [Node] {
            [
                Node("Shape", inputs: [value], outputs: ["s" + suffix]),
                Node("Gather", inputs: ["s" + suffix, "zero"], outputs: ["n" + suffix]),
            ]
        }
        var model = GraphBench.model(
            length(of: "x", "1") + [Node("Relu", inputs: ["x"], outputs: ["r"])] + length(of: "r", "2")
                + [Node("Add", inputs: ["n1", "n2"], outputs: ["y"])],
            inputs: [GraphBench.input("x", [-1, 4])], outputs: ["y"],
            weights: [Weight("zero", Tensor(scalar: Int64(0)))])
        try GraphBench.apply(ShapeFolder(), to: &model)
        #expect(model.graph.nodes.filter { $0.operation == "Gather" }.count == 1)
        #expect(model.graph.nodes.last?.inputs == ["n1", "n1"])
    }

    @Test func `an expansion writes 1 where the input has the length already`() throws {
        var model = GraphBench.model(
            [
                Node("Shape", inputs: ["x"], outputs: ["s"]), Node("Gather", inputs: ["s", "zero"], outputs: ["n"]),
                Node("Concat", inputs: ["n", "five"], outputs: ["t"], attributes: [Attribute("axis", .integer(0))]),
                Node("Expand", inputs: ["x", "t"], outputs: ["y"]),
            ], inputs: [GraphBench.input("x", [-1, 1])], outputs: ["y"],
            weights: [GraphBench.integers("zero", [0]), GraphBench.integers("five", [5])])
        #expect(try target(model) == [1, 5])
        try GraphBench.apply(ShapeFolder(), to: &model)
        #expect(model.graph.nodes.last?.operation == "Expand")
    }
}
