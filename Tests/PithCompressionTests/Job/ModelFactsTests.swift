import PithCompression
import PithModel
import PithTensor
import Testing

@Suite struct ModelFactsTests {
    private func integers(_ name: String, _ lengths: [Int], _ type: ScalarType) throws -> Weight {
        let shape = try Shape(lengths)
        return Weight(name, try Tensor(integers: [Int](repeating: 1, count: shape.count), as: type, shape: shape))
    }

    @Test func `integers that operators read as weights are parameters, zero points and shapes are not`() throws {
        let model = GraphBench.model(
            [
                Node("DequantizeLinear", inputs: ["w", "s", "z"], outputs: ["d"]),
                Node("MatMul", inputs: ["x", "d"], outputs: ["a"]),
                Node("Reshape", inputs: ["a", "shape"], outputs: ["y"]),
            ], inputs: [GraphBench.input("x", [-1, 8])], outputs: ["y"],
            weights: [
                try integers("w", [8, 4], .int8), Weight("s", Tensor(scalar: Float(0.5))), try integers("z", [], .int8),
                GraphBench.integers("shape", [2, 2]),
            ])
        #expect(ModelFacts(model).parameterCount == 32 + 1)
    }

    @Test(arguments: [(4, ScalarType.uint8, 2), (8, .uint8, 1), (2, .uint8, 4)])
    func `levels that share a byte count each`(bits: Int, type: ScalarType, levels: Int) throws {
        let model = GraphBench.model(
            [
                Node(
                    "MatMulNBits", inputs: ["x", "w", "s"], outputs: ["y"],
                    attributes: [Attribute("bits", .integer(Int64(bits)))], domain: "com.microsoft")
            ], inputs: [GraphBench.input("x", [-1, 32])], outputs: ["y"],
            weights: [try integers("w", [6, 1, 16], type), try GraphBench.random("s", [6], seed: 1)])
        #expect(ModelFacts(model).parameterCount == 96 * levels + 6)
    }

    @Test(arguments: [("QLinearConv", 3), ("QLinearMatMul", 3), ("ConvInteger", 1), ("MatMulInteger", 1)])
    func `weights of integer kernels are parameters`(operation: String, place: Int) throws {
        let inputs = (0...place).map { $0 == place ? "w" : "in\($0)" }
        let model = GraphBench.model(
            [Node(operation, inputs: inputs, outputs: ["y"])], inputs: [], outputs: ["y"],
            weights: [try integers("w", [5, 7], .uint8)])
        #expect(ModelFacts(model).parameterCount == 35)
    }
}
