import PithCompression
import PithModel
import PithTensor
import PithTestSupport
import Testing

/// Pith's own rounding and decoding against the vectors of the ONNX backend test suite, bit for bit.
@Suite(.enabled(if: SharedData.has("vectors/onnx-node"), "needs the shared data"))
struct NodeConformanceTests {
    @Test(arguments: VectorCase.ours) func `own arithmetic gives the suite's outputs bit for bit`(name: String) throws {
        let item = try VectorCase(named: name)
        let outputs = try #require(try NodeArithmetic(item: item).outputs(), "no arithmetic for \(item.node.operation)")
        #expect(outputs.count == item.outputs.count)
        for (found, expected) in zip(outputs, item.outputs) {
            #expect(found.type == expected.type && found.shape == expected.shape)
            #expect(found.isSame(as: expected), "\(found.floats() ?? []) instead of \(expected.floats() ?? [])")
        }
    }

    @Test func `every case is ours, or named with the reason why not`() {
        let foreign = Set(ForeignCases.reasons.keys)
        #expect(foreign.subtracting(VectorCase.names) == [])
        var counts: [String: [Int]] = [:]
        for family in VectorCase.families {
            let all = VectorCase.names.filter { $0.hasPrefix(family) }
            counts[family] = [all.count, all.count { !foreign.contains($0) }]
        }
        #expect(
            counts == [
                "cast_": [41, 25], "quantizelinear": [13, 7], "dequantizelinear": [14, 9],
                "dynamicquantizelinear": [3, 3], "matmulinteger": [1, 0], "convinteger": [2, 0], "qlinearconv": [1, 0],
                "qlinearmatmul": [8, 0], "lstm_": [4, 0], "gru_": [4, 0], "rnn_": [1, 0], "simple_rnn_": [3, 0],
            ])
        #expect(VectorCase.names.count == 95 && VectorCase.ours.count == 44)
    }

    @Test func `half way between two codes the even one is taken, zero point and all`() {
        // QuantizeLinear rounds before it adds the zero point, so the two differ on ties where that is odd.
        let odd = LevelGrid(scale: 2, zeroPoint: 1, format: LevelFormat(bits: 4, isSymmetric: false))
        #expect([-3, -1, 1, 3, 5].map { odd.code(of: $0) } == [0, 0, 2, 2, 4])
        let even = LevelGrid(scale: 2, zeroPoint: 2, format: LevelFormat(bits: 4, isSymmetric: false))
        #expect([-3, -1, 1, 3, 5].map { even.code(of: $0) } == [0, 2, 2, 4, 4])
    }

    @Test(arguments: VectorCase.ours) func `one flipped bit of an output is noticed`(name: String) throws {
        let expected = try VectorCase(named: name).outputs[0]
        var bytes = expected.storage.withBytes { $0.bytes }
        bytes[0] ^= 1
        let changed = try Tensor(type: expected.type, shape: expected.shape, storage: Storage(bytes))
        #expect(!changed.isSame(as: expected))
    }
}

extension Tensor {
    /// Whether type, shape and bits are equal; NaN is NaN whatever its payload, which ONNX leaves open.
    fileprivate func isSame(as other: Tensor) -> Bool {
        guard self != other else { return true }
        // Of 64 bits, floats would hide the lower half.
        guard type == other.type, shape == other.shape, type.isFloatingPoint, type != .float64, let left = floats(),
            let right = other.floats()
        else { return false }
        return zip(left, right).allSatisfy { $0.isNaN && $1.isNaN || $0.bitPattern == $1.bitPattern }
    }
}
