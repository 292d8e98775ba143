import PithCompression
import PithModel
import PithTensor
import Testing

struct ShapeInferenceTests {
    /// One operator on fixed or symbolic lengths, with the lengths of its results written as text.
    struct Case: Sendable, CustomTestStringConvertible {
        var node: Node
        var inputs: [[Int]]
        var expected: [String]
        var constants: [Weight] = []
        var opset = 13
        var testDescription: String { "\(node.operation) \(inputs) -> \(expected)" }
    }

    private static func node(
        _ operation: String, _ extra: [String] = [], outputs: Int = 1, _ attributes: [Attribute] = []
    ) -> Node {
        Node(operation, inputs: ["x"] + extra, outputs: (0..<outputs).map { "y\($0)" }, attributes: attributes)
    }

    private static func ints(_ name: String, _ values: [Int64]) -> Attribute { Attribute(name, .integers(values)) }

    private static func list(_ name: String, _ values: [Int64]) -> Weight { GraphBench.integers(name, values) }

    static let cases: [Case] = [
        Case(node: node("Relu"), inputs: [[-1, 3]], expected: ["x:0,3"]),
        Case(node: node("Add", ["b"]), inputs: [[-1, 1, 4], [5, 1]], expected: ["x:0,5,4"]),
        Case(
            node: node("Conv", ["w"], [ints("strides", [2, 2]), ints("pads", [1, 1, 1, 1])]),
            inputs: [[-1, 3, 32, 33], [8, 3, 3, 3]],
            expected: ["x:0,8,16,17"]),
        Case(
            node: node("Conv", ["w"], [Attribute("auto_pad", .text("SAME_UPPER")), ints("strides", [2])]),
            inputs: [[1, 3, 31], [8, 3, 4]], expected: ["1,8,16"]),
        Case(
            node: node("ConvTranspose", ["w"], [ints("strides", [2, 2]), Attribute("group", .integer(2))]),
            inputs: [[1, 4, 5, 5], [4, 3, 3, 3]], expected: ["1,6,11,11"]),
        Case(
            node: node("MaxPool", [], [ints("kernel_shape", [2, 2]), ints("strides", [2, 2])]), inputs: [[1, 3, 9, 8]],
            expected: ["1,3,4,4"]),
        Case(
            node: node(
                "MaxPool", [], [ints("kernel_shape", [2]), ints("strides", [2]), Attribute("ceil_mode", .integer(1))]),
            inputs: [[1, 3, 9]], expected: ["1,3,y0:0:2"]),
        Case(
            node: node("Gemm", ["w"], [Attribute("transB", .integer(1))]), inputs: [[-1, 4], [7, 4]],
            expected: ["x:0,7"]),
        Case(node: node("MatMul", ["w"]), inputs: [[-1, -2, 6, 4], [4, 7]], expected: ["x:0,x:1,6,7"]),
        Case(
            node: node("Reshape", ["s"]), inputs: [[-1, 4, 6]], expected: ["x:0,8,3"],
            constants: [list("s", [0, -1, 3])]),
        Case(node: node("Reshape", ["s"]), inputs: [[-1, 4, 6]], expected: ["24*x:0"], constants: [list("s", [-1])]),
        Case(node: node("Flatten"), inputs: [[-1, 4, 6]], expected: ["x:0,24"]),
        Case(node: node("Squeeze", [], [ints("axes", [1])]), inputs: [[-1, 1, 6]], expected: ["x:0,6"], opset: 11),
        Case(node: node("Squeeze", ["a"]), inputs: [[-1, 1, 6]], expected: ["x:0,6"], constants: [list("a", [-2])]),
        Case(
            node: node("Unsqueeze", ["a"]), inputs: [[-1, 6]], expected: ["1,x:0,6,1"], constants: [list("a", [0, -1])]),
        Case(node: node("Transpose", [], [ints("perm", [2, 0, 1])]), inputs: [[-1, 2, 3]], expected: ["3,x:0,2"]),
        Case(
            node: node("Concat", ["b"], [Attribute("axis", .integer(-1))]), inputs: [[-1, 2], [-1, 3]],
            expected: ["x:0,5"]),
        Case(
            node: node("Slice", ["s", "e", "a", "t"]), inputs: [[10, 9]], expected: ["5,9"],
            constants: [list("s", [8]), list("e", [-12]), list("a", [0]), list("t", [-2])]),
        Case(
            node: node("Slice", [], [ints("starts", [1]), ints("ends", [1 << 40]), ints("axes", [1])]),
            inputs: [[-1, 9]],
            expected: ["x:0,8"], opset: 9),
        Case(
            node: node("Split", outputs: 2, [ints("split", [2, 3])]), inputs: [[5, 2]], expected: ["2,2", "3,2"],
            opset: 11),
        Case(
            node: node("Pad", ["p"]), inputs: [[-1, 3]], expected: ["x:0 + 1,5"], constants: [list("p", [1, 0, 0, 2])]),
        Case(
            node: node("ReduceMean", [], [ints("axes", [-1]), Attribute("keepdims", .integer(0))]), inputs: [[-1, 3]],
            expected: ["x:0"]),
        Case(node: node("ReduceSum", ["a"]), inputs: [[-1, 3]], expected: ["1,3"], constants: [list("a", [0])]),
        Case(node: node("Gather", ["i"]), inputs: [[7, -1]], expected: ["2,x:1"], constants: [list("i", [0, 1])]),
        Case(
            node: Node("LSTM", inputs: ["x", "w", "r"], outputs: ["y0", "y1", "y2"]),
            inputs: [[-1, 2, 5], [1, 16, 5], [1, 16, 4]],
            expected: ["x:0,1,2,4", "1,2,4", "1,2,4"]),
        Case(
            node: node("Resize", ["", "s"]), inputs: [[1, 3, 5, 5]], expected: ["1,3,10,7"],
            constants: [Weight("s", Tensor(vector: [Float(1), 1, 2, 1.5]))]),
    ]

    @Test(arguments: cases) func `an operator's lengths follow from its inputs`(_ one: Case) {
        let names =
            ["x"]
            + one.node.inputs.dropFirst().filter { name in !name.isEmpty && !one.constants.contains { $0.name == name }
            }
        let inputs = zip(names, one.inputs).map { GraphBench.input($0, $1) }
        let outputs = one.node.outputs
        let model = GraphBench.model(
            [one.node], inputs: inputs, outputs: outputs, weights: one.constants, opset: one.opset)
        let facts = ShapeInference(scope: GraphScope(of: model)).facts(of: model.graph)
        for (name, expected) in zip(outputs, one.expected) {
            #expect(facts[name]?.dimensions?.map(\.description).joined(separator: ",") == expected)
        }
    }

    @Test func `a computed shape is followed number by number`() {
        let nodes = [
            Node("Shape", inputs: ["x"], outputs: ["s"]),
            Node("Gather", inputs: ["s", "zero"], outputs: ["batch"]),
            Node("Unsqueeze", inputs: ["batch", "axis"], outputs: ["b"]),
            Node("Gather", inputs: ["s", "two"], outputs: ["width"]),
            Node("Div", inputs: ["width", "two"], outputs: ["half"]),
            Node("Unsqueeze", inputs: ["half", "axis"], outputs: ["h"]),
            Node("Concat", inputs: ["b", "rest", "h"], outputs: ["t"], attributes: [Attribute("axis", .integer(0))]),
        ]
        let model = GraphBench.model(
            nodes, inputs: [GraphBench.input("x", [-1, 4, 10])], outputs: ["t"],
            weights: [
                Weight("zero", Tensor(scalar: Int64(0))), Weight("two", Tensor(scalar: Int64(2))),
                GraphBench.integers("axis", [0]), GraphBench.integers("rest", [-1]),
            ])
        let facts = ShapeInference(scope: GraphScope(of: model)).facts(of: model.graph)
        #expect(facts["t"]?.content?.map { $0?.description ?? "?" } == ["x:0", "-1", "5"])
    }

    @Test func `lengths that inputs of a loop body state are not believed`() {
        let body = Graph(
            nodes: [Node("Shape", inputs: ["v"], outputs: ["s"]), Node("Identity", inputs: ["go"], outputs: ["stay"])],
            inputs: [GraphBench.input("i", [], .int64), GraphBench.input("go", [], .bool), GraphBench.input("v", [3])],
            outputs: [ValueInfo(name: "stay"), ValueInfo(name: "s")])
        let outer = GraphBench.model([], outputs: [])
        let scope = GraphScope(of: outer).nested(body, step: "Loop_0.body", in: outer.graph, facts: [:])
        let facts = ShapeInference(scope: scope).facts(of: body)
        #expect(facts["s"]?.fixedContent == nil)
        #expect(facts["v"]?.element == .float32)
    }

    @Test func `hostile lengths and settings give no answer and no crash`() {
        let weights = [
            GraphBench.integers("huge", [Int64.max, Int64.max]), GraphBench.integers("low", [Int64.min, Int64.min]),
            GraphBench.integers("zero", [0, 0]),
        ]
        let nodes = [
            Node("Reshape", inputs: ["x", "huge"], outputs: ["a"]),
            Node("Expand", inputs: ["x", "low"], outputs: ["b"]),
            Node("Slice", inputs: ["x", "low", "huge", "zero", "low"], outputs: ["c"]),
            Node("Pad", inputs: ["x", "huge"], outputs: ["d"]), Node("Tile", inputs: ["x", "huge"], outputs: ["e"]),
            Node("ConstantOfShape", inputs: ["huge"], outputs: ["f"]), Node("Flatten", inputs: [], outputs: ["g"]),
            Node("Gather", inputs: ["x"], outputs: ["h"], attributes: [Attribute("axis", .integer(Int64.min))]),
            Node(
                "Conv", inputs: ["x", "x"], outputs: ["i"],
                attributes: [Attribute("pads", .integers([Int64.max, 1])), Attribute("strides", .integers([0]))]),
            Node("Split", inputs: ["x"], outputs: ["j", "k"]), Node("Concat", inputs: [], outputs: ["l"]),
            Node(
                "GatherND", inputs: ["x", "low"], outputs: ["m"],
                attributes: [Attribute("batch_dims", .integer(Int64.max))]),
            Node("Range", inputs: ["low", "huge", "zero"], outputs: ["n"]), Node("LSTM", inputs: [], outputs: []),
        ]
        let model = GraphBench.model(
            nodes, inputs: [GraphBench.input("x", [Int.max, 7])], outputs: ["a"], weights: weights)
        let facts = ShapeInference(scope: GraphScope(of: model)).facts(of: model.graph)
        #expect(facts["f"]?.byteCount == nil)
        #expect(facts["c"]?.fixedLengths == nil)
    }
}
