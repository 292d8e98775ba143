import Foundation
import PithFormats
import PithTensor
import PithTestSupport
import Testing

/// Names of arrays, which are told apart by their bytes.
@Suite struct ArrayNameTests {
    /// Names that Unicode calls the same, in one scalar and in two.
    private static let names = ["\u{e9}", "e\u{301}"]
    private static let numbers: [[Float]] = [[1, 2, 3], [4, 5, 6]]

    private static func safetensors() -> [UInt8] {
        ContainerSamples.safetensors(
            zip(names, numbers).map { ($0, "F32", [3], NumberSamples.bytes($1.map(\.bitPattern))) })
    }

    private static func packed(_ folder: ScratchFolder) async throws -> ContainerFile {
        let source = try folder.write(safetensors(), to: "m.safetensors")
        try await ContainerSamples.pack(source, to: folder.path("m.pith"))
        return try ContainerFile(path: folder.path("m.pith"))
    }

    @Test func `equivalent names of different bytes are two arrays`() async throws {
        let folder = try ScratchFolder(), file = try await Self.packed(folder), arrays = ContainerArrays(file)
        #expect(file.directory.weights.count == 2)
        for (name, numbers) in zip(Self.names, Self.numbers) {
            #expect(try arrays.tensor(named: name).floats() == numbers)
            let pipe = try ContainerStream(InputFile(path: folder.path("m.pith")), named: "pipe")
            #expect(try await pipe.tensor(named: name).floats() == numbers)
            _ = try ArrayExport(file).write(array: name, rows: nil, to: folder.path("one.npy"))
            #expect(try NPYReader.read(path: folder.path("one.npy")).floats() == numbers)
        }
        #expect(throws: FormatError.self) { try arrays.tensor(named: "e") }
    }

    @Test func `equivalent names go through every format and back`() async throws {
        let folder = try ScratchFolder(), file = try await Self.packed(folder)
        _ = try ArrayExport(file).write(to: folder.path("w.npz"))
        let archive = try NPZArchive(path: folder.path("w.npz"))
        for (name, numbers) in zip(Self.names, Self.numbers) {
            #expect(try archive.tensor(named: name).floats() == numbers)
        }
        try await ContainerSamples.pack(folder.path("w.npz"), to: folder.path("w.pith"))
        _ = try ArrayExport(ContainerFile(path: folder.path("w.pith"))).write(to: folder.path("back.safetensors"))
        try await ContainerSamples.pack(folder.path("back.safetensors"), to: folder.path("back.pith"))
        let arrays = ContainerArrays(try ContainerFile(path: folder.path("back.pith")))
        for (name, numbers) in zip(Self.names, Self.numbers) {
            #expect(try arrays.tensor(named: name).floats() == numbers)
        }
    }

    @Test func `an array that is wanted first is found by its bytes`() throws {
        let folder = try ScratchFolder()
        let model = try PackedModel.read(path: folder.write(Self.safetensors(), to: "m.safetensors"))
        for (index, name) in Self.names.enumerated() { #expect(try model.first([name]).hot == [index]) }
        #expect(try model.first(["e*"]).hot == [1])
    }

    @Test func `weights of an ONNX file with equivalent names are two arrays without a graph`() throws {
        var model = HandmadeModel()
        model.weights = zip(Self.names, Self.numbers).map { name, numbers in
            HandmadeModel.tensor(name, type: HandmadeModel.float32, [3]) { $0.data(9, littleEndian(numbers)) }
        }
        let folder = try ScratchFolder()
        let packed = try PackedModel.read(path: folder.write(model.bytes, to: "m.onnx"))
        #expect(packed.arrays.map { Array($0.name.utf8) } == Self.names.map { Array($0.utf8) })
        #expect(packed.notes.count == 1 && packed.notes[0].contains("two weights"))
    }

    @Test func `data files whose names are equivalent are refused`() throws {
        let folder = try ScratchFolder()
        let entries = zip(Self.names, ["a", "b"]).map { "\"\($1)\":\"\($0).safetensors\"" }
        let index = try folder.write(
            Array("{\"weight_map\":{\(entries.joined(separator: ","))}}".utf8), to: "m.safetensors.index.json")
        for name in Self.names { _ = try folder.write(Self.safetensors(), to: "\(name).safetensors") }
        #expect { try PackedModel.read(path: index) } throws: { ($0 as? FormatError)?.code == .unsupported }
    }

    @Test(arguments: [
        #"{"w":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}"#,
        #" { "__metadata__" : {"a":[1,{"b":null}],"c":-1.5e3} , "w" : {"x":true,"dtype":"\u0055\u0038","shape":[2],"data_offsets":[0,2]}}  "#,
        #"{"\ud83d\ude00\n\"\\\/":{"data_offsets":[0,2],"dtype":"U8","shape":[2]}}"#,
    ]) func `headers are read however their JSON is written`(header: String) throws {
        let folder = try ScratchFolder(), text = Array(header.utf8)
        let path = try folder.write(NumberSamples.bytes([UInt64(text.count)]) + text + [7, 8], to: "m.safetensors")
        let arrays = try PackedModel.read(path: path).arrays
        #expect(arrays.map(\.name) == [header.contains("ud83d") ? "😀\n\"\\/" : "w"])
        #expect(arrays.map(\.range) == [8 + text.count..<10 + text.count])
    }

    @Test(arguments: [
        "", "[]", "{", #"{"w":1}"#, #"{"w":{"dtype":"U8","shape":[2]}}"#, "{} x", "{\"a\u{1}\":{}}",
        #"{"w":{"dtype":"U8","shape":[2.0],"data_offsets":[0,2]}}"#, #"{"\ud83d":{}}"#, #"{"\u+123":{}}"#,
        #"{"w":{"dtype":"U8","shape":[2],"data_offsets":[0]}}"#,
        #"{"w":{"dtype":"U8","shape":[2],"data_offsets":[0,2,2]}}"#,
        #"{"w":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},}"#, #"{"__metadata__":nul}"#,
        "{\"__metadata__\":" + String(repeating: "[", count: 5000),
        #"{"w":{"dtype":"U8","shape":[99999999999999999999],"data_offsets":[0,2]}}"#,
    ]) func `headers that are no sound JSON are refused`(header: String) throws {
        let folder = try ScratchFolder(), text = Array(header.utf8)
        let path = try folder.write(NumberSamples.bytes([UInt64(text.count)]) + text + [7, 8], to: "m.safetensors")
        #expect { try PackedModel.read(path: path) } throws: { ($0 as? FormatError)?.code == .corrupt }
    }
}
