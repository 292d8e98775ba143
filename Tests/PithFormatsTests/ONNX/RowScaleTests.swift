import PithFormats
import PithModel
import PithRuntime
import PithTensor
import Testing

/// Products that read an activation with a scale for each row.
@Suite struct RowScaleTests {
    /// `a = Relu(x)` or `x`, `y = a w`; `z = Neg(a)` if asked for.
    private func model(
        _ format: ActivationFormat, opset: Int = 13, hasOtherReader: Bool = false, isFormatted: Bool = false
    ) throws -> Model {
        var nodes = [
            Node("Identity", inputs: ["x"], outputs: ["a"]), Node("MatMul", inputs: ["a", "w"], outputs: ["y"]),
        ]
        if hasOtherReader { nodes.append(Node("Neg", inputs: ["a"], outputs: ["z"])) }
        let type = ValueType(element: .float32, dimensions: [.fixed(3), .fixed(2)])
        var formats = ["a": format]
        if isFormatted { formats["y"] = ActivationFormat(type: .uint8, scale: 2, zeroPoint: 128) }
        let outputs = (isFormatted ? ["v"] : ["y"]) + (hasOtherReader ? ["z"] : [])
        if isFormatted { nodes.append(Node("Neg", inputs: ["y"], outputs: ["v"])) }
        let graph = Graph(
            nodes: nodes, inputs: [ValueInfo(name: "x", type: type)],
            outputs: outputs.map { ValueInfo(name: $0, type: type) },
            weights: WeightTable([Weight("w", try Tensor([1, 0, 0, 1] as [Float], shape: Shape([2, 2])))]),
            activationFormats: formats)
        return Model(graph: graph, operatorSets: ["": opset], formatVersion: opset >= 18 ? 9 : 7)
    }

    /// A large row, a small one, and one of zeros.
    private static let rows: [Float] = [100, -33, 0.01, 0.0045, 0, 0]

    private func run(_ model: Model, _ output: String = "y") throws -> [Float] {
        let input = try Tensor(RowScaleTests.rows, shape: Shape([3, 2]))
        return try #require(TestRuntime.outputs(of: model, ["x": input])[output]).elements(as: Float.self)
    }

    private func isNear(_ found: [Float], _ expected: [Float]) -> Bool {
        zip(found, expected).allSatisfy { abs($0 - $1) <= 1e-6 * abs($1) } && found.count == expected.count
    }

    /// `-33 / 100 = -41.91 / 127`, `.45 = 57.15 / 127`.
    @Test(.enabled(if: TestRuntime.isPresent, "needs ONNX Runtime"), arguments: [ScalarType.uint8, .int8], [13, 18])
    func `each row is rounded by its own largest magnitude`(type: ScalarType, opset: Int) throws {
        var format = ActivationFormat(type: type, scale: 1, zeroPoint: 0)
        format.rowReaders = ["y"]
        let found = try run(model(format, opset: opset))
        let expected: [Float] = [100, -4200 / 127, 0.01, 0.57 / 127, 0, 0]
        #expect(isNear(found, expected))
        let nodes = try ONNXLowering.lowered(model(format, opset: opset)).graph.nodes.map(\.operation)
        #expect(
            nodes == [
                "Identity", "Abs", "ReduceMax", "Max", "Div", "QuantizeLinear", "DequantizeLinear", "MatMul", "Mul",
            ])
    }

    @Test(.enabled(if: TestRuntime.isPresent, "needs ONNX Runtime"))
    func `other readers take the value in its own format, and results may have one`() throws {
        var format = ActivationFormat(type: .uint8, scale: 0.5, zeroPoint: 100)
        format.rowReaders = ["y"]
        let other = try run(model(format, hasOtherReader: true), "z")
        #expect(other == [-77.5, 33, 0, 0, 0, 0])
        let rounded = try run(model(format, isFormatted: true), "v")
        #expect(rounded == [-100, 34, 0, 0, 0, 0])
    }
}
