import Foundation
import PithFormats
import PithModel
import PithRuntime
import PithTensor
import PithTestSupport
import Testing

/// The operator cases of the ONNX backend test suite: read, written, run, and compared with the suite's outputs.
@Suite(.enabled(if: SharedData.has("vectors/onnx-node"), "needs the shared data"))
struct NodeVectorTests {
    static let cases: [String] = {
        let names = try? FileManager.default.contentsOfDirectory(atPath: SharedData.url("vectors/onnx-node").path)
        return (names ?? []).filter { $0.hasPrefix("test_") }.sorted()
    }()

    /// Cases that ONNX Runtime 1.31 does not run or answers otherwise than the suite, with the reason.
    static let unsupported: [String: String] = [
        "test_cast_FLOAT16_to_FLOAT4E2M1": "its Cast has no float4e2m1",
        "test_dequantizelinear_float4e2m1": "its DequantizeLinear has no float4e2m1",
        "test_quantizelinear_float4e2m1": "its QuantizeLinear has no float4e2m1",
        "test_convinteger_with_padding": "its ConvInteger takes one zero point for all weights",
        "test_gru_batchwise": "its GRU has no layout 1",
        "test_lstm_batchwise": "its LSTM has no layout 1",
        "test_simple_rnn_batchwise": "its RNN has no layout 1",
    ]

    @Test func `every case is read and written without a change`() throws {
        #expect(NodeVectorTests.cases.count == 289)
        for name in NodeVectorTests.cases {
            let path = SharedData.url("vectors/onnx-node/\(name)/model.onnx").path
            let first = try ONNXWriter.encode(try ONNXReader.read(path: path))
            #expect(try ONNXWriter.encode(try ONNXReader.read(Storage(first), path: name)) == first, "\(name)")
        }
    }

    @Test(.enabled(if: TestRuntime.isReference, "needs ONNX Runtime 1.31"))
    func `every case that ONNX Runtime supports gives the suite's outputs after reading and writing`() throws {
        var failed: [String: String] = [:]
        for name in NodeVectorTests.cases {
            do {
                if let difference = try difference(in: name) { failed[name] = difference }
            } catch {
                failed[name] = "\(error)"
            }
        }
        for name in failed.keys.sorted() where NodeVectorTests.unsupported[name] == nil {
            Issue.record("\(name): \(failed[name] ?? "")")
        }
        for name in NodeVectorTests.unsupported.keys.sorted() where failed[name] == nil {
            Issue.record("\(name) is listed as unsupported and passes.")
        }
    }

    @Test(.enabled(if: TestRuntime.isReference, "needs ONNX Runtime 1.31"))
    func `a case that fails after writing fails in the original file too`() throws {
        for name in NodeVectorTests.unsupported.keys {
            let path = SharedData.url("vectors/onnx-node/\(name)/model.onnx").path
            let outcome = Result { try difference(in: name, run: Session(path: path)) }
            if case .success(nil) = outcome { Issue.record("\(name) passes as it is.") }
        }
    }

    /// What is wrong with the outputs of a case; nil when they are those of the suite.
    private func difference(in name: String) throws -> String? {
        let model = try ONNXReader.read(path: SharedData.url("vectors/onnx-node/\(name)/model.onnx").path)
        return try difference(in: name, run: Session(bytes: ONNXWriter.encode(model), name: name))
    }

    private func difference(in name: String, run session: Session) throws -> String? {
        let data = SharedData.url("vectors/onnx-node/\(name)/test_data_set_0")
        var inputs: [String: Tensor] = [:]
        for (index, port) in session.inputs.enumerated() {
            inputs[port.name] = try tensor(in: data.appendingPathComponent("input_\(index).pb"))
        }
        let outputs = try session.run(inputs)
        for (index, port) in session.outputs.enumerated() {
            let file = data.appendingPathComponent("output_\(index).pb")
            guard let found = outputs[port.name] else { return "\(port.name) is missing" }
            if let difference = found.difference(from: try tensor(in: file)) { return "\(port.name): \(difference)" }
        }
        return nil
    }

    /// The tensor in a TensorProto file: the same message is a weight of a model.
    private func tensor(in file: URL) throws -> Tensor {
        let model = HandmadeModel.holding([UInt8](try Data(contentsOf: file)))
        return try #require(try model.read().graph.weights.first { _ in true }?.dense)
    }
}

extension Tensor {
    /// What differs from `expected` beyond the suite's tolerance (relative 1e-3, absolute 1e-7), nil when nothing does.
    func difference(from expected: Tensor) -> String? {
        guard type == expected.type, shape == expected.shape else {
            return "\(type) \(shape) instead of \(expected.type) \(expected.shape)"
        }
        guard type.isFloatingPoint, let values = floats(), let wanted = expected.floats() else {
            return self == expected ? nil : "other elements"
        }
        for (index, (value, want)) in zip(values, wanted).enumerated() {
            let isClose = value == want || value.isNaN && want.isNaN || abs(value - want) <= 1e-7 + 1e-3 * abs(want)
            if !isClose { return "element \(index) is \(value) instead of \(want)" }
        }
        return nil
    }
}
