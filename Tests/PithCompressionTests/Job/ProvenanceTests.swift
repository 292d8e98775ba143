import Foundation
import PithCoding
import PithCompression
import PithFormats
import PithModel
import PithTensor
import Testing

@Suite struct ProvenanceTests {
    private func hash(_ path: String) throws -> JSONValue {
        .string("sha256:\(SHA256Digest(of: try MappedFile(path: path).storage).hex)")
    }

    private func record(_ provenance: Provenance, _ model: Model) throws -> [String: JSONValue] {
        var model = model
        try provenance.write(to: &model)
        let text = try #require(model.metadata.first { $0.key == Provenance.key }?.value)
        return try JSONDecoder().decode([String: JSONValue].self, from: Data(text.utf8))
    }

    private func provenance(_ input: String, _ dataset: Dataset? = nil) throws -> Provenance {
        Provenance(recipe: try Recipe.named("clean"), decisions: [:], seed: 0, input: input, dataset: dataset)
    }

    @Test func `the files that hold the weights are hashed`() throws {
        let scratch = try Scratch(), path = scratch.path("m.onnx")
        try ONNXWriter.begin(try SmallModels.residual(), path: path, largestFile: 0).commit()
        let model = try ONNXReader.read(path: path)
        let first = try record(try provenance(path), model)
        #expect(first["input"] == (try hash(path)))
        #expect(first["externalData"] == .array([try hash(path + ".data")]))
        #expect(first["data"] == nil)
        let handle = try #require(FileHandle(forWritingAtPath: path + ".data"))
        try handle.write(contentsOf: Data([1, 2, 3]))
        try handle.close()
        let second = try record(try provenance(path), model)
        #expect(second["input"] == first["input"])
        #expect(second["externalData"] != first["externalData"])
        try FileManager.default.removeItem(atPath: path + ".data")
        #expect(throws: TensorError.self) { try record(try provenance(path), model) }
    }

    @Test func `a card and every file it names are hashed once, in its order`() throws {
        let scratch = try Scratch(), model = try SmallModels.residual(), path = scratch.path("m.onnx")
        try ONNXWriter.write(model, to: path)
        let zeros = [Float](repeating: 0, count: 4 * 192)
        try scratch.write("x.npy", npy: zeros, shape: [4, 3, 8, 8])
        try scratch.write("y.npy", npy: [0, 1, 2, 3] as [Int64], shape: [4])
        let card = try scratch.write(
            "card.yaml", "inputs: { x: { file: x.npy } }\nlabels: { file: y.npy }\ncalibrate: [0, 2]\n")
        let dataset = try Dataset(path: card, graphInputs: model.graph.requiredInputs)
        #expect(dataset.files == [card, scratch.path("x.npy"), scratch.path("y.npy")])
        let found = try record(try provenance(path, dataset), model)
        #expect(found["data"] == .array(try dataset.files.map(hash)))
        #expect(found["externalData"] == nil)
    }

    @Test(arguments: Recipe.builtIn.map(\.name))
    func `the recipe is kept without its defaults, and is the same when read`(
        name: String
    ) throws {
        let scratch = try Scratch(), model = try SmallModels.residual(), path = scratch.path("m.onnx")
        try ONNXWriter.write(model, to: path)
        var recipe = try Recipe.named(name)
        let last = recipe.stages.count - 1
        if last > 0 { recipe.stages[last].selector.exclude = ["w"] }
        let provenance = Provenance(recipe: recipe, decisions: [:], seed: 0, input: path)
        let kept = try #require(try record(provenance, model)["recipe"])
        let text = String(decoding: try JSONEncoder().encode(kept), as: UTF8.self)
        let whole = try JSONEncoder().encode(recipe)
        #expect(
            try JSONDecoder().decode(JSONValue.self, from: JSONEncoder().encode(Recipe(text: text)))
                == JSONDecoder().decode(JSONValue.self, from: whole))
        #expect(recipe.stages.count == 1 || text.utf8.count + 40 < whole.count)
        #expect(text.contains("exclude") == (last > 0))
    }

    @Test func `of an archive without a card the archive is hashed`() throws {
        let folder = Digits.folder.appendingPathComponent("digits.npz").path
        let input = ValueInfo(
            name: "image", type: ValueType(element: .uint8, dimensions: [.unknown, .unknown, .unknown]))
        let dataset = try Dataset(path: folder, graphInputs: [input])
        #expect(dataset.files == [folder])
    }
}
