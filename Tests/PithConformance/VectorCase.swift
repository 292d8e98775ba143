import Foundation
import PithFormats
import PithModel
import PithTensor
import PithTestSupport

/// One case of the ONNX backend test suite: a node, what goes in, and what comes out.
struct VectorCase {
    let node: Node
    let inputs: [Tensor]
    let outputs: [Tensor]

    /// Operators that round, or compute with rounded numbers, by the beginning of their cases' names.
    static let families = [
        "cast_", "quantizelinear", "dequantizelinear", "dynamicquantizelinear", "matmulinteger", "convinteger",
        "qlinearconv", "qlinearmatmul", "lstm_", "gru_", "rnn_", "simple_rnn_",
    ]

    /// The cases of these families that are there, without the `test_` of their folders.
    static let names: [String] = {
        let folders = try? FileManager.default.contentsOfDirectory(atPath: SharedData.url("vectors/onnx-node").path)
        return (folders ?? []).filter { $0.hasPrefix("test_") }.map { String($0.dropFirst(5)) }
            .filter { name in families.contains { name.hasPrefix($0) } }.sorted()
    }()

    /// Those that Pith has arithmetic of its own for.
    static let ours = names.filter { ForeignCases.reasons[$0] == nil }

    /// Reads a case.
    init(named name: String) throws {
        let folder = SharedData.url("vectors/onnx-node/test_\(name)")
        let model = try ONNXReader.read(path: folder.appendingPathComponent("model.onnx").path)
        guard let node = model.graph.nodes.first else { throw CocoaError(.fileReadCorruptFile) }
        self.node = node
        inputs = try VectorCase.tensors(in: folder.appendingPathComponent("test_data_set_0"), "input_")
        outputs = try VectorCase.tensors(in: folder.appendingPathComponent("test_data_set_0"), "output_")
    }

    /// The tensors in the files of a folder, in the order of their numbers.
    private static func tensors(in folder: URL, _ prefix: String) throws -> [Tensor] {
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasPrefix(prefix) }
        return try names.indices.map { number in
            let file = folder.appendingPathComponent("\(prefix)\(number).pb")
            let model = try ONNXReader.read(Storage(wrapped([UInt8](Data(contentsOf: file)))), path: file.path)
            guard let tensor = model.graph.weights.first(where: { _ in true })?.dense else {
                throw CocoaError(.fileReadCorruptFile)
            }
            return tensor
        }
    }

    /// A model whose graph holds nothing but a weight: a `TensorProto` file is the message that a weight is stored as.
    private static func wrapped(_ tensor: [UInt8]) -> [UInt8] {
        func field(_ number: UInt8, _ content: [UInt8]) -> [UInt8] {
            var length = content.count, digits: [UInt8] = []
            while length >= 0x80 {
                digits.append(UInt8(length & 0x7f) | 0x80)
                length >>= 7
            }
            return [number << 3 | 2] + digits + [UInt8(length)] + content
        }
        // Format version 12, a graph of one initializer, operator set 25.
        return [0x08, 12] + field(7, field(5, tensor)) + field(8, [0x10, 25])
    }
}
