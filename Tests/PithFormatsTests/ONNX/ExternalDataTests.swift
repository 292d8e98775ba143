import Foundation
import PithFormats
import PithModel
import PithRuntime
import PithTensor
import Testing

@Suite struct ExternalDataTests {
    /// `y = x + w`, whose weight of 400 floats lies outside.
    private func model(_ properties: [(String, String)]) -> HandmadeModel {
        var model = HandmadeModel()
        model.inputs = [HandmadeModel.value("x", type: 1, [400])]
        model.outputs = [HandmadeModel.value("y", type: 1, [400])]
        model.weights = [HandmadeModel.external("w", [400], properties)]
        model.node("Add", ["x", "w"], ["y"])
        return model
    }

    private let values = (0..<400).map { Float($0) / 8 }

    private func read(_ properties: [(String, String)], in scratch: ScratchFolder) throws -> Model {
        try ONNXReader.read(path: try scratch.write(model(properties).bytes, to: "m.onnx"))
    }

    @Test func `a weight is a range of its file`() throws {
        let scratch = try ScratchFolder()
        _ = try scratch.write([9, 9, 9] + littleEndian(values) + [9], to: "w.bin")
        let whole = try read([("location", "w.bin"), ("offset", "3"), ("length", "1600")], in: scratch)
        #expect(whole.graph.weights["w"]?.dense?.elements(as: Float.self) == values)
        #expect(whole.graph.weights["w"]?.isExternal == true && whole.externalFiles == ["w.bin"])
        let implied = try read([("location", "./w.bin"), ("offset", "3")], in: scratch)
        #expect(implied.graph.weights["w"]?.dense?.elements(as: Float.self) == values)
    }

    @Test func `a file in a folder below is read`() throws {
        let scratch = try ScratchFolder()
        try FileManager.default.createDirectory(atPath: scratch.path("deep"), withIntermediateDirectories: true)
        _ = try scratch.write(littleEndian(values), to: "deep/w.bin")
        #expect(try read([("location", "deep/w.bin")], in: scratch).graph.weights["w"]?.dense?.count == 400)
    }

    @Test(arguments: [
        "../w.bin", "/etc/passwd", "", "deep/../../w.bin", ".", "..", "w.bin\0x", "deep/..", "link.bin", "linked/w.bin",
    ])
    func `a location outside the model's folder is refused`(_ location: String) throws {
        let scratch = try ScratchFolder(), elsewhere = try ScratchFolder()
        let secret = try elsewhere.write(littleEndian(values), to: "w.bin")
        try FileManager.default.createSymbolicLink(atPath: scratch.path("link.bin"), withDestinationPath: secret)
        try FileManager.default.createSymbolicLink(
            atPath: scratch.path("linked"), withDestinationPath: elsewhere.url.path)
        let refused = refusal { try read([("location", location)], in: scratch) }
        #expect(refused?.code == .unsupported && refused?.says("outside the model's folder", "'w'") == true)
    }

    @Test func `a link inside the folder, and a model reached by a link, are followed`() throws {
        let scratch = try ScratchFolder(), other = try ScratchFolder()
        _ = try scratch.write(littleEndian(values), to: "w.bin")
        try FileManager.default.createSymbolicLink(
            atPath: scratch.path("link.bin"), withDestinationPath: scratch.path("w.bin"))
        #expect(try read([("location", "link.bin")], in: scratch).graph.weights["w"]?.dense?.count == 400)
        try FileManager.default.createSymbolicLink(atPath: other.path("folder"), withDestinationPath: scratch.url.path)
        #expect(try ONNXReader.read(path: other.path("folder/m.onnx")).graph.weights["w"]?.dense?.count == 400)
    }

    @Test func `a missing or short data file is named`() throws {
        let scratch = try ScratchFolder()
        let missing = refusal { try read([("location", "w.bin")], in: scratch) }
        #expect(missing?.code == .missing && missing?.says("w.bin", "'w'") == true)
        _ = try scratch.write([UInt8](repeating: 0, count: 1599), to: "w.bin")
        for properties in [
            [("location", "w.bin")], [("location", "w.bin"), ("offset", "1"), ("length", "1599")],
            [("location", "w.bin"), ("offset", "9223372036854775807"), ("length", "1600")],
            [("location", "w.bin"), ("offset", "0"), ("length", "1599")],
        ] {
            #expect(refusal { try read(properties, in: scratch) }?.code == .truncated, "\(properties)")
        }
        #expect(refusal { try read([("location", "w.bin"), ("offset", "-1")], in: scratch) }?.code == .truncated)
        for properties in [
            [], [("location", "w.bin"), ("offset", "x")], [("location", "w.bin"), ("length", "99999999999999999999")],
        ] {
            #expect(refusal { try read(properties, in: scratch) }?.code == .corrupt, "\(properties)")
        }
        try FileManager.default.createDirectory(atPath: scratch.path("d.bin"), withIntermediateDirectories: true)
        #expect(refusal { try read([("location", "d.bin")], in: scratch) }?.code == .missing)
    }

    @Test func `above the limit large weights go beside the model and come back the same`() throws {
        let scratch = try ScratchFolder()
        let model = try ExternalDataTests.large()
        try ONNXWriter.begin(model, path: scratch.path("m.onnx"), largestFile: 5000).commit()
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: scratch.url.path).sorted() == ["m.onnx", "m.onnx.data"])
        let again = try ONNXReader.read(path: scratch.path("m.onnx"))
        #expect(again.externalFiles == ["m.onnx.data"])
        for name in ["a", "b", "small"] {
            #expect(again.graph.weights[name]?.dense == model.graph.weights[name]?.dense)
            #expect(again.graph.weights[name]?.isExternal == (name != "small"))
        }
        guard TestRuntime.isPresent else { return }
        let x = ["x": Tensor(vector: [Float](repeating: 1, count: 1000))]
        #expect(try Session(path: scratch.path("m.onnx")).run(x) == TestRuntime.outputs(of: model, x))
        // What was external and is small enough goes back inside.
        try ONNXWriter.write(again, to: scratch.path("inside.onnx"))
        #expect(try ONNXReader.read(path: scratch.path("inside.onnx")).externalFiles.isEmpty)
    }

    @Test func `a model read from a file can be written over it`() throws {
        let scratch = try ScratchFolder(), path = scratch.path("m.onnx")
        try ONNXWriter.begin(try ExternalDataTests.large(), path: path, largestFile: 5000).commit()
        let first = try ONNXReader.read(path: path)
        try ONNXWriter.begin(first, path: path, largestFile: 5000).commit()
        let again = try ONNXReader.read(path: path)
        #expect(again.graph.weights["a"]?.dense == first.graph.weights["a"]?.dense)
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.url.path).count == 2)
    }

    /// `y = x + a + b + small`, and a constant inside a node that is large enough to go out too.
    private static func large() throws -> Model {
        let graph = Graph(
            nodes: [
                Node(
                    "Constant", inputs: [], outputs: ["k"],
                    attributes: [
                        Attribute("value", .tensor(Weight("", Tensor(vector: [Float](repeating: 3, count: 1000)))))
                    ]),
                Node("Sum", inputs: ["x", "a", "b", "small", "k"], outputs: ["y"]),
            ],
            inputs: [ValueInfo(name: "x", type: ValueType(element: .float32, dimensions: [.fixed(1000)]))],
            outputs: [ValueInfo(name: "y", type: ValueType(element: .float32, dimensions: [.fixed(1000)]))],
            weights: WeightTable([
                Weight("a", Tensor(vector: (0..<1000).map { Float($0) })),
                Weight("b", Tensor(vector: (0..<1000).map { Float($0) * 2 })),
                Weight("small", Tensor(vector: [Float(1)])),
            ]))
        return Model(graph: graph, operatorSets: ["": 13], formatVersion: 8)
    }
}
