import Foundation
import PithFormats
import PithModel
import PithTensor
import PithTestSupport
import Testing

@Suite struct StoredFormTests {
    private static func exported(_ source: String, _ folder: ScratchFolder, isStored: Bool) async throws -> NPZArchive {
        try await ContainerSamples.pack(source, to: folder.path("m.pith"))
        let target = folder.path(isStored ? "stored.npz" : "dense.npz")
        _ = try ArrayExport(ContainerFile(path: folder.path("m.pith")), isStored: isStored).write(to: target)
        return try NPZArchive(path: target)
    }

    @Test(arguments: LoweringCase.all)
    func `every lowered form is found in the file and decodes to the same numbers`(_ item: LoweringCase) async throws {
        let folder = try ScratchFolder(), form = try item.form()
        let source = try folder.write(ONNXWriter.encode(item.model()), to: "m.onnx")
        let dense = try await Self.exported(source, folder, isStored: false)
        #expect(try dense.tensor(named: "w") == form.decoded())
        #expect(try ContainerFile(path: folder.path("m.pith")).directory.forms.map(\.name) == ["w"])
        let stored = try await Self.exported(source, folder, isStored: true)
        // Levels of less than a byte that have zero points are stored as codes from 0 up, and so are these.
        let isCoded = item.execution == .folded && item.hasZeroPoints && form.levelBits < 8, codes = form.codes()
        let levels = isCoded ? codes.levels : form.levels.integers()
        #expect(try stored.tensor(named: "w.levels").integers() == levels)
        #expect(try stored.tensor(named: "w.scales") == form.scales)
        if let zeros = form.zeroPoints {
            #expect(
                try stored.tensor(named: "w.zero-points").integers() == (isCoded ? codes.zeroPoints : zeros.integers()))
        }
    }

    /// Bits, block size, inputs, and whether there are zero points.
    @Test(arguments: [(4, 32, 96, false), (4, 32, 80, false), (4, 16, 64, true), (8, 32, 80, false), (8, 16, 48, true)])
    func `blocks that a kernel decodes are found, outputs along the first axis`(
        _ bits: Int, _ size: Int, _ inputs: Int, _ hasZeros: Bool
    ) async throws {
        var generator = SplitMix64(seed: 6)
        let type = bits == 4 ? ScalarType.uint4 : .int8, range = try #require(type.integerRange)
        let shape = try Shape([24, inputs]), groups = try Shape([24, (inputs + size - 1) / size])
        func levels(_ shape: Shape) throws -> Tensor {
            let numbers = (0..<shape.count).map { _ in Int.random(in: range, using: &generator) }
            return try Tensor(integers: numbers, as: type, shape: shape)
        }
        let scales = (0..<groups.count).map { _ in Float.random(in: 0.001...0.01, using: &generator) }
        let form = GroupedIntegers(
            levels: try levels(shape), scales: Tensor(scales, shape: groups),
            zeroPoints: try hasZeros || type == .uint4 ? levels(groups) : nil, grouping: .block(axis: 1, size: size))
        var weight = Weight(name: "w", form: .encoded(form))
        weight.execution = .blocks
        let x = ValueType(element: .float32, dimensions: [.fixed(7), .fixed(inputs)])
        let graph = Graph(
            nodes: [
                Node("Gemm", inputs: ["x", "w"], outputs: ["y"], attributes: [Attribute("transB", .integer(1))])
            ],
            inputs: [ValueInfo(name: "x", type: x)], outputs: [ValueInfo(name: "y")], weights: WeightTable([weight]))
        let model = Model(graph: graph, operatorSets: ["": 13], formatVersion: 8)
        let folder = try ScratchFolder(), source = try folder.write(ONNXWriter.encode(model), to: "m.onnx")
        let dense = try await Self.exported(source, folder, isStored: false)
        if groups.dimensions[1] * bits % 8 == 0 || form.zeroPoints == nil {
            #expect(try dense.tensor(named: "w") == form.decoded())
            let plain = try PlainReader(ContainerSamples.bytes(folder.path("m.pith"))).weights
            #expect(plain.map(\.numbers) == [form.decoded().floats()])
        } else {
            #expect(throws: FormatError.self) { try dense.tensor(named: "w") }
        }
    }

    /// Bits, block size (0: a scale for each row), and columns.
    @Test(arguments: [(4, 32, 96), (4, 16, 64), (4, 0, 40), (8, 32, 33), (8, 0, 5)])
    func `tables whose rows a kernel decodes are found`(_ bits: Int, _ size: Int, _ columns: Int) async throws {
        var generator = SplitMix64(seed: 8)
        let type = bits == 4 ? ScalarType.int4 : .int8, range = try #require(type.integerRange)
        let shape = try Shape([24, columns]), blocks = size == 0 ? 1 : (columns + size - 1) / size
        let levels = (0..<shape.count).map { _ in Int.random(in: range, using: &generator) }
        let scales = (0..<24 * blocks).map { _ in Float.random(in: 0.001...0.01, using: &generator) }
        let form = GroupedIntegers(
            levels: try Tensor(integers: levels, as: type, shape: shape),
            scales: Tensor(scales, shape: try Shape(size == 0 ? [24] : [24, blocks])),
            grouping: size == 0 ? .channel(axis: 0) : .block(axis: 1, size: size))
        var weight = Weight(name: "w", form: .encoded(form))
        weight.execution = .rows
        let indices = ValueType(element: .int64, dimensions: [.fixed(7)])
        let graph = Graph(
            nodes: [Node("Gather", inputs: ["w", "i"], outputs: ["y"])],
            inputs: [ValueInfo(name: "i", type: indices)], outputs: [ValueInfo(name: "y")],
            weights: WeightTable([weight]))
        let model = Model(graph: graph, operatorSets: ["": 13], formatVersion: 8)
        let folder = try ScratchFolder(), source = try folder.write(ONNXWriter.encode(model), to: "m.onnx")
        #expect(try await Self.exported(source, folder, isStored: false).tensor(named: "w") == form.decoded())
        let plain = try PlainReader(ContainerSamples.bytes(folder.path("m.pith"))).weights
        #expect(plain.map(\.numbers) == [form.decoded().floats()])
    }

    @Test func `a model with every form is exported as numbers, and comes back byte for byte`() async throws {
        let folder = try ScratchFolder(), source = try FormSamples.write(to: folder)
        let dense = try await Self.exported(source, folder, isStored: false)
        for weight in try FormSamples.weights() {
            #expect(try dense.tensor(named: weight.name) == weight.decoded(), "\(weight.name)")
        }
        #expect(dense.names.count == 11)
        try await ContainerSamples.unpack(folder.path("m.pith"), to: folder.path("back.onnx"))
        #expect(try ContainerSamples.bytes(folder.path("back.onnx")) == ContainerSamples.bytes(source))
    }

    @Test func `parts have stated names, levels of less than a byte a byte each`() async throws {
        let folder = try ScratchFolder(), source = try FormSamples.write(to: folder)
        let stored = try await Self.exported(source, folder, isStored: true)
        let weights = Dictionary(uniqueKeysWithValues: try FormSamples.weights().map { ($0.name, $0) })
        let triple = try #require(weights["triple"]?.representation as? GroupedIntegers)
        let levels = try stored.tensor(named: "triple.levels")
        #expect(levels.type == .int8 && levels.shape.dimensions == [70, 11])
        #expect(levels.integers() == triple.levels.integers())
        let palette = try #require(weights["palette"]?.representation as? Codebook)
        #expect(try stored.tensor(named: "palette.indices") == palette.indices)
        #expect(try stored.tensor(named: "palette.values") == palette.values)
        let sparse = try #require(weights["sparse"]?.representation as? SparseValues)
        #expect(try stored.tensor(named: "sparse.values") == sparse.values)
        #expect(try stored.tensor(named: "sparse.indices") == sparse.indices)
        #expect(try stored.tensor(named: "half.numbers").floats() == weights["half"]?.decoded().floats())
        #expect(try stored.tensor(named: "dense") == weights["dense"]?.decoded())
    }

    @Test func `safetensors have the same weights and parts`() async throws {
        let folder = try ScratchFolder(), source = try FormSamples.write(to: folder)
        for isStored in [false, true] {
            let archive = try await Self.exported(source, folder, isStored: isStored)
            _ = try ArrayExport(ContainerFile(path: folder.path("m.pith")), isStored: isStored)
                .write(to: folder.path("m.safetensors"))
            try await ContainerSamples.pack(folder.path("m.safetensors"), to: folder.path("n.pith"))
            let arrays = ContainerArrays(try ContainerFile(path: folder.path("n.pith")))
            for name in archive.names {
                let left = try archive.tensor(named: name), right = try arrays.tensor(named: name)
                #expect(left.shape == right.shape && left.floats() == right.floats(), "\(name)")
                #expect(left.integers() == right.integers(), "\(name)")
            }
        }
    }

    @Test func `one weight, or rows of it, is exported by its own name`() async throws {
        let folder = try ScratchFolder(), source = try FormSamples.write(to: folder)
        try await ContainerSamples.pack(source, to: folder.path("m.pith"))
        let weight = try #require(try FormSamples.weights().first { $0.name == "nibbles" })
        let export = ArrayExport(try ContainerFile(path: folder.path("m.pith")))
        _ = try export.write(array: "nibbles", rows: 2..<5, to: folder.path("w.npy"))
        let rows = try NPYReader.read(path: folder.path("w.npy"))
        #expect(rows.shape.dimensions == [3, 70])
        #expect(rows.floats() == weight.decoded().floats().map { Array($0[140..<350]) })
        #expect(throws: FormatError.self) { try export.write(array: "nibbles", rows: 7..<9, to: folder.path("w.npy")) }
    }

    @Test func `the plain reader decodes every form to the same numbers`() async throws {
        let folder = try ScratchFolder(), source = try FormSamples.write(to: folder)
        try check(try PlainReader(try await ContainerSamples.pack(source, to: folder.path("m.pith"))))
    }

    private func check(_ reader: PlainReader) throws {
        let weights = try FormSamples.weights().filter { $0.representation != nil }
        #expect(Set(reader.weights.map(\.name)) == Set(weights.map(\.name)))
        for weight in weights {
            let found = try #require(reader.weights.first { $0.name == weight.name })
            #expect(found.dimensions == weight.shape.dimensions)
            #expect(found.numbers == weight.decoded().floats(), "\(weight.name)")
        }
        #expect(reader.weights.first { $0.name == "palette" }?.kind == "codebook")
    }

    @Test func `the golden file with every form still gives its weights`() async throws {
        let file = Golden.folder.appendingPathComponent("version-1-forms.pith"), folder = try ScratchFolder()
        if Golden.isUpdated {
            let source = try FormSamples.write(to: folder)
            try Data(try await ContainerSamples.pack(source, to: folder.path("m.pith"))).write(to: file)
        }
        try check(try PlainReader(ContainerSamples.bytes(file.path)))
        _ = try ArrayExport(ContainerFile(path: file.path)).write(to: folder.path("w.npz"))
        let dense = try NPZArchive(path: folder.path("w.npz"))
        for weight in try FormSamples.weights() { #expect(try dense.tensor(named: weight.name) == weight.decoded()) }
    }

    @Test(
        .enabled(if: SharedData.has("models/kws-dscnn.onnx"), "needs the shared models"),
        arguments: ["models/kws-dscnn.onnx", "models/kjv-lm.onnx"])
    func `a model of dense weights has no forms but those of its own operators`(_ name: String) throws {
        let packed = try PackedModel.read(path: SharedData.url(name).path)
        #expect(packed.forms.isEmpty)
        #expect(packed.order.sorted() == Array(packed.arrays.indices))
    }
}
