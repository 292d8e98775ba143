import PithCompression
import PithModel
import PithTensor
import Testing

struct BranchInlinerTests {
    private func branch(_ operation: String, weight: [Float]) -> Graph {
        Graph(
            name: "part",
            nodes: [Node("Add", inputs: ["x", "w"], outputs: ["b"]), Node(operation, inputs: ["b"], outputs: ["o"])],
            outputs: [ValueInfo(name: "o"), ValueInfo(name: "w")],
            weights: WeightTable([Weight("w", Tensor(vector: weight))]))
    }

    private func model(condition: Bool?) throws -> Model {
        let attributes = [
            Attribute("then_branch", .graph(branch("Neg", weight: [1, 2]))),
            Attribute("else_branch", .graph(branch("Exp", weight: [3, 4]))),
        ]
        let constant = try condition.map {
            Weight("p", try Tensor(type: .bool, shape: .scalar, storage: Storage([UInt8($0 ? 1 : 0)])))
        }
        var inputs = [GraphBench.input("x", [2])]
        if condition == nil { inputs.append(GraphBench.input("p", [], .bool)) }
        return GraphBench.model(
            [
                Node("Relu", inputs: ["x"], outputs: ["a"]),
                Node("If", inputs: ["p"], outputs: ["y", "v"], attributes: attributes, name: "choice"),
                Node("Mul", inputs: ["a", "y"], outputs: ["z"]),
            ], inputs: inputs, outputs: ["z", "v"], weights: [constant].compactMap { $0 })
    }

    @Test(.enabled(if: GraphBench.hasRuntime), arguments: [true, false])
    func `the branch that is always taken takes the place of the choice`(_ condition: Bool) throws {
        let original = try model(condition: condition)
        var inlined = original
        let trace = try GraphBench.apply(BranchInliner(), to: &inlined)
        #expect(GraphBench.operations(inlined.graph) == ["Relu", "Add", condition ? "Neg" : "Exp", "Identity", "Mul"])
        #expect(try GraphBench.isSound(inlined))
        let input = Tensor(vector: [Float(0.5), -2])
        #expect(try GraphBench.agreement(original, inlined, ["x": input]) == .infinity)
        let taken = condition ? "then_branch" : "else_branch", other = condition ? "else_branch" : "then_branch"
        let fate = trace.fate(of: "choice.\(taken)/w")
        #expect(fate.names.count == 1 && inlined.graph.weights[fate.names[0]] != nil)
        #expect(trace.fate(of: "choice.\(other)/w").names.isEmpty)
    }

    @Test(.enabled(if: GraphBench.hasRuntime)) func `two branches that use the same names are told apart`() throws {
        var original = try model(condition: true)
        var second = original.graph.nodes[1]
        second.outputs = ["y2", "v2"]
        second.name = "again"
        original.graph.nodes.append(second)
        original.graph.outputs.append(ValueInfo(name: "y2"))
        var inlined = original
        try GraphBench.apply(BranchInliner(), to: &inlined)
        #expect(inlined.graph.weights.names.count == 3)
        #expect(try GraphBench.agreement(original, inlined, ["x": Tensor(vector: [Float(0.5), -2])]) == .infinity)
    }

    @Test func `a choice the input makes stays`() throws {
        var model = try model(condition: nil)
        try GraphBench.apply(BranchInliner(), to: &model)
        #expect(GraphBench.operations(model.graph) == ["Relu", "If", "Mul"])
    }

    @Test(.enabled(if: GraphBench.hasRuntime))
    func `weights of choices inside a moved branch are found under their new path`() throws {
        let inner = Graph(
            outputs: [ValueInfo(name: "k")], weights: WeightTable([Weight("k", Tensor(vector: [Float(5)]))]))
        func choice(_ condition: String, _ output: String, _ graph: Graph) -> Node {
            Node(
                "If", inputs: [condition], outputs: [output],
                attributes: [Attribute("then_branch", .graph(graph)), Attribute("else_branch", .graph(graph))])
        }
        let outer = Graph(name: "part", nodes: [choice("p", "o", inner)], outputs: [ValueInfo(name: "o")])
        let yes = try Tensor(type: .bool, shape: .scalar, storage: Storage([UInt8(1)]))
        var model = GraphBench.model(
            [choice("p", "z", inner), choice("yes", "y", outer)], inputs: [GraphBench.input("p", [], .bool)],
            outputs: ["y", "z"],
            weights: [Weight("yes", yes)])
        let trace = try GraphBench.clean(&model).trace
        #expect(GraphBench.operations(model.graph) == ["If", "If"])
        let fate = trace.fate(of: "If_1.then_branch/If_0.else_branch/k")
        #expect(fate.names == ["If_0_1.else_branch/k"])
        var found = false
        model.graph.forEachGraph { graph, path in
            for name in graph.weights.names where path.qualified(name) == fate.names.first { found = true }
        }
        #expect(found)
    }
}
