import Foundation
import PithFormats
import PithModel
import PithTensor
import PithTestSupport
import Testing

/// Where arrays lie in a container.
@Suite struct UseOrderTests {
    /// A model whose weights `a` to `d` are read in another order than the file has them; `s` and `t` are small.
    private static func write(to folder: ScratchFolder) throws -> String {
        var samples = NumberSamples(seed: 12)
        func weight(_ name: String, _ rows: Int) throws -> Weight {
            Weight(name, Tensor(samples.weights(rows: rows, columns: 200), shape: try Shape([rows, 200])))
        }
        let weights = try [("a", 200), ("s", 1), ("b", 200), ("c", 200), ("t", 1), ("d", 200)].map {
            try weight($0.0, $0.1)
        }
        let order = ["c", "t", "a", "d", "s", "b"]
        let graph = Graph(
            nodes: order.map { Node("Identity", inputs: [$0], outputs: ["\($0)_out"]) }
                + [Node("Add", inputs: ["x", "c_out"], outputs: ["y"])],
            inputs: [ValueInfo(name: "x", type: ValueType(element: .float32, dimensions: [.fixed(200), .fixed(200)]))],
            outputs: (["y"] + order.map { "\($0)_out" }).map { ValueInfo(name: $0) }, weights: WeightTable(weights))
        let model = Model(graph: graph, operatorSets: ["": 13], formatVersion: 8)
        return try folder.write(ONNXWriter.encode(model), to: "m.onnx")
    }

    /// Names of arrays in the order of their first blocks.
    private static func names(_ file: ContainerFile) -> [String] {
        var seen: Set<String> = []
        let all = file.directory.blocks.flatMap { $0.segments.map { file.directory.arrays[$0.array].name } }
        return all.filter { seen.insert($0).inserted }
    }

    @Test func `blocks lie in the order in which the graph reads weights, small ones where the first of them is`()
        async throws
    {
        let folder = try ScratchFolder(), source = try Self.write(to: folder)
        try await ContainerSamples.pack(source, to: folder.path("m.pith"))
        let file = try ContainerFile(path: folder.path("m.pith"))
        #expect(Self.names(file) == ["m.onnx", "c", "t", "s", "a", "d", "b"])
        #expect(file.endOfHotBlocks == nil)
        try await ContainerSamples.unpack(folder.path("m.pith"), to: folder.path("back.onnx"))
        #expect(try ContainerSamples.bytes(folder.path("back.onnx")) == ContainerSamples.bytes(source))
    }

    @Test func `hot arrays lie before all others and share blocks with each other only`() async throws {
        let folder = try ScratchFolder(), source = try Self.write(to: folder)
        let model = try PackedModel.read(path: source).first(["b", "s"])
        try await ContainerSamples.pack(model, to: folder.path("m.pith"))
        let file = try ContainerFile(path: folder.path("m.pith"))
        #expect(Self.names(file) == ["m.onnx", "b", "s", "c", "t", "a", "d"])
        #expect(file.directory.hot.map { file.directory.arrays[$0].name } == ["b", "s"])
        let end = try #require(file.endOfHotBlocks)
        #expect(end < file.byteCount / 3)
        #expect(Set(try PlainReader(ContainerSamples.bytes(folder.path("m.pith"))).hotNames) == ["b", "s"])
        #expect(throws: FormatError.self) { try PackedModel.read(path: source).first(["nothing*"]) }
    }

    @Test func `a stream gives an array as soon as its blocks came`() async throws {
        let folder = try ScratchFolder(), source = try Self.write(to: folder)
        let model = try PackedModel.read(path: source).first(["s", "b"])
        let packed = try await ContainerSamples.pack(model, to: folder.path("m.pith"))
        let file = try ContainerFile(path: folder.path("m.pith")), arrays = ContainerArrays(file)
        let end = try #require(file.endOfHotBlocks)
        let cut = try folder.write(Array(packed[..<end]), to: "cut.pith")
        func stream() throws -> ContainerStream { try ContainerStream(InputFile(path: cut), named: "cut") }
        #expect(try await stream().tensor(named: "b") == arrays.tensor(named: "b"))
        #expect(try await stream().tensor(named: "s") == arrays.tensor(named: "s"))
        #expect(try await stream().tensor(named: "b", rows: 70..<90) == arrays.tensor(named: "b", rows: 70..<90))
        await #expect(throws: FormatError.self) { try await stream().tensor(named: "a") }
        await #expect(throws: FormatError.self) { try await stream().tensor(named: "b", rows: 190..<201) }
        await #expect(throws: FormatError.self) { try await stream().tensor(named: "nothing") }
    }

    @Test func `a cache of decoded blocks keeps to its budget and gives the same rows`() async throws {
        let folder = try ScratchFolder(), source = try Self.write(to: folder)
        try await ContainerSamples.pack(source, to: folder.path("m.pith"))
        let file = try ContainerFile(path: folder.path("m.pith"))
        let cached = ContainerArrays(file, cacheBytes: 400_000), plain = ContainerArrays(file, cacheBytes: 0)
        for name in ["a", "b", "a", "c", "d", "b", "a"] {
            #expect(try cached.tensor(named: name, rows: 3..<11) == plain.tensor(named: name, rows: 3..<11))
            #expect(cached.cachedByteCount <= 400_000)
        }
        #expect(cached.cachedByteCount >= 160_000)
        #expect(plain.cachedByteCount == 0)
    }
}
