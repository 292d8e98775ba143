import PithFormats
import PithModel
import PithRuntime
import PithTensor
import Testing

@Suite struct ActivationLoweringTests {
    private static let type = ValueType(element: .float32, dimensions: [.fixed(4)])

    /// `a = Relu(x)`, `y = Neg(a)`.
    private func chain(_ formats: [String: ActivationFormat], opset: Int = 13, outputs: [String] = ["y"]) -> Model {
        let graph = Graph(
            nodes: [Node("Relu", inputs: ["x"], outputs: ["a"]), Node("Neg", inputs: ["a"], outputs: ["y"])],
            inputs: [ValueInfo(name: "x", type: ActivationLoweringTests.type)],
            outputs: outputs.map { ValueInfo(name: $0, type: ActivationLoweringTests.type) },
            activationFormats: formats)
        return Model(graph: graph, operatorSets: ["": opset], formatVersion: opset >= 21 ? 10 : 7)
    }

    private func run(_ model: Model, _ output: String = "y") throws -> [Float]? {
        try TestRuntime.outputs(of: model, ["x": Tensor(vector: [-1, 0.3, 0.55, 100] as [Float])])[output]?
            .elements(as: Float.self)
    }

    @Test(.enabled(if: TestRuntime.isPresent, "needs ONNX Runtime"))
    func `a value between nodes is rounded to its levels`() throws {
        let formats = ["a": ActivationFormat(type: .uint8, scale: 0.25, zeroPoint: 0)]
        #expect(try run(chain(formats)) == [0, -0.25, -0.5, -63.75])
        let nodes = try ONNXLowering.lowered(chain(formats)).graph.nodes
        #expect(nodes.map(\.operation) == ["Relu", "QuantizeLinear", "DequantizeLinear", "Neg"])
    }

    @Test(.enabled(if: TestRuntime.isPresent, "needs ONNX Runtime"))
    func `an input is rounded and an output keeps its name`() throws {
        let signed = ActivationFormat(type: .int8, scale: 0.5, zeroPoint: -10)
        #expect(try run(chain(["x": signed, "y": signed])) == [0, -0.5, -0.5, -59])
        let both = chain(["a": ActivationFormat(type: .uint8, scale: 0.5, zeroPoint: 0)], outputs: ["y", "a"])
        #expect(try run(both) == [0, -0.5, -0.5, -100] && run(both, "a") == [0, 0.5, 0.5, 100])
    }

    @Test(.enabled(if: TestRuntime.isPresent, "needs ONNX Runtime"))
    func `sixteen bits need operator set 21`() throws {
        let formats = ["a": ActivationFormat(type: .uint16, scale: 0.125, zeroPoint: 0)]
        #expect(try run(chain(formats, opset: 21)) == [0, -0.25, -0.5, -100])
        let error = #expect(throws: FormatError.self) { try ONNXLowering.lowered(chain(formats, opset: 20)) }
        #expect(error?.code == .unsupported && error?.subject == "a")
    }

    @Test func `operator set 9 has no quantized activations`() {
        let formats = ["a": ActivationFormat(type: .int8, scale: 1, zeroPoint: 0)]
        #expect(throws: FormatError.self) { try ONNXLowering.lowered(chain(formats, opset: 9)) }
    }

    @Test(.enabled(if: TestRuntime.isPresent, "needs ONNX Runtime"))
    func `a nested graph reads the rounded value too`() throws {
        let branch = Graph(
            name: "then", nodes: [Node("Neg", inputs: ["a"], outputs: ["n"])],
            outputs: [ValueInfo(name: "n", type: ActivationLoweringTests.type)])
        var other = branch
        other.nodes = [Node("Abs", inputs: ["a"], outputs: ["m"])]
        other.outputs[0].name = "m"
        var model = chain(["a": ActivationFormat(type: .uint8, scale: 0.25, zeroPoint: 0)])
        model.graph.weights["c"] = Weight("c", try Tensor(type: .bool, shape: .scalar, storage: Storage([1 as UInt8])))
        model.graph.nodes[1] = Node(
            "If", inputs: ["c"], outputs: ["y"],
            attributes: [Attribute("then_branch", .graph(branch)), Attribute("else_branch", .graph(other))])
        #expect(try run(model) == [0, -0.25, -0.5, -63.75])
    }
}
