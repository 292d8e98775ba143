import Foundation
import PithFormats
import PithModel
import PithTensor
import PithTestSupport
import Testing

/// Weights as plain arrays, however the packed file holds them.
@Suite struct ExportTests {
    private static func packed(
        _ bytes: [UInt8], as name: String, _ folder: ScratchFolder
    ) async throws -> (file: ContainerFile, notes: [String]) {
        let model = try PackedModel.read(path: folder.write(bytes, to: name))
        try await ContainerSamples.pack(model, to: folder.path("m.pith"))
        return (try ContainerFile(path: folder.path("m.pith")), model.notes)
    }

    /// The arrays of an export to `.npz` and to `.safetensors`, which must be the same.
    private static func exported(
        _ file: ContainerFile, _ folder: ScratchFolder
    ) async throws -> (arrays: [String: Tensor], notes: [String]) {
        let notes = try ArrayExport(file).write(to: folder.path("w.npz")).notes
        #expect(try ArrayExport(file).write(to: folder.path("w.safetensors")).notes.count == notes.count)
        let archive = try NPZArchive(path: folder.path("w.npz"))
        try await ContainerSamples.pack(folder.path("w.safetensors"), to: folder.path("s.pith"))
        let tensors = ContainerArrays(try ContainerFile(path: folder.path("s.pith")))
        var arrays: [String: Tensor] = [:]
        for name in archive.names {
            let tensor = try archive.tensor(named: name)
            arrays[name] = tensor
            if tensor.count > 0 { #expect(try tensors.tensor(named: name) == tensor) }
        }
        return (arrays, notes)
    }

    // MARK: ONNX

    @Test func `weights in fields of varying length are exported, and a note names them`() async throws {
        let levels = (0..<128).map { $0 % 2 == 0 ? $0 : -$0 }, steps = (0..<20).map { $0 << 40 }
        var model = HandmadeModel()
        func numbers(_ field: Int, _ values: [Int]) -> (inout ProtoWriter) -> Void {
            { $0.data(field, values.flatMap { ProtoWriter.varint(UInt64(bitPattern: Int64($0))) }) }
        }
        model.weights = [
            HandmadeModel.tensor("levels", type: 3, [8, 16], numbers(5, levels)),
            HandmadeModel.tensor("steps", type: HandmadeModel.int64, [20], numbers(7, steps)),
            HandmadeModel.tensor("half", type: 10, [2], numbers(5, [0x3C00, 0xC000])),
            HandmadeModel.tensor("loose", type: HandmadeModel.float32, [2]) {
                $0.float(4, 1.5)
                $0.float(4, -2)
            },
            HandmadeModel.tensor("shape", type: HandmadeModel.int64, [2], numbers(7, [1, 2])),
            HandmadeModel.tensor("f", type: HandmadeModel.float32, [3]) { $0.data(4, littleEndian([1, 2, 3])) },
        ]
        let folder = try ScratchFolder(), (file, notes) = try await Self.packed(model.bytes, as: "m.onnx", folder)
        #expect(notes.contains { $0.hasPrefix("4 of its weights") && $0.hasSuffix("levels, steps, half, loose") })
        #expect(file.directory.weights.map { file.directory.arrays[$0].name } == ["f"])
        let (arrays, exportNotes) = try await Self.exported(file, folder)
        #expect(Set(arrays.keys) == ["levels", "steps", "half", "loose", "f"] && exportNotes.isEmpty)
        #expect(arrays["levels"]?.integers() == levels && arrays["levels"]?.type == .int8)
        #expect(arrays["levels"]?.shape.dimensions == [8, 16])
        #expect(arrays["steps"]?.integers() == steps)
        #expect(arrays["half"]?.floats() == [1, -2] && arrays["half"]?.type == .float16)
        #expect(arrays["loose"]?.floats() == [1.5, -2])
        _ = try ArrayExport(file).write(array: "levels", rows: 1..<3, to: folder.path("l.npy"))
        #expect(try NPYReader.read(path: folder.path("l.npy")).integers() == Array(levels[16..<48]))
        try await ContainerSamples.unpack(folder.path("m.pith"), to: folder.path("back.onnx"))
        #expect(try ContainerSamples.bytes(folder.path("back.onnx")) == model.bytes)
    }

    @Test func `a weight of a type that is not known does not keep others from being exported`() async throws {
        var model = HandmadeModel()
        let numbers: [UInt8] = (0..<128).map { $0 & 0x7F }
        model.weights = [
            HandmadeModel.tensor("strange", type: 99, [128]) { $0.data(5, numbers) },
            HandmadeModel.tensor("levels", type: 3, [128]) { $0.data(5, numbers) },
        ]
        let folder = try ScratchFolder(), (file, notes) = try await Self.packed(model.bytes, as: "m.onnx", folder)
        #expect(notes.contains { $0.hasPrefix("1 of its weights") && $0.hasSuffix("levels") })
        let arrays = try await Self.exported(file, folder).arrays
        #expect(Array(arrays.keys) == ["levels"] && arrays["levels"]?.integers() == Array(0..<128))
    }

    @Test func `a pipe gives weights in stored forms as the file does`() async throws {
        let folder = try ScratchFolder(), source = try FormSamples.write(to: folder)
        try await ContainerSamples.pack(source, to: folder.path("m.pith"))
        let file = try ContainerFile(path: folder.path("m.pith"))
        func stream() throws -> ContainerStream { try ContainerStream(InputFile(path: file.path), named: "pipe") }
        let decoder = FormDecoder(ContainerArrays(file), path: file.path)
        for named in file.directory.forms {
            let whole = try decoder.representation(of: named).decoded()
            #expect(try await stream().weight(named: named.name) == whole, "\(named.name)")
        }
        let part = try await stream().weight(named: "nibbles", rows: 2..<5)
        _ = try ArrayExport(file).write(array: "nibbles", rows: 2..<5, to: folder.path("n.npy"))
        #expect(try NPYReader.read(path: folder.path("n.npy")) == part)
        #expect(try await stream().weight(named: "dense").count == 64)
        await #expect(throws: FormatError.self) { try await stream().weight(named: "nothing") }
    }

    // MARK: NumPy

    /// An NPY file of a `type`, in the order of columns or of rows.
    private static func npy(_ type: String, _ shape: String, columns: Bool = false, _ bytes: [UInt8]) -> [UInt8] {
        let header = "{'descr': '\(type)', 'fortran_order': \(columns ? "True" : "False"), 'shape': (\(shape)), }\n"
        return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.utf8.count), 0] + Array(header.utf8) + bytes
    }

    @Test func `arrays of every order, deflated ones and empty ones are exported as numbers`() async throws {
        var builder = ZIPBuilder()
        builder.add("rows.npy", Self.npy("|u1", "2, 3", [1, 2, 3, 4, 5, 6]))
        builder.add("columns.npy", Self.npy("|u1", "2, 3", columns: true, [1, 4, 2, 5, 3, 6]))
        builder.add("big.npy", Self.npy(">i2", "2,", [1, 0, 0, 2]))
        builder.add("bytes.npy", Self.npy("|u1", "4,", [9, 8, 7, 6]))
        builder.add("deflated.npy", Self.npy("|u1", "200,", [UInt8](repeating: 5, count: 200)), deflated: true)
        builder.add("empty.npy", Self.npy("<f4", "0, 7", []))
        builder.add("/up/../text.npy", Self.npy("<U2", "1,", [UInt8](repeating: 65, count: 8)))
        let folder = try ScratchFolder(), bytes = try builder.built()
        let (file, notes) = try await Self.packed(bytes, as: "m.npz", folder)
        #expect(notes.count == 2 && notes[0].hasSuffix("columns, big") && notes[1].hasPrefix("1 of its arrays"))
        let (arrays, exportNotes) = try await Self.exported(file, folder)
        #expect(exportNotes.count == 1 && exportNotes[0].hasSuffix("/up/../text"))
        #expect(Set(arrays.keys) == ["rows", "columns", "big", "bytes", "deflated", "empty"])
        #expect(arrays["columns"] == arrays["rows"] && arrays["rows"]?.integers() == [1, 2, 3, 4, 5, 6])
        #expect(arrays["big"]?.integers() == [256, 2] && arrays["big"]?.type == .int16)
        #expect(arrays["bytes"]?.integers() == [9, 8, 7, 6])
        #expect(arrays["deflated"]?.integers() == [Int](repeating: 5, count: 200))
        #expect(arrays["empty"]?.shape.dimensions == [0, 7])
        _ = try ArrayExport(file).write(array: "columns", rows: 1..<2, to: folder.path("c.npy"))
        #expect(try NPYReader.read(path: folder.path("c.npy")).integers() == [4, 5, 6])
        try await ContainerSamples.unpack(folder.path("m.pith"), to: folder.path("back.npz"))
        #expect(try ContainerSamples.bytes(folder.path("back.npz")) == bytes)
        #expect(throws: FormatError.self) { try ZIPArchive(path: folder.path("back.npz")) }
    }

    @Test func `a file of one array in columns is exported in rows`() async throws {
        let folder = try ScratchFolder(), bytes = Self.npy("|u1", "2, 2", columns: true, [1, 3, 2, 4])
        let (file, _) = try await Self.packed(bytes, as: "w.npy", folder)
        #expect(try await Self.exported(file, folder).arrays["w"]?.integers() == [1, 2, 3, 4])
    }

    @Test func `damage outside of the arrays is a note, and the arrays are exported`() async throws {
        var builder = ZIPBuilder()
        builder.add("w.npy", Self.npy("<f4", "2,", littleEndian([1, 2])))
        builder.add("columns.npy", Self.npy("|u1", "2, 3", columns: true, [1, 4, 2, 5, 3, 6]))
        let folder = try ScratchFolder()
        let (file, _) = try await Self.packed(try builder.built(), as: "m.npz", folder)
        var bytes = try ContainerSamples.bytes(file.path)
        // The first block is text; it follows the directory.
        let start = 16 + 13 + (1...4).reduce(0) { $0 | Int(bytes[16 + $1]) << (8 * ($1 - 1)) }
        #expect(
            bytes[start] == 2
                && file.directory.blocks[0].segments.allSatisfy { file.directory.arrays[$0.array].type == nil })
        bytes[start + file.storedByteCount(ofBlock: 0) / 2] ^= 1
        let damaged = try ContainerFile(path: folder.write(bytes, to: "bad.pith"))
        let notes = try ArrayExport(damaged).write(to: folder.path("w.npz")).notes
        #expect(notes.count == 1 && notes[0].hasPrefix("weights that are no arrays"))
        // The order of the other's bytes is not known, so they are no weight.
        let archive = try NPZArchive(path: folder.path("w.npz"))
        #expect(try archive.names == ["w"] && archive.tensor(named: "w").floats() == [1, 2])
        #expect {
            try ArrayExport(damaged).write(array: "columns", rows: nil, to: folder.path("c.npy"))
        } throws: { ($0 as? FormatError)?.code == .corrupt }
        _ = try ArrayExport(damaged).write(array: "w", rows: nil, to: folder.path("w.npy"))
        #expect(try NPYReader.read(path: folder.path("w.npy")).floats() == [1, 2])
    }

    // MARK: Safetensors

    @Test func `a set of files with an index is exported as one file of all tensors`() async throws {
        let folder = try ScratchFolder()
        for (file, name) in [("a", "x"), ("b", "y")] {
            _ = try folder.write(ContainerSamples.safetensors([(name, "U8", [2], Array(name.utf8) + [1])]), to: file)
        }
        let index = Array(#"{"metadata":{"total_size":4},"weight_map":{"x":"a","y":"b"}}"#.utf8)
        let (file, _) = try await Self.packed(index, as: "m.safetensors.index.json", folder)
        #expect(ArrayExport.isWanted(file.directory, path: "all.safetensors"))
        #expect(!ArrayExport.isWanted(file.directory, path: "m.safetensors.index.json"))
        let arrays = try await Self.exported(file, folder).arrays
        #expect(arrays["x"]?.integers() == [120, 1] && arrays["y"]?.integers() == [121, 1])
        let (single, _) = try await Self.packed(ContainerSamples.safetensors(), as: "m.safetensors", folder)
        #expect(!ArrayExport.isWanted(single.directory, path: "m.safetensors"))
    }

    @Test func `arrays of one name are asked for by the names that an export gives them`() async throws {
        let parts = [[1, 2], [3, 4], [5, 6]].map { ("w", "U8", [2], $0 as [UInt8]) }, folder = try ScratchFolder()
        let (file, _) = try await Self.packed(ContainerSamples.safetensors(parts), as: "m.safetensors", folder)
        let arrays = try await Self.exported(file, folder).arrays
        for (name, numbers) in [("w", [1, 2]), ("w#2", [3, 4]), ("w#3", [5, 6])] {
            #expect(arrays[name]?.integers() == numbers)
            _ = try ArrayExport(file).write(array: name, rows: nil, to: folder.path("one.npy"))
            #expect(try NPYReader.read(path: folder.path("one.npy")).integers() == numbers)
            let stream = try ContainerStream(InputFile(path: file.path), named: "pipe")
            #expect(try await stream.weight(named: name).integers() == numbers)
        }
        #expect(Set(file.directory.exportedNames.values) == ["w", "w#2", "w#3"])
        #expect(throws: FormatError.self) { try ArrayExport(file).write(array: "w#4", rows: nil, to: file.path) }
    }

    // MARK: Files

    @Test func `one array is written as what the ending says, and an export of nothing says so`() async throws {
        let folder = try ScratchFolder()
        let (file, _) = try await Self.packed(ContainerSamples.safetensors(), as: "m.safetensors", folder)
        let steps = (2..<5).map { $0 * $0 }
        _ = try ArrayExport(file).write(array: "steps", rows: 2..<5, to: folder.path("s.npz"))
        #expect(try NPZArchive(path: folder.path("s.npz")).tensor(named: "steps").integers() == steps)
        _ = try ArrayExport(file).write(array: "steps", rows: 2..<5, to: folder.path("s.safetensors"))
        try await ContainerSamples.pack(folder.path("s.safetensors"), to: folder.path("s.pith"))
        let arrays = ContainerArrays(try ContainerFile(path: folder.path("s.pith")))
        #expect(try arrays.tensor(named: "steps").integers() == steps)
        let (empty, _) = try await Self.packed(ContainerSamples.safetensors([]), as: "e.safetensors", folder)
        #expect(try await Self.exported(empty, folder).notes.count == 1)
    }

    @Test func `a single number has no rows, and the error says so`() async throws {
        let folder = try ScratchFolder(), bytes = ContainerSamples.safetensors([("s", "U8", [], [3])])
        let (file, _) = try await Self.packed(bytes, as: "m.safetensors", folder)
        #expect {
            try ContainerArrays(file).tensor(named: "s", rows: 0..<1)
        } throws: { ($0 as? FormatError)?.problem.contains("single number") == true }
    }
}
