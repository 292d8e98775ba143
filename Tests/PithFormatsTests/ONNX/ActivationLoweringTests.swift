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
    func `readers that compute in float may take the value as it was`() throws {
        let format = ActivationFormat(type: .uint8, scale: 0.25, zeroPoint: 0, exactReaders: ["y"])
        var model = chain(["a": format], outputs: ["y", "z"])
        model.graph.nodes.append(Node("Neg", inputs: ["a"], outputs: ["z"]))
        #expect(try run(model) == [0, -0.3, -0.55, -100] && run(model, "z") == [0, -0.25, -0.5, -63.75])
    }

    @Test(.enabled(if: TestRuntime.isPresent, "needs ONNX Runtime"))
    func `channels last change the way of a value, not the value`() throws {
        let type = ValueType(element: .float32, dimensions: [.fixed(1), .fixed(2), .fixed(2), .fixed(3)])
        let numbers = try Tensor((0..<12).map { Float($0) / 4 }, shape: Shape([1, 2, 2, 3]))
        func lowered(_ prefersChannelsLast: Bool) throws -> (nodes: [String], outputs: [String: Tensor]) {
            let format = ActivationFormat(
                type: .uint8, scale: 0.5, zeroPoint: 0, exactReaders: ["z"], prefersChannelsLast: prefersChannelsLast)
            let graph = Graph(
                nodes: ["Relu", "Neg", "Abs"].enumerated().map {
                    Node($1, inputs: [$0 == 0 ? "x" : "a"], outputs: [["a", "y", "z"][$0]])
                }, inputs: [ValueInfo(name: "x", type: type)],
                outputs: ["y", "z"].map { ValueInfo(name: $0, type: type) }, activationFormats: ["a": format])
            let model = Model(graph: graph, operatorSets: ["": 13], formatVersion: 7)
            let nodes = try ONNXLowering.lowered(model).graph.nodes.map(\.operation)
            return (nodes, try TestRuntime.outputs(of: model, ["x": numbers]))
        }
        let plain = try lowered(false), last = try lowered(true)
        #expect(plain.nodes == ["Relu", "QuantizeLinear", "DequantizeLinear", "Neg", "Abs"])
        #expect(
            last.nodes == [
                "Relu", "Transpose", "Reshape", "Transpose", "QuantizeLinear", "DequantizeLinear", "Neg", "Abs",
            ])
        #expect(plain.outputs == last.outputs && plain.outputs["z"] == numbers)
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
