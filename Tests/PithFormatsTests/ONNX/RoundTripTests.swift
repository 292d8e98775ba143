import Foundation
import PithFormats
import PithModel
import PithRuntime
import PithTensor
import PithTestSupport
import Testing

@Suite(.enabled(if: SharedData.isPresent, "needs the shared data"))
struct RoundTripTests {
    static let models: [String] = {
        let names = try? FileManager.default.contentsOfDirectory(atPath: SharedData.url("models").path)
        return (names ?? []).filter { $0.hasSuffix(".onnx") }.sorted()
    }()

    @Test func `there are models to read`() { #expect(RoundTripTests.models.count >= 19) }

    @Test(arguments: models) func `writing what was read gives a file that reads and writes the same`(_ name: String)
        throws
    {
        let model = try ONNXReader.read(path: SharedData.url("models/\(name)").path)
        let first = try ONNXWriter.encode(model)
        let again = try ONNXReader.read(Storage(first), path: name)
        #expect(try ONNXWriter.encode(again) == first)
        #expect(RoundTripTests.weights(of: model) == RoundTripTests.weights(of: again))
        #expect(again.operatorSets == model.operatorSets && again.metadata == model.metadata)
        #expect(again.producer == model.producer && again.formatVersion == model.formatVersion)
    }

    @Test(.enabled(if: TestRuntime.isPresent, "needs ONNX Runtime"), arguments: models)
    func `outputs of the written file are bit-identical in ONNX Runtime`(_ name: String) throws {
        let path = SharedData.url("models/\(name)").path, scratch = try ScratchFolder()
        let written = scratch.path(name)
        try ONNXWriter.write(try ONNXReader.read(path: path), to: written)
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.url.path) == [name])
        let original = try Session(path: path), copy = try Session(path: written)
        #expect(copy.inputs.map(\.name) == original.inputs.map(\.name))
        #expect(copy.overridableInputs.map(\.name) == original.overridableInputs.map(\.name))
        let inputs = try SeededInputs.make(for: original)
        let expected = try original.run(inputs), found = try copy.run(inputs)
        #expect(Set(found.keys) == Set(expected.keys) && !expected.isEmpty)
        for (output, tensor) in expected { #expect(found[output] == tensor, "\(output)") }
    }

    @Test func `weights in branches, constants and inputs are all found`() throws {
        let silero = try ONNXReader.read(path: SharedData.url("models/silero-vad.onnx").path)
        var constants = 0, graphs = 0
        silero.graph.forEachGraph { graph, _ in
            graphs += 1
            for node in graph.nodes where node.isStandard("Constant") {
                if case .tensor = node[attribute: "value"] { constants += 1 }
            }
        }
        #expect(graphs > 4 && constants > 20)
        let face = try ONNXReader.read(path: SharedData.url("models/ultraface-rfb-320.onnx").path)
        #expect(face.formatVersion == 4 && face.graph.requiredInputs.map(\.name) == ["input"])
        #expect(face.graph.inputs.count > face.graph.requiredInputs.count)
    }

    /// Each weight and constant by its path, with its tensor.
    private static func weights(of model: Model) -> [String: Tensor] {
        var all: [String: Tensor] = [:]
        model.graph.forEachGraph { graph, path in
            for weight in graph.weights { all[path.qualified(weight.name)] = weight.decoded() }
            for (index, node) in graph.nodes.enumerated() {
                for case let attribute in node.attributes {
                    if case .tensor(let weight) = attribute.value {
                        all[path.qualified("\(index).\(attribute.name)")] = weight.decoded()
                    }
                }
            }
        }
        return all
    }
}
