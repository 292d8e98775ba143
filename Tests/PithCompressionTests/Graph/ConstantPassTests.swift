import PithCompression
import PithModel
import PithTensor
import Testing

struct ConstantPassTests {
    @Test func `every kind of constant value becomes a weight, in nested graphs as well`() throws {
        func constant(_ attribute: String, _ value: AttributeValue, _ output: String) -> Node {
            Node("Constant", inputs: [], outputs: [output], attributes: [Attribute(attribute, value)])
        }
        let branch = Graph(
            name: "part", nodes: [constant("value_float", .float(2.5), "inner")], outputs: [ValueInfo(name: "inner")])
        let nodes = [
            constant("value", .tensor(Weight("", Tensor(vector: [Float(1), 2]))), "t"),
            constant("value_int", .integer(7), "i"), constant("value_ints", .integers([1, 2, 3]), "is"),
            constant("value_floats", .floats([0.5]), "fs"), constant("value_string", .text("a"), "s"),
            constant("value_strings", .strings([[97], [98]]), "ss"),
            Node(
                "If", inputs: ["p"], outputs: ["y"],
                attributes: [Attribute("then_branch", .graph(branch)), Attribute("else_branch", .graph(branch))],
                name: "If_0"),
        ]
        var model = GraphBench.model(nodes, inputs: [GraphBench.input("p", [], .bool)], outputs: ["y"])
        model.formatVersion = 3
        let trace = try GraphBench.apply(ConstantLifter(), to: &model)
        #expect(GraphBench.operations(model.graph) == ["If"])
        #expect(model.graph.weights["t"]?.dense?.floats() == [1, 2])
        #expect(model.graph.weights["i"]?.dense == Tensor(scalar: Int64(7)))
        #expect(model.graph.weights["is"]?.dense?.integers() == [1, 2, 3])
        #expect(model.graph.weights["fs"]?.shape == .vector(1))
        #expect(model.graph.weights["s"]?.dense?.strings == [[97]])
        #expect(model.graph.weights["ss"]?.shape == .vector(2))
        #expect(
            model.graph.nodes[0].nestedGraphs.allSatisfy {
                $0.nodes.isEmpty && $0.weights["inner"]?.dense?.floats() == [2.5]
            })
        #expect(trace.events.contains { $0.sources == ["If_0.then_branch/inner"] && $0.results == $0.sources })
        #expect(model.formatVersion == 4)
    }

    @Test func `sparse and custom constants stay nodes`() throws {
        let nodes = [
            Node("Constant", inputs: [], outputs: ["a"], attributes: [Attribute("sparse_value", .opaque(kind: 11))]),
            Node(
                "Constant", inputs: [], outputs: ["b"], attributes: [Attribute("value_int", .integer(1))],
                domain: "com.example"),
        ]
        var model = GraphBench.model(nodes, outputs: ["a", "b"])
        try GraphBench.apply(ConstantLifter(), to: &model)
        #expect(model.graph.nodes.count == 2)
    }

    @Test func `weights that are inputs too stop being inputs and the file version rises`() throws {
        var model = GraphBench.model(
            [Node("Add", inputs: ["x", "w"], outputs: ["y"])],
            inputs: [GraphBench.input("x", [2]), GraphBench.input("w", [2])],
            outputs: ["y"], weights: [Weight("w", Tensor(vector: [Float(1), 2]))], opset: 8)
        model.formatVersion = 3
        try GraphBench.apply(InputWeightPass(), to: &model)
        #expect(model.graph.inputs.map(\.name) == ["x"])
        #expect(model.formatVersion == 4)
    }

    @Test(.enabled(if: GraphBench.hasRuntime), arguments: [(3, false), (8, true)])
    func `that callers can not replace a weight any more is said where the format let them`(
        version: Int, isSaid: Bool
    ) async throws {
        var model = GraphBench.model(
            [Node("Add", inputs: ["x", "w"], outputs: ["y"])],
            inputs: [GraphBench.input("x", [2]), GraphBench.input("w", [2])],
            outputs: ["y"], weights: [Weight("w", Tensor(vector: [Float(1), 2]))], opset: 8)
        model.formatVersion = version
        var piece = Workpiece(model: model)
        try await CleanUp().apply(to: &piece, in: StageContext())
        #expect(piece.notes.contains { $0.contains("whatever callers feed: w.") } == isSaid)
    }

    @Test(.enabled(if: GraphBench.hasRuntime)) func `constant arithmetic is computed by the runtime`() throws {
        var model = GraphBench.model(
            [
                Node("Add", inputs: ["a", "b"], outputs: ["c"]), Node("Sqrt", inputs: ["c"], outputs: ["d"]),
                Node("Mul", inputs: ["x", "d"], outputs: ["y"]),
            ],
            inputs: [GraphBench.input("x", [2])], outputs: ["y"],
            weights: [Weight("a", Tensor(vector: [Float(1), 9])), Weight("b", Tensor(vector: [Float(3), 7]))])
        let trace = try GraphBench.apply(ConstantFolder(evaluator: RuntimeConstantEvaluator()), to: &model)
        #expect(GraphBench.operations(model.graph) == ["Mul"])
        #expect(model.graph.weights["d"]?.dense?.floats() == [2, 4])
        #expect(model.graph.weights["c"] == nil)
        #expect(trace.fate(of: "a").names == ["a", "d"])
    }

    /// An evaluator that must not be asked.
    private struct Forbidden: ConstantEvaluator {
        func evaluate(_ model: Model, outputs: [String]) throws -> [String: Tensor] {
            Issue.record("\(model.graph.nodes.map(\.operation)) was to be computed ahead")
            return [:]
        }
    }

    struct Kept: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var nodes: [Node]
        var weights: [Weight]
    }

    static let kept: [Kept] = [
        Kept(
            testDescription: "random numbers",
            nodes: [Node("RandomNormalLike", inputs: ["w"], outputs: ["y"])],
            weights: [Weight("w", Tensor(vector: [Float(1)]))]),
        Kept(
            testDescription: "quantized weights",
            nodes: [Node("DequantizeLinear", inputs: ["q", "s"], outputs: ["y"])],
            weights: [Weight("q", Tensor(vector: [Int8(1), 2])), Weight("s", Tensor(scalar: Float(0.5)))]),
        Kept(
            testDescription: "integers widened",
            nodes: [Node("Cast", inputs: ["q"], outputs: ["y"], attributes: [Attribute("to", .integer(1))])],
            weights: [Weight("q", Tensor(vector: [Int8](repeating: 3, count: 300)))]),
        Kept(
            testDescription: "packed levels taken apart",
            nodes: [
                Node(
                    "BitShift", inputs: ["q", "n"], outputs: ["y"], attributes: [Attribute("direction", .text("RIGHT"))]
                )
            ],
            weights: [
                Weight("q", Tensor(vector: [UInt8](repeating: 0x21, count: 300))),
                Weight("n", Tensor(scalar: UInt8(4))),
            ]),
        Kept(
            testDescription: "a value blown up",
            nodes: [Node("Expand", inputs: ["w", "s"], outputs: ["y"])],
            weights: [Weight("w", Tensor(vector: [Float(1)])), GraphBench.integers("s", [1 << 40])]),
        Kept(
            testDescription: "factors multiplied out",
            nodes: [Node("MatMul", inputs: ["u", "v"], outputs: ["y"])],
            weights: [
                Weight("u", Tensor([Float](repeating: 1, count: 64), shape: (try? Shape([64, 1])) ?? .scalar)),
                Weight("v", Tensor([Float](repeating: 1, count: 64), shape: (try? Shape([1, 64])) ?? .scalar)),
            ]),
        Kept(
            testDescription: "an integer division by zero",
            nodes: [Node("Div", inputs: ["w", "z"], outputs: ["y"])],
            weights: [GraphBench.integers("w", [6, 7]), GraphBench.integers("z", [2, 0])]),
        Kept(
            testDescription: "a layer",
            nodes: [
                Node(
                    "ConvTranspose", inputs: ["w", "w"], outputs: ["y"], attributes: [Attribute("group", .integer(0))])
            ],
            weights: [Weight("w", Tensor([Float](repeating: 1, count: 8), shape: (try? Shape([2, 2, 2])) ?? .scalar))]),
        Kept(
            testDescription: "a custom operator",
            nodes: [Node("Add", inputs: ["w", "w"], outputs: ["y"], domain: "com.example")],
            weights: [Weight("w", Tensor(vector: [Float(1)]))]),
    ]

    @Test(arguments: kept) func `is not computed ahead`(_ one: Kept) throws {
        var model = GraphBench.model(one.nodes, outputs: ["y"], weights: one.weights)
        try GraphBench.apply(ConstantFolder(evaluator: Forbidden()), to: &model)
        #expect(model.graph.nodes.count == 1)
    }

    @Test func `an encoded weight is never decoded for folding`() throws {
        let levels = Tensor(vector: [Int8(1), 2]), scales = Tensor(scalar: Float(0.5))
        let weight = Weight(
            name: "w", form: .encoded(GroupedIntegers(levels: levels, scales: scales, grouping: .tensor)))
        var model = GraphBench.model([Node("Neg", inputs: ["w"], outputs: ["y"])], outputs: ["y"], weights: [weight])
        try GraphBench.apply(ConstantFolder(evaluator: Forbidden()), to: &model)
        #expect(model.graph.nodes.count == 1)
    }

    @Test func `a failing evaluator leaves the nodes`() throws {
        struct Failing: ConstantEvaluator {
            struct Refusal: Error {}
            func evaluate(_ model: Model, outputs: [String]) throws -> [String: Tensor] { throw Refusal() }
        }
        var model = GraphBench.model(
            [Node("Neg", inputs: ["w"], outputs: ["y"])], outputs: ["y"],
            weights: [Weight("w", Tensor(vector: [Float(1)]))])
        try GraphBench.apply(ConstantFolder(evaluator: Failing()), to: &model)
        #expect(GraphBench.operations(model.graph) == ["Neg"])
    }
}
