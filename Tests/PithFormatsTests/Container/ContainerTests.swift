import Foundation
import PithFormats
import PithTensor
import PithTestSupport
import Testing

@Suite struct ContainerTests {
    private static let models = [
        "kws-dscnn.onnx", "silero-vad.onnx", "mnist-cntk.onnx", "kjv-lm.onnx", "magika.onnx", "stories260K.safetensors",
    ]

    @Test(
        .enabled(if: SharedData.has("models/kws-dscnn.onnx"), "needs the shared models"), arguments: models)
    func `a real model comes back byte for byte, from fewer bytes`(_ name: String) async throws {
        let folder = try ScratchFolder(), source = SharedData.url("models/\(name)").path
        let target = folder.path("back-\(name)")
        let packed = try await ContainerSamples.pack(source, to: folder.path("m.pith"))
        try await ContainerSamples.unpack(folder.path("m.pith"), to: target)
        let original = try ContainerSamples.bytes(source)
        #expect(try ContainerSamples.bytes(target) == original)
        #expect(packed.count < original.count * 100 / 115)
    }

    @Test func `the bytes are the same with any number of threads`() async throws {
        let folder = try ScratchFolder(), source = try folder.write(ContainerSamples.safetensors(), to: "m.safetensors")
        let one = try await ContainerSamples.pack(source, to: folder.path("1.pith"), threads: 1)
        let many = try await ContainerSamples.pack(source, to: folder.path("3.pith"), threads: 3)
        #expect(one == many)
    }

    @Test func `arrays with the same content are stored once`() async throws {
        let folder = try ScratchFolder(), source = try folder.write(ContainerSamples.safetensors(), to: "m.safetensors")
        try await ContainerSamples.pack(source, to: folder.path("m.pith"))
        let file = try ContainerFile(path: folder.path("m.pith")), arrays = file.directory.arrays
        let tied = try #require(arrays.first { $0.name == "tied" })
        #expect(tied.original.map { arrays[$0].name } == "embedding")
        #expect(arrays.count { $0.original != nil } == 1)
        let reader = ContainerArrays(file)
        #expect(try reader.tensor(named: "tied") == reader.tensor(named: "embedding"))
    }

    @Test func `any row range of an array is what the whole array has there`() async throws {
        var samples = NumberSamples(seed: 2)
        let rows = 900, columns = 700, values = samples.weights(rows: rows, columns: columns)
        let bytes = ContainerSamples.safetensors([
            ("w", "F32", [rows, columns], NumberSamples.bytes(values.map(\.bitPattern)))
        ])
        let folder = try ScratchFolder(), source = try folder.write(bytes, to: "m.safetensors")
        try await ContainerSamples.pack(source, to: folder.path("m.pith"))
        let arrays = ContainerArrays(try ContainerFile(path: folder.path("m.pith")), cacheBytes: 2 << 20)
        for range in [0..<1, 0..<900, 373..<376, 374..<749, 899..<900] {
            let part = try arrays.tensor(named: "w", rows: range)
            #expect(part.shape.dimensions == [range.count, columns])
            #expect(
                part.elements(as: Float.self) == Array(values[range.lowerBound * columns..<range.upperBound * columns]))
        }
        #expect(throws: FormatError.self) { try arrays.tensor(named: "w", rows: 900..<901) }
        #expect(throws: FormatError.self) { try arrays.tensor(named: "v") }
    }

    @Test func `a model with a data file beside it comes back with that file`() async throws {
        let folder = try ScratchFolder()
        let tensor = HandmadeModel.external(
            "w", [4096], [("location", "data.bin"), ("offset", "0"), ("length", "16384")])
        let source = try folder.write(HandmadeModel.holding(tensor).bytes, to: "m.onnx")
        var samples = NumberSamples(seed: 9)
        let numbers = NumberSamples.bytes((0..<4096).map { _ in samples.normal().bitPattern })
        let data = try folder.write(numbers + [1, 2, 3], to: "data.bin")
        try await ContainerSamples.pack(source, to: folder.path("m.pith"))
        let other = try ScratchFolder()
        try await ContainerSamples.unpack(folder.path("m.pith"), to: other.path("back.onnx"))
        #expect(try ContainerSamples.bytes(other.path("back.onnx")) == ContainerSamples.bytes(source))
        #expect(try ContainerSamples.bytes(other.path("data.bin")) == ContainerSamples.bytes(data))
    }

    @Test func `NPY and NPZ files come back, their arrays known by name`() async throws {
        var samples = NumberSamples(seed: 4)
        let tensor = Tensor(samples.weights(rows: 20, columns: 30), shape: try Shape([20, 30]))
        let folder = try ScratchFolder(), array = try folder.write(NPYWriter.bytes(of: tensor), to: "w.npy")
        try await ContainerSamples.pack(array, to: folder.path("w.pith"))
        try await ContainerSamples.unpack(folder.path("w.pith"), to: folder.path("back.npy"))
        #expect(try ContainerSamples.bytes(folder.path("back.npy")) == ContainerSamples.bytes(array))
        let file = try ContainerFile(path: folder.path("w.pith"))
        #expect(try ContainerArrays(file).tensor(named: "w") == tensor)
        _ = try ArrayExport(file).write(to: folder.path("w.npz"))
        #expect(try NPZArchive(path: folder.path("w.npz")).tensor(named: "w") == tensor)
        try await ContainerSamples.pack(folder.path("w.npz"), to: folder.path("z.pith"))
        try await ContainerSamples.unpack(folder.path("z.pith"), to: folder.path("z.npz"))
        #expect(try ContainerSamples.bytes(folder.path("z.npz")) == ContainerSamples.bytes(folder.path("w.npz")))
        #expect(try ContainerArrays(ContainerFile(path: folder.path("z.pith"))).tensor(named: "w") == tensor)
    }

    @Test func `arrays are exported as safetensors with their own types`() async throws {
        let folder = try ScratchFolder(), source = try folder.write(ContainerSamples.safetensors(), to: "m.safetensors")
        try await ContainerSamples.pack(source, to: folder.path("m.pith"))
        let file = try ContainerFile(path: folder.path("m.pith"))
        _ = try ArrayExport(file).write(to: folder.path("m.npz"))
        try await ContainerSamples.pack(folder.path("m.npz"), to: folder.path("n.pith"))
        let arrays = ContainerArrays(file), exported = try ContainerFile(path: folder.path("n.pith"))
        _ = try ArrayExport(exported).write(to: folder.path("n.safetensors"))
        try await ContainerSamples.pack(folder.path("n.safetensors"), to: folder.path("o.pith"))
        let back = ContainerArrays(try ContainerFile(path: folder.path("o.pith")))
        for name in ["embedding", "tied", "steps", "ones", "levels"] {
            #expect(try back.tensor(named: name) == arrays.tensor(named: name))
        }
        #expect(try back.tensor(named: "half").floats() == arrays.tensor(named: "half").floats())
    }

    @Test func `an archive whose arrays are no plain numbers says so`() throws {
        let folder = try ScratchFolder()
        let header = "{'descr': '>f4', 'fortran_order': False, 'shape': (4,), }"
        let padded = header + String(repeating: " ", count: 128 - 11 - header.utf8.count) + "\n"
        let bytes: [UInt8] = [0x93] + Array("NUMPY".utf8) + [1, 0, 118, 0] + Array(padded.utf8) + [UInt8](0..<16)
        let model = try PackedModel.read(path: folder.write(bytes, to: "big.npy"))
        #expect(model.arrays.map(\.type) == [.uint8])
        #expect(model.notes.count == 1 && model.notes[0].hasSuffix("listed so: big"))
        #expect(throws: FormatError.self) { try PackedModel.read(path: folder.write([], to: "empty.onnx")) }
    }

    @Test func `one array does not take the place of a folder`() throws {
        let folder = try ScratchFolder()
        #expect {
            try NPYWriter.write(Tensor(vector: [1, 2] as [Float]), to: folder.path(""))
        } throws: { ($0 as? FormatError)?.problem.contains("folder") == true }
    }

    @Test func `a graph that makes no sense is packed with a note, and a file without one silently`() async throws {
        let folder = try ScratchFolder()
        var model = HandmadeModel.small
        let sound = try PackedModel.read(path: folder.write(model.bytes, to: "sound.onnx"))
        #expect(sound.notes.isEmpty)
        model.node("Relu", ["m"], ["a"])
        let source = try folder.write(model.bytes, to: "m.onnx"), packed = try PackedModel.read(path: source)
        #expect(packed.notes.count == 1 && packed.notes[0].contains("'a' is already defined"))
        #expect(packed.arrays.map(\.name) == ["w", "b"] && packed.forms.isEmpty)
        let report = try await ContainerPacker(packed, threads: 1)
            .pack(to: OutputFile(path: folder.path("m.pith")), named: "m.pith")
        #expect(report.notes == packed.notes)
        // An ONNX file of nothing but a format version.
        #expect(try PackedModel.read(path: folder.write([8, 8], to: "none.onnx")).notes.isEmpty)
    }

    @Test func `a data file that is not there is an error, not a model without one`() throws {
        let tensor = HandmadeModel.external("w", [4096], [("location", "data.bin")])
        let folder = try ScratchFolder()
        let source = try folder.write(HandmadeModel.holding(tensor).bytes, to: "m.onnx")
        #expect { try PackedModel.read(path: source) } throws: { ($0 as? FormatError)?.code == .missing }
    }

    @Test(arguments: [(0, 16384), (16384, 4), (4, 16380), (-1, 8), (0, -1)])
    func `a weight that is past the end of its data file is an error that names both`(
        offset: Int, length: Int
    ) throws {
        let tensor = HandmadeModel.external(
            "w", [4096], [("location", "data.bin"), ("offset", "\(offset)"), ("length", "\(length)")])
        let folder = try ScratchFolder()
        _ = try folder.write([UInt8](repeating: 1, count: 16383), to: "data.bin")
        let source = try folder.write(HandmadeModel.holding(tensor).bytes, to: "m.onnx")
        #expect {
            try PackedModel.read(path: source)
        } throws: { error in
            let error = error as? FormatError
            return error?.code == .truncated && error?.problem.contains("'w'") == true
                && error?.problem.contains("'data.bin'") == true
        }
    }

    @Test func `tensors of types that are not known come back, and are listed as bytes`() async throws {
        let parts: [(name: String, type: String, shape: [Int], bytes: [UInt8])] = [
            ("four", "F4", [2, 4], [1, 2, 3, 4]), ("six", "F6_E2M3", [4], [9, 9, 9]),
            ("uz", "F8_E4M3FNUZ", [2], [1, 2]), ("w", "F32", [1], littleEndian([7])),
        ]
        let folder = try ScratchFolder(), bytes = ContainerSamples.safetensors(parts)
        let model = try PackedModel.read(path: folder.write(bytes, to: "m.safetensors"))
        #expect(model.notes.count == 1 && model.notes[0].hasSuffix("six (F6_E2M3)"))
        try await ContainerSamples.pack(model, to: folder.path("m.pith"))
        let file = try ContainerFile(path: folder.path("m.pith"))
        let types = file.directory.weights.map { file.directory.arrays[$0].type }
        #expect(types == [.float4e2m1, .uint8, .float8e4m3fnuz, .float32])
        try await ContainerSamples.unpack(file.path, to: folder.path("back.safetensors"))
        #expect(try ContainerSamples.bytes(folder.path("back.safetensors")) == bytes)
    }
}
