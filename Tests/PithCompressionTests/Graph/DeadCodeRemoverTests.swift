import PithCompression
import PithModel
import PithTensor
import Testing

struct DeadCodeRemoverTests {
    private let weight = Weight("w", Tensor(vector: [Float(1), 2]))

    @Test func `what reaches no output goes, in a chain`() throws {
        var model = GraphBench.model(
            [
                Node("Neg", inputs: ["x"], outputs: ["y"]), Node("Add", inputs: ["x", "w"], outputs: ["a"]),
                Node("Relu", inputs: ["a"], outputs: ["b"]),
            ], inputs: [GraphBench.input("x", [2]), GraphBench.input("unused", [2])], outputs: ["y"], weights: [weight])
        let trace = try GraphBench.apply(DeadCodeRemover(), to: &model)
        #expect(GraphBench.operations(model.graph) == ["Neg"])
        #expect(model.graph.weights.isEmpty && model.graph.inputs.count == 2)
        #expect(trace.fate(of: "w") == WeightTrace.Fate(names: [], notes: ["nothing reads it"]))
    }

    @Test func `what only a branch reads stays`() throws {
        let branch = Graph(
            name: "part", nodes: [Node("Neg", inputs: ["a"], outputs: ["o"])], outputs: [ValueInfo(name: "o")])
        let attributes = [Attribute("then_branch", .graph(branch)), Attribute("else_branch", .graph(branch))]
        var model = GraphBench.model(
            [
                Node("Add", inputs: ["x", "w"], outputs: ["a"]),
                Node("If", inputs: ["p"], outputs: ["y"], attributes: attributes),
            ],
            inputs: [GraphBench.input("x", [2]), GraphBench.input("p", [], .bool)], outputs: ["y"], weights: [weight])
        try GraphBench.apply(DeadCodeRemover(), to: &model)
        #expect(model.graph.nodes.count == 2 && model.graph.weights.count == 1)
    }

    @Test func `weights of a removed branch are told`() throws {
        let branch = Graph(name: "part", outputs: [ValueInfo(name: "w")], weights: WeightTable([weight]))
        let attributes = [Attribute("then_branch", .graph(branch)), Attribute("else_branch", .graph(branch))]
        var model = GraphBench.model(
            [
                Node("If", inputs: ["p"], outputs: ["unread"], attributes: attributes, name: "choice"),
                Node("Neg", inputs: ["x"], outputs: ["y"]),
            ],
            inputs: [GraphBench.input("p", [], .bool), GraphBench.input("x", [2])], outputs: ["y"])
        let trace = try GraphBench.apply(DeadCodeRemover(), to: &model)
        #expect(GraphBench.operations(model.graph) == ["Neg"])
        #expect(trace.fate(of: "choice.then_branch/w").names.isEmpty)
    }

    @Test func `results of a branch that nobody reads are not computed`() throws {
        let branch = Graph(
            name: "part",
            nodes: [Node("Neg", inputs: ["x"], outputs: ["a"]), Node("Exp", inputs: ["x"], outputs: ["b"])],
            outputs: [ValueInfo(name: "a"), ValueInfo(name: "b")])
        let attributes = [Attribute("then_branch", .graph(branch)), Attribute("else_branch", .graph(branch))]
        var model = GraphBench.model(
            [Node("If", inputs: ["p"], outputs: ["unread", "y"], attributes: attributes)],
            inputs: [GraphBench.input("p", [], .bool), GraphBench.input("x", [2])], outputs: ["y"])
        try GraphBench.apply(DeadCodeRemover(), to: &model)
        #expect(model.graph.nodes[0].outputs == ["y"])
        #expect(
            model.graph.nodes[0].nestedGraphs.allSatisfy {
                $0.nodes.map(\.operation) == ["Exp"] && $0.outputs.map(\.name) == ["b"]
            })
    }

    @Test func `optional outputs are left out and outputs that count stay`() throws {
        var model = GraphBench.model(
            [
                Node("LSTM", inputs: ["x", "w", "w"], outputs: ["all", "last", "cell"]),
                Node("Split", inputs: ["last"], outputs: ["y", "rest"]),
            ], inputs: [GraphBench.input("x", [1, 1, 2])], outputs: ["y"], weights: [weight])
        try GraphBench.apply(DeadCodeRemover(), to: &model)
        #expect(model.graph.nodes[0].outputs == ["", "last"])
        #expect(model.graph.nodes[1].outputs == ["y", "rest"])
    }
}
