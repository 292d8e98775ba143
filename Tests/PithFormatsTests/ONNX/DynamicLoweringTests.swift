import PithFormats
import PithModel
import PithRuntime
import PithTensor
import Testing

/// Weights of kernels that round their activations at run time.
@Suite struct DynamicLoweringTests {
    /// Seeded levels of seven bits, which overflow on no processor, with a scale for each index of `axis`.
    private func weight(_ name: String, _ lengths: [Int], axis: Int, seed: UInt64) throws -> Weight {
        var generator = SplitMix64(seed: seed)
        let shape = try Shape(lengths)
        let levels = (0..<shape.count).map { _ in Int8.random(in: -63...63, using: &generator) }
        let scales = (0..<lengths[axis]).map { _ in Float.random(in: 0.001...0.01, using: &generator) }
        var weight = Weight(
            name: name,
            form: .encoded(
                GroupedIntegers(
                    levels: Tensor(levels, shape: shape), scales: Tensor(vector: scales),
                    grouping: .channel(axis: axis))))
        weight.execution = .dynamic
        return weight
    }

    private func floats(_ lengths: [Int], seed: UInt64) throws -> Tensor {
        var generator = SplitMix64(seed: seed)
        let shape = try Shape(lengths)
        return Tensor((0..<shape.count).map { _ in Float.random(in: -2...3, using: &generator) }, shape: shape)
    }

    private func model(
        _ nodes: [Node], _ weights: [Weight], inputs: [(name: String, lengths: [Int])] = [("x", [5, 16])],
        outputs: [String] = ["y"], opset: Int = 13
    ) -> Model {
        func info(_ name: String, _ lengths: [Int]) -> ValueInfo {
            ValueInfo(name: name, type: ValueType(element: .float32, dimensions: lengths.map { .fixed($0) }))
        }
        let graph = Graph(
            name: "test", nodes: nodes, inputs: inputs.map { info($0.name, $0.lengths) },
            outputs: outputs.map { ValueInfo(name: $0) }, weights: WeightTable(weights))
        return Model(graph: graph, operatorSets: ["": opset], formatVersion: 8)
    }

    private func run(_ model: Model, _ inputs: [String: Tensor]) throws -> [String: Tensor] {
        var options = SessionOptions()
        options.optimization = .none
        return try Session(bytes: ONNXWriter.encode(model), name: "dynamic", options: options).run(inputs)
    }

    /// The product of a rounded activation `[rows, inputs]` with integer weights, in plain arithmetic: what
    /// `DynamicQuantizeLinear`, `MatMulInteger`, `Cast` and `Mul` of the ONNX specification say.
    private func product(_ x: [Float], _ levels: (_ input: Int, _ output: Int) -> Int, _ scales: [Float]) -> [Float] {
        let low = min(x.min() ?? 0, 0), high = max(x.max() ?? 0, 0), step = (high - low) / 255
        let zero = Int(min(max((-low / step).rounded(.toNearestOrEven), 0), 255))
        let rounded = x.map { min(max(Int(($0 / step).rounded(.toNearestOrEven)) + zero, 0), 255) }
        let inputs = 16, rows = x.count / inputs
        return (0..<rows * scales.count).map { place in
            let row = place / scales.count, output = place % scales.count
            let sum = (0..<inputs).reduce(0) { $0 + (rounded[row * inputs + $1] - zero) * levels($1, output) }
            return Float(sum) * (step * scales[output])
        }
    }

    @Test(.enabled(if: TestRuntime.isPresent, "needs ONNX Runtime"))
    func `a product equals plain integer arithmetic, bit for bit`() throws {
        let weight = try weight("w", [16, 8], axis: 1, seed: 1), x = try floats([5, 16], seed: 2)
        let form = try #require(weight.representation as? GroupedIntegers)
        let levels = form.levels.elements(as: Int8.self)
        let y = try run(model([Node("MatMul", inputs: ["x", "w"], outputs: ["y"])], [weight]), ["x": x])
        let expected = product(
            x.elements(as: Float.self), { Int(levels[$0 * 8 + $1]) }, form.scales.elements(as: Float.self))
        #expect(y["y"]?.elements(as: Float.self) == expected)
    }

    @Test(.enabled(if: TestRuntime.isPresent, "needs ONNX Runtime"))
    func `a Gemm with its weight transposed and a bias does too`() throws {
        let weight = try weight("w", [8, 16], axis: 0, seed: 3), x = try floats([5, 16], seed: 4)
        let form = try #require(weight.representation as? GroupedIntegers)
        let levels = form.levels.elements(as: Int8.self), bias = try floats([8], seed: 5)
        let node = Node(
            "Gemm", inputs: ["x", "w", "b"], outputs: ["y"], attributes: [Attribute("transB", .integer(1))])
        let y = try run(model([node], [weight, Weight("b", bias)]), ["x": x])
        let plain = product(
            x.elements(as: Float.self), { Int(levels[$1 * 16 + $0]) }, form.scales.elements(as: Float.self))
        let added = bias.elements(as: Float.self)
        #expect(y["y"]?.elements(as: Float.self) == plain.enumerated().map { $1 + added[$0 % 8] })
    }

    @Test func `an activation that three products read is rounded once`() throws {
        let weights = try (0..<3).map { try weight("w\($0)", [16, 8], axis: 1, seed: UInt64($0)) }
        let nodes = (0..<3).map { Node("MatMul", inputs: ["x", "w\($0)"], outputs: ["y\($0)"]) }
        let lowered = try ONNXLowering.lowered(model(nodes, weights, outputs: ["y0", "y1", "y2"]))
        let operations = lowered.graph.nodes.map(\.operation)
        #expect(operations.count { $0 == "DynamicQuantizeLinear" } == 1)
        #expect(operations.count { $0 == "MatMulInteger" } == 3)
        #expect(lowered.graph.weights["w0"] == nil)
        #expect(lowered.operatorSets["com.microsoft"] == nil)
    }

    /// `If` whose branches run an LSTM over `x [3, 1, 16]` with weights of the graph around them.
    private func nested() throws -> Model {
        let lstm = Node(
            "LSTM", inputs: ["x", "w", "r"], outputs: ["h"], attributes: [Attribute("hidden_size", .integer(8))])
        let branch = Graph(name: "branch", nodes: [lstm], outputs: [ValueInfo(name: "h")])
        var other = branch
        other.nodes[0].outputs = ["g"]
        other.outputs = [ValueInfo(name: "g")]
        let choice = Node(
            "If", inputs: ["yes"], outputs: ["y"],
            attributes: [Attribute("then_branch", .graph(branch)), Attribute("else_branch", .graph(other))])
        let weights = [
            try weight("w", [1, 32, 16], axis: 1, seed: 6), try weight("r", [1, 32, 8], axis: 1, seed: 7),
        ]
        let truth = Weight("yes", try Tensor(type: .bool, shape: .scalar, storage: Storage([UInt8(1)])))
        return model([choice], weights + [truth], inputs: [("x", [3, 1, 16])])
    }

    @Test(.enabled(if: TestRuntime.isPresent, "needs ONNX Runtime"))
    func `an LSTM in a branch takes integers from the graph around it`() throws {
        let model = try nested(), lowered = try ONNXLowering.lowered(model)
        let branches = lowered.graph.nodes[0].nestedGraphs
        #expect(branches.allSatisfy { $0.nodes.map(\.operation) == ["DynamicQuantizeLSTM"] && $0.weights.isEmpty })
        #expect(branches[0].nodes[0].inputs == branches[1].nodes[0].inputs)
        #expect(branches[0].nodes[0].inputs.count == 12)
        #expect(lowered.operatorSets["com.microsoft"] == 1)
        var folded = model
        for name in ["w", "r"] { folded.graph.weights[name]?.execution = .folded }
        let x = try floats([3, 1, 16], seed: 8)
        let exact = try #require(try run(folded, ["x": x])["y"]?.floats())
        let found = try #require(try run(model, ["x": x])["y"]?.floats())
        let noise = zip(exact, found).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        #expect(noise > 0)
        #expect(noise < 1e-3 * exact.reduce(0) { $0 + $1 * $1 })
    }

    /// What is refused, with a word of the reason.
    struct Refusal: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let node: Node
        var lengths = [16, 16]
        var axis = 1
        var opset = 13
        let word: String

        static let all = [
            Refusal(
                testDescription: "another operator", node: Node("Tanh", inputs: ["w"], outputs: ["y"]),
                word: "no kernel"),
            Refusal(
                testDescription: "the first factor", node: Node("MatMul", inputs: ["w", "x"], outputs: ["y"]),
                word: "no kernel"),
            Refusal(
                testDescription: "scales along the wrong axis",
                node: Node("MatMul", inputs: ["x", "w"], outputs: ["y"]), axis: 0, word: "no kernel"),
            Refusal(
                testDescription: "an old operator set", node: Node("MatMul", inputs: ["x", "w"], outputs: ["y"]),
                opset: 10, word: "operator set 11"),
            Refusal(
                testDescription: "three axes in a product", node: Node("MatMul", inputs: ["x", "w"], outputs: ["y"]),
                lengths: [1, 16, 16], word: "no kernel"),
        ]
    }

    @Test(arguments: Refusal.all) func `what no kernel takes is refused by name`(refusal: Refusal) throws {
        let weight = try weight("w", refusal.lengths, axis: refusal.axis, seed: 1)
        let error = #expect(throws: FormatError.self) {
            try ONNXLowering.lowered(model([refusal.node], [weight], inputs: [("x", [16, 16])], opset: refusal.opset))
        }
        #expect(error?.code == .unsupported)
        #expect(error?.subject == "w")
        #expect(error?.problem.contains(refusal.word) == true)
    }

    @Test func `a weight that is an output, and one with zero points, are refused`() throws {
        let plain = try weight("w", [16, 8], axis: 1, seed: 1)
        let node = Node("MatMul", inputs: ["x", "w"], outputs: ["y"])
        #expect(throws: FormatError.self) { try ONNXLowering.lowered(model([node], [plain], outputs: ["y", "w"])) }
        let form = try #require(plain.representation as? GroupedIntegers)
        var shifted = plain
        shifted.form = .encoded(
            GroupedIntegers(
                levels: form.levels, scales: form.scales,
                zeroPoints: Tensor([Int8](repeating: 1, count: 8), shape: .vector(8)), grouping: form.grouping))
        let error = #expect(throws: FormatError.self) { try ONNXLowering.lowered(model([node], [shifted])) }
        #expect(error?.problem.contains("zero points") == true)
    }
}
