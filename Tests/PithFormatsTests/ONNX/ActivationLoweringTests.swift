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

    /// A layer in float behind a rounded value.
    struct FloatCase: Sendable {
        let operation: String
        let input: [Int], weight: [Int]
        var opset = 13
        var groups = 1
        var isTransposed = false
        /// The channels that its scales are written for; nil: one scale.
        var channels: Int?

        /// `a = Relu(x)`, `y = operation(a, w)`, `z = Neg(a)`; the weight has a few large numbers.
        func model() throws -> Model {
            let shape = try Shape(weight)
            let numbers = (0..<shape.count).map { index -> Float in
                let level = Float((index * 37) % 101)
                return index % 7 == 0 ? level / 50 : level / 5000
            }
            let type = ValueType(element: .float32, dimensions: input.map { .fixed($0) })
            var attributes = groups > 1 ? [Attribute("group", .integer(Int64(groups)))] : []
            if isTransposed { attributes.append(Attribute("transB", .integer(1))) }
            let nodes = [
                Node("Relu", inputs: ["x"], outputs: ["a"]),
                Node(operation, inputs: ["a", "w"], outputs: ["y"], attributes: attributes),
                Node("Neg", inputs: ["a"], outputs: ["z"]),
            ]
            var graph = Graph(
                nodes: nodes, inputs: [ValueInfo(name: "x", type: type)],
                outputs: ["y", "z"].map { ValueInfo(name: $0, type: ValueType(element: .float32, dimensions: nil)) },
                activationFormats: [
                    // A runtime rounds weights by itself where the layer's result is rounded too.
                    "a": ActivationFormat(type: .uint8, scale: 0.25, zeroPoint: 0),
                    "y": ActivationFormat(type: .int8, scale: 0.03125, zeroPoint: 0),
                ])
            graph.weights["w"] = Weight("w", Tensor(numbers, shape: shape))
            return Model(graph: graph, operatorSets: ["": opset], formatVersion: 7)
        }
    }

    @Test(
        .enabled(if: TestRuntime.isPresent, "needs ONNX Runtime"),
        arguments: [
            FloatCase(operation: "Conv", input: [1, 2, 3, 3], weight: [4, 2, 3, 3], channels: 2),
            FloatCase(operation: "Conv", input: [1, 1, 3, 3], weight: [4, 1, 3, 3]),
            FloatCase(operation: "ConvTranspose", input: [1, 3, 3, 3], weight: [3, 2, 2, 2], channels: 3),
            FloatCase(operation: "Gemm", input: [2, 5], weight: [5, 4], channels: 5),
            FloatCase(operation: "Conv", input: [1, 2, 3, 3], weight: [4, 1, 3, 3], groups: 2, channels: 2),
            FloatCase(operation: "Gemm", input: [2, 5], weight: [4, 5], isTransposed: true, channels: 5),
            FloatCase(operation: "Conv", input: [1, 2, 3, 3], weight: [4, 2, 3, 3], opset: 12),
            FloatCase(operation: "MatMul", input: [2, 5], weight: [5, 4]),
        ])
    func `layers in float read rounded values with a scale for each channel, so no runtime rounds their weights`(
        layer: FloatCase
    ) throws {
        let model = try layer.model(), operation = layer.operation, channels = layer.channels
        let lowered = try ONNXLowering.lowered(model).graph
        let pairs = lowered.nodes.filter { $0.operation == "DequantizeLinear" }
        let own = pairs.first { $0.inputs[0] == "a_q" && lowered.weights[$0.inputs[1]]?.shape.rank == 1 }
        #expect(own?.integer("axis", default: -1) == channels.map { _ in 1 })
        #expect(own.flatMap { lowered.weights[$0.inputs[1]]?.shape.dimensions } == channels.map { [$0] })
        #expect(lowered.nodes.first { $0.operation == operation }?.inputs.first == (own ?? pairs[0]).outputs[0])
        #expect(lowered.nodes.last?.inputs == [pairs[0].outputs[0]])
        // The runtime computes what the rounded value gives in float.
        let shape = try Shape(layer.input), x = Tensor((0..<shape.count).map { Float($0 % 5) / 4 }, shape: shape)
        var plain = model
        plain.graph.activationFormats["a"] = nil
        let expected = try TestRuntime.outputs(of: plain, ["x": x]), got = try TestRuntime.outputs(of: model, ["x": x])
        if channels != nil { #expect(got["y"] == expected["y"]) }
        #expect(got["z"] == expected["z"])
    }

    /// A group count and a shape that no model has: nothing may be allocated by them.
    @Test(arguments: [([4, 1, 3, 3], 1 << 40), ([4, 1 << 62, 0, 1], 2), ([4, 2, 3, 3], 0), ([4, 2, 3, 3], -1)])
    func `layers whose shapes make no sense keep one scale`(weight: [Int], groups: Int) throws {
        var graph = Graph(
            nodes: [
                Node("Relu", inputs: ["x"], outputs: ["a"]),
                Node(
                    "Conv", inputs: ["a", "w"], outputs: ["y"],
                    attributes: [Attribute("group", .integer(Int64(groups)))]),
            ], inputs: [ValueInfo(name: "x", type: ActivationLoweringTests.type)],
            outputs: [ValueInfo(name: "y", type: ActivationLoweringTests.type)],
            activationFormats: ["a": ActivationFormat(type: .uint8, scale: 0.25, zeroPoint: 0)])
        guard let shape = try? Shape(weight) else { return }
        graph.weights["w"] = Weight("w", Tensor([Float](repeating: 1, count: shape.count), shape: shape))
        let lowered = try ONNXLowering.lowered(Model(graph: graph, operatorSets: ["": 13], formatVersion: 7)).graph
        #expect(lowered.nodes.count { $0.operation == "DequantizeLinear" } == 1)
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
