import PithCompression
import PithModel
import PithTensor
import Testing

struct BatchNormFolderTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var layer: Node
        var input: [Int]
        var weights: [String: [Int]]
        /// Channels of the result and of the input.
        var channels: Int
        var depth: Int
    }

    private static func layer(_ operation: String, bias: Bool = false, _ attributes: [Attribute] = []) -> Node {
        Node(operation, inputs: ["i", "w"] + (bias ? ["b"] : []), outputs: ["o"], attributes: attributes)
    }

    private static func ints(_ name: String, _ values: [Int64]) -> Attribute { Attribute(name, .integers(values)) }

    static let cases: [Case] = [
        Case(
            testDescription: "Conv", layer: layer("Conv", [ints("pads", [1, 1, 1, 1])]), input: [2, 3, 6, 6],
            weights: ["w": [4, 3, 3, 3]],
            channels: 4, depth: 3),
        Case(
            testDescription: "Conv with bias and groups",
            layer: layer("Conv", bias: true, [Attribute("group", .integer(2))]),
            input: [1, 4, 6, 6], weights: ["w": [6, 2, 3, 3], "b": [6]], channels: 6, depth: 4),
        Case(
            testDescription: "depthwise Conv", layer: layer("Conv", [Attribute("group", .integer(5))]),
            input: [1, 5, 8],
            weights: ["w": [5, 1, 3]], channels: 5, depth: 5),
        Case(
            testDescription: "ConvTranspose", layer: layer("ConvTranspose", bias: true, [ints("strides", [2, 2])]),
            input: [1, 3, 4, 4],
            weights: ["w": [3, 5, 2, 2], "b": [5]], channels: 5, depth: 3),
        Case(
            testDescription: "ConvTranspose with groups",
            layer: layer("ConvTranspose", [Attribute("group", .integer(2))]), input: [1, 4, 5],
            weights: ["w": [4, 3, 2]], channels: 6, depth: 4),
        Case(
            testDescription: "Gemm", layer: layer("Gemm", bias: true), input: [3, 4],
            weights: ["w": [4, 5], "b": [5]], channels: 5, depth: 4),
        Case(
            testDescription: "Gemm with factors, transposed",
            layer: layer(
                "Gemm", bias: true,
                [Attribute("transB", .integer(1)), Attribute("alpha", .float(0.5)), Attribute("beta", .float(3))]),
            input: [3, 4], weights: ["w": [5, 4], "b": [1, 5]], channels: 5, depth: 4),
        Case(
            testDescription: "MatMul", layer: layer("MatMul"), input: [3, 4], weights: ["w": [4, 5]], channels: 5,
            depth: 4),
    ]

    private static func normalization(_ from: String, _ to: String, channels: Int) throws -> (Node, [Weight]) {
        let node = Node(
            "BatchNormalization", inputs: [from, "gamma", "beta", "mean", "variance"], outputs: [to],
            attributes: [Attribute("epsilon", .float(1e-3))])
        let weights = try [
            GraphBench.random("gamma", [channels], seed: 1, around: 1), GraphBench.random("beta", [channels], seed: 2),
            GraphBench.random("mean", [channels], seed: 3),
            GraphBench.random("variance", [channels], seed: 4, around: 4),
        ]
        return (node, weights)
    }

    private static func weights(of one: Case) throws -> [Weight] {
        try one.weights.sorted { $0.key < $1.key }.map {
            try GraphBench.random($0.key, $0.value, seed: UInt64($0.value.count + 10))
        }
    }

    @Test(.enabled(if: GraphBench.hasRuntime), arguments: cases)
    func `normalization after the layer goes into it`(_ one: Case) throws {
        let (norm, parameters) = try BatchNormFolderTests.normalization("o", "y", channels: one.channels)
        var layer = one.layer
        layer.inputs[0] = "x"
        let model = GraphBench.model(
            [layer, norm], inputs: [GraphBench.input("x", one.input)], outputs: ["y"],
            weights: try BatchNormFolderTests.weights(of: one) + parameters)
        var folded = model
        let trace = try GraphBench.apply(BatchNormFolder(), to: &folded)
        #expect(GraphBench.operations(folded.graph) == [one.layer.operation == "MatMul" ? "Gemm" : one.layer.operation])
        let input = try GraphBench.random("x", one.input, seed: 99)
        #expect(try GraphBench.agreement(model, folded, ["x": input.decoded()]) > 110)
        #expect(trace.fate(of: "gamma").names.contains("w"))
        #expect(folded.graph.weights.contains { $0.name == (one.weights["b"] == nil ? "w_bias" : "b") })
    }

    @Test(.enabled(if: GraphBench.hasRuntime), arguments: cases.filter { !$0.layer.operation.hasSuffix("Transpose") })
    func `normalization before an unpadded layer goes into it`(_ one: Case) throws {
        let (norm, parameters) = try BatchNormFolderTests.normalization("x", "i", channels: one.depth)
        let model = GraphBench.model(
            [norm, one.layer], inputs: [GraphBench.input("x", one.input)], outputs: ["o"],
            weights: try BatchNormFolderTests.weights(of: one) + parameters)
        var folded = model
        try GraphBench.apply(BatchNormFolder(), to: &folded)
        let isPadded = one.layer.integers("pads") != nil
        #expect(folded.graph.nodes.count == (isPadded ? 2 : 1))
        let input = try GraphBench.random("x", one.input, seed: 99)
        #expect(try GraphBench.agreement(model, folded, ["x": input.decoded()]) > 110)
    }

    @Test(.enabled(if: GraphBench.hasRuntime), arguments: ["Mul", "Div", "Add", "Sub"])
    func `arithmetic by channel goes into the convolution before it`(_ operation: String) throws {
        let model = GraphBench.model(
            [
                Node("Conv", inputs: ["x", "w"], outputs: ["o"]),
                Node(operation, inputs: ["o", "c"], outputs: ["p"]), Node("Mul", inputs: ["two", "p"], outputs: ["y"]),
            ], inputs: [GraphBench.input("x", [1, 3, 5, 5])], outputs: ["y"],
            weights: [
                try GraphBench.random("w", [4, 3, 3, 3], seed: 5),
                try GraphBench.random("c", [4, 1, 1], seed: 6, around: 3),
                Weight("two", Tensor(scalar: Float(2))),
            ])
        var folded = model
        try GraphBench.apply(BatchNormFolder(), to: &folded)
        #expect(GraphBench.operations(folded.graph) == ["Conv"])
        let input = try GraphBench.random("x", [1, 3, 5, 5], seed: 7)
        #expect(try GraphBench.agreement(model, folded, ["x": input.decoded()]) > 110)
    }

    @Test func `numbers are what the formula says`() throws {
        let node = Node(
            "BatchNormalization", inputs: ["o", "g", "b", "m", "v"], outputs: ["y"],
            attributes: [Attribute("epsilon", .float(0))])
        func vector(_ name: String, _ values: [Float]) -> Weight { Weight(name, Tensor(vector: values)) }
        var model = GraphBench.model(
            [Node("Conv", inputs: ["x", "w"], outputs: ["o"]), node], inputs: [GraphBench.input("x", [1, 1, 4])],
            outputs: ["y"],
            weights: [
                Weight("w", Tensor([Float(1), 2, 3, 4], shape: try Shape([2, 1, 2]))), vector("g", [2, 3]),
                vector("b", [1, -1]),
                vector("m", [5, 0.5]), vector("v", [4, 9]),
            ])
        try GraphBench.apply(BatchNormFolder(), to: &model)
        #expect(model.graph.weights["w"]?.dense?.floats() == [1, 2, 3, 4])
        #expect(model.graph.weights["w_bias"]?.dense?.floats() == [-4, -1.5])
        #expect(model.graph.nodes.map(\.outputs) == [["y"]])
    }

    @Test func `a shared weight is copied and stays for its other reader`() throws {
        let (norm, parameters) = try BatchNormFolderTests.normalization("o", "y", channels: 4)
        let weight = try GraphBench.random("w", [4, 3, 1], seed: 1)
        var model = GraphBench.model(
            [
                Node("Conv", inputs: ["x", "w"], outputs: ["o"]), norm,
                Node("Conv", inputs: ["x", "w"], outputs: ["z"]),
            ],
            inputs: [GraphBench.input("x", [1, 3, 5])], outputs: ["y", "z"], weights: [weight] + parameters)
        let trace = try GraphBench.apply(BatchNormFolder(), to: &model)
        #expect(model.graph.nodes.map { $0.inputs[1] } == ["w_folded", "w"])
        #expect(model.graph.weights["w"]?.dense == weight.dense)
        #expect(trace.fate(of: "w").names == ["w", "w_folded"])
    }

    struct Kept: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var change: @Sendable (inout Model) -> Void
    }

    static let kept: [Kept] = [
        Kept(testDescription: "a second reader") { $0.graph.nodes.append(Node("Relu", inputs: ["o"], outputs: ["z"])) },
        Kept(testDescription: "an output") { $0.graph.outputs.append(ValueInfo(name: "o")) },
        Kept(testDescription: "training mode") { $0.graph.nodes[1][attribute: "training_mode"] = .integer(1) },
        Kept(testDescription: "statistics as outputs") { $0.graph.nodes[1].outputs += ["m2", "v2"] },
        Kept(testDescription: "an integer format between") {
            $0.graph.activationFormats["o"] = ActivationFormat(type: .uint8, scale: 1, zeroPoint: 0)
        },
        Kept(testDescription: "a weight the caller gives") {
            $0.graph.inputs.append(GraphBench.input("w", [4, 3, 1]))
        },
        Kept(testDescription: "a parameter the caller gives") { $0.graph.inputs.append(GraphBench.input("mean", [4])) },
        Kept(testDescription: "a custom convolution") { $0.graph.nodes[0].domain = "com.example" },
        Kept(testDescription: "a parameter of another length") {
            $0.graph.weights["mean"] = Weight("mean", Tensor(vector: [Float(1)]))
        },
        Kept(testDescription: "a negative variance") {
            $0.graph.weights["variance"] = Weight("variance", Tensor(vector: [Float](repeating: -5, count: 4)))
        },
        Kept(testDescription: "an encoded weight") {
            let levels = Tensor(vector: [Int8](repeating: 1, count: 12))
            guard let shape = try? Shape([4, 3, 1]), let shaped = try? levels.reshaped(to: shape) else { return }
            let form = GroupedIntegers(levels: shaped, scales: Tensor(scalar: Float(1)), grouping: .tensor)
            $0.graph.weights["w"] = Weight(name: "w", form: .encoded(form))
        },
    ]

    @Test(arguments: kept) func `keeps normalization where folding is not allowed`(_ one: Kept) throws {
        let (norm, parameters) = try BatchNormFolderTests.normalization("o", "y", channels: 4)
        var model = GraphBench.model(
            [Node("Conv", inputs: ["x", "w"], outputs: ["o"]), norm], inputs: [GraphBench.input("x", [1, 3, 5])],
            outputs: ["y"],
            weights: [try GraphBench.random("w", [4, 3, 1], seed: 1)] + parameters)
        one.change(&model)
        try GraphBench.apply(BatchNormFolder(), to: &model)
        #expect(GraphBench.operations(model.graph).prefix(2) == ["Conv", "BatchNormalization"])
    }

    @Test func `normalization over the second of three axes stays behind a product`() throws {
        let (norm, parameters) = try BatchNormFolderTests.normalization("o", "y", channels: 4)
        var model = GraphBench.model(
            [Node("MatMul", inputs: ["x", "w"], outputs: ["o"]), norm], inputs: [GraphBench.input("x", [1, 4, 3])],
            outputs: ["y"],
            weights: [try GraphBench.random("w", [3, 4], seed: 1)] + parameters)
        try GraphBench.apply(BatchNormFolder(), to: &model)
        #expect(GraphBench.operations(model.graph) == ["MatMul", "BatchNormalization"])
    }
}
