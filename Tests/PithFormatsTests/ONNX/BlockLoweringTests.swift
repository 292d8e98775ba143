import PithFormats
import PithModel
import PithRuntime
import PithTensor
import Testing

/// Weights of kernels that decode blocks as they go.
@Suite(.enabled(if: TestRuntime.isPresent, "needs ONNX Runtime")) struct BlockLoweringTests {
    /// One kind of levels.
    struct Case: Sendable, CustomTestStringConvertible {
        let bits: Int
        let type: ScalarType
        let size: Int
        let inputs: Int
        var hasZeros = false
        var isTransposed = false
        var testDescription: String {
            "\(bits) bits in \(type.rawValue), blocks of \(size) in \(inputs), zero points \(hasZeros), "
                + "transposed \(isTransposed)"
        }
    }

    static let cases = [
        Case(bits: 8, type: .int8, size: 32, inputs: 96), Case(bits: 8, type: .uint8, size: 16, inputs: 64),
        Case(bits: 8, type: .int8, size: 32, inputs: 80, isTransposed: true),
        Case(bits: 8, type: .int8, size: 64, inputs: 128, hasZeros: true),
        Case(bits: 4, type: .int4, size: 32, inputs: 96), Case(bits: 4, type: .uint4, size: 32, inputs: 96),
        Case(bits: 4, type: .uint4, size: 16, inputs: 80, hasZeros: true),
        Case(bits: 4, type: .int4, size: 128, inputs: 300, hasZeros: true, isTransposed: true),
    ]

    private func weight(_ test: Case, outputs: Int, seed: UInt64) throws -> Weight {
        var generator = SplitMix64(seed: seed)
        let axis = test.isTransposed ? 1 : 0, blocks = (test.inputs + test.size - 1) / test.size
        let shape = try Shape(test.isTransposed ? [outputs, test.inputs] : [test.inputs, outputs])
        let groups = try Shape(test.isTransposed ? [outputs, blocks] : [blocks, outputs])
        let range = try #require(test.type.integerRange)
        func levels(_ shape: Shape, _ range: ClosedRange<Int>) throws -> Tensor {
            try Tensor(
                integers: (0..<shape.count).map { _ in Int.random(in: range, using: &generator) }, as: test.type,
                shape: shape)
        }
        let scales = (0..<groups.count).map { _ in Float.random(in: 0.001...0.01, using: &generator) }
        let form = GroupedIntegers(
            levels: try levels(shape, range), scales: Tensor(scales, shape: groups),
            zeroPoints: test.hasZeros ? try levels(groups, range) : nil, grouping: .block(axis: axis, size: test.size))
        return Weight(name: "w", form: .encoded(form))
    }

    private func model(_ test: Case, _ weight: Weight, _ execution: Weight.Execution) -> Model {
        var weight = weight
        weight.execution = execution
        let node =
            test.isTransposed
            ? Node("Gemm", inputs: ["x", "w", "b"], outputs: ["y"], attributes: [Attribute("transB", .integer(1))])
            : Node("MatMul", inputs: ["x", "w"], outputs: ["y"])
        let bias = Weight("b", Tensor(vector: (0..<24).map { Float($0) }))
        let type = ValueType(element: .float32, dimensions: [.fixed(7), .fixed(test.inputs)])
        let graph = Graph(
            name: "test", nodes: [node], inputs: [ValueInfo(name: "x", type: type)], outputs: [ValueInfo(name: "y")],
            weights: WeightTable([weight] + (test.isTransposed ? [bias] : [])))
        return Model(graph: graph, operatorSets: ["": 13], formatVersion: 8)
    }

    private func run(_ model: Model, _ x: Tensor, _ level: SessionOptions.Optimization) throws -> [Float] {
        var options = SessionOptions()
        options.optimization = level
        let session = try Session(bytes: ONNXWriter.encode(model), name: "blocks", options: options)
        return try #require(try session.run(["x": x])["y"]).elements(as: Float.self)
    }

    @Test(arguments: cases) func `the kernel computes what the folded weight does`(test: Case) throws {
        let weight = try weight(test, outputs: 24, seed: 3)
        var generator = SplitMix64(seed: 4)
        let x = Tensor(
            (0..<7 * test.inputs).map { _ in Float.random(in: -1...1, using: &generator) },
            shape: try Shape([7, test.inputs]))
        for level in [SessionOptions.Optimization.all, .none] {
            let exact = try run(model(test, weight, .folded), x, level)
            let largest = exact.map(abs).max() ?? 0
            let inBlocks = try run(model(test, weight, .blocks), x, level)
            #expect(zip(exact, inBlocks).allSatisfy { abs($0 - $1) <= largest * 1e-5 })
            // Activations of 8 bits err half a step of 1/127 each, and errors do not all point one way.
            let rounded = try run(model(test, weight, .roundedBlocks), x, level)
            let worst = zip(exact, rounded).map { abs($0 - $1) }.max() ?? 0
            #expect(worst <= largest * 0.05, "\(worst / largest) \(level)")
        }
        let node = try #require(
            try ONNXLowering.lowered(model(test, weight, .roundedBlocks)).graph.nodes.first {
                $0.operation == "MatMulNBits"
            })
        #expect(node.domain == "com.microsoft")
        #expect(node.integer("K", default: 0) == test.inputs && node.integer("N", default: 0) == 24)
        #expect(node.integer("bits", default: 0) == test.bits && node.integer("accuracy_level", default: 0) == 4)
    }

    @Test func `what no kernel takes is refused with the reason`() throws {
        let test = Case(bits: 8, type: .int8, size: 32, inputs: 96)
        let weight = try weight(test, outputs: 24, seed: 3)
        let form = try #require(weight.representation as? GroupedIntegers)
        let whole = GroupedIntegers(
            levels: form.levels, scales: Tensor(vector: [Float](repeating: 1, count: 24)), grouping: .channel(axis: 1))
        let error = #expect(throws: FormatError.self) {
            try ONNXWriter.encode(model(test, Weight(name: "w", form: .encoded(whole)), .blocks))
        }
        #expect(error?.code == .unsupported)
        #expect(error?.problem.contains("in blocks of 16 to 256") == true)
        let halves = GroupedIntegers(
            levels: form.levels,
            scales: try Tensor(rounding: form.scales.elements(as: Float.self), to: .float16, shape: form.scales.shape),
            grouping: form.grouping)
        #expect(throws: FormatError.self) {
            try ONNXWriter.encode(model(test, Weight(name: "w", form: .encoded(halves)), .roundedBlocks))
        }
        var other = model(test, weight, .blocks)
        other.graph.nodes[0] = Node("MatMul", inputs: ["w", "x"], outputs: ["y"])
        #expect(throws: FormatError.self) { try ONNXWriter.encode(other) }
    }
}
