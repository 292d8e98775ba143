import Foundation
import PithFormats
import PithModel
import PithTensor
import PithTestSupport
import Testing

/// Weights whose levels number the entries of a table.
@Suite struct TabledFormTests {
    /// How one of them is stored.
    struct Sample: Sendable, CustomTestStringConvertible {
        let name: String
        let type: ScalarType
        let bits: Int
        let lengths: [Int]
        let grouping: GroupedIntegers.Grouping
        var hasHalfScales = false
        var testDescription: String { "\(name): \(bits) bits, \(grouping)" }

        /// The weight; its seed is fixed, so these numbers never change.
        func form() throws -> TabledIntegers {
            var generator = SplitMix64(seed: 91)
            let shape = try Shape(lengths), groups = try Shape(GroupedIntegers.scaleDimensions(of: shape, grouping))
            let codes = (0..<shape.count).map { _ in Int.random(in: 0..<1 << bits, using: &generator) }
            // Scales may be negative.
            let scales = (0..<groups.count).map { _ in Float.random(in: -0.1...0.1, using: &generator) }
            let table = (0..<1 << bits).map { _ in Float.random(in: -1...1, using: &generator) }
            return TabledIntegers(
                codes: GroupedIntegers(
                    levels: try Tensor(integers: codes, as: type, shape: shape),
                    scales: hasHalfScales
                        ? try Tensor(rounding: scales, to: .float16, shape: groups) : Tensor(scales, shape: groups),
                    grouping: grouping, levelBits: bits), table: Tensor(vector: table))
        }

        func weight() throws -> Weight { Weight(name: name, form: .encoded(try form())) }
    }

    static let samples = [
        Sample(name: "bytes", type: .uint8, bits: 8, lengths: [12, 40], grouping: .channel(axis: 0)),
        Sample(name: "columns", type: .uint8, bits: 8, lengths: [12, 40], grouping: .channel(axis: 1)),
        Sample(name: "blocks", type: .uint8, bits: 8, lengths: [11, 64], grouping: .block(axis: 1, size: 16)),
        Sample(
            name: "ragged", type: .uint8, bits: 8, lengths: [70, 11], grouping: .block(axis: 0, size: 16),
            hasHalfScales: true),
        Sample(name: "nibbles", type: .uint4, bits: 4, lengths: [9, 16], grouping: .channel(axis: 0)),
        Sample(
            name: "quarters", type: .uint4, bits: 4, lengths: [8, 70], grouping: .block(axis: 1, size: 32),
            hasHalfScales: true),
        Sample(name: "whole", type: .uint4, bits: 4, lengths: [8, 64], grouping: .block(axis: 1, size: 32)),
        Sample(name: "triple", type: .uint4, bits: 3, lengths: [7, 24], grouping: .block(axis: 1, size: 8)),
        Sample(name: "seven", type: .uint8, bits: 7, lengths: [5, 30], grouping: .channel(axis: 0)),
        Sample(name: "pairs", type: .uint2, bits: 2, lengths: [6, 31], grouping: .tensor),
    ]

    /// A model that reads these weights, in `folder`.
    private static func write(_ samples: [Sample], to folder: ScratchFolder) throws -> String {
        let nodes = samples.map { Node("Identity", inputs: [$0.name], outputs: ["\($0.name)_out"]) }
        let outputs = samples.map { sample in
            ValueInfo(
                name: "\(sample.name)_out",
                type: ValueType(element: .float32, dimensions: sample.lengths.map { .fixed($0) }))
        }
        let graph = Graph(
            name: "tables", nodes: nodes, outputs: outputs, weights: WeightTable(try samples.map { try $0.weight() }))
        let model = Model(graph: graph, operatorSets: ["": 21], formatVersion: 10)
        return try folder.write(ONNXWriter.encode(model), to: "m.onnx")
    }

    /// The numbers of `samples` are those that both readers find in the container at `path`.
    private func check(_ samples: [Sample], _ path: String, _ folder: ScratchFolder) throws {
        let file = try ContainerFile(path: path), plain = try PlainReader(ContainerSamples.bytes(path)).weights
        #expect(Set(file.directory.forms.map(\.name)) == Set(samples.map(\.name)))
        #expect(file.directory.forms.count == samples.count)
        _ = try ArrayExport(file).write(to: folder.path("w.npz"))
        let dense = try NPZArchive(path: folder.path("w.npz"))
        for sample in samples {
            let expected = try sample.form().decoded()
            #expect(try dense.tensor(named: sample.name) == expected, "\(sample.name)")
            let found = try #require(plain.first { $0.name == sample.name })
            #expect(found.kind == "tabled-integers" && found.dimensions == sample.lengths)
            #expect(found.numbers == expected.floats(), "\(sample.name)")
        }
    }

    @Test(arguments: samples) func `codes into a table are found in the file and decode to the same numbers`(
        _ sample: Sample
    ) async throws {
        let folder = try ScratchFolder(), source = try Self.write([sample], to: folder), form = try sample.form()
        try await ContainerSamples.pack(source, to: folder.path("m.pith"))
        try check([sample], folder.path("m.pith"), folder)
        let file = try ContainerFile(path: folder.path("m.pith"))
        #expect(file.directory.forms.first?.form.setting("bits") == sample.bits)
        _ = try ArrayExport(file, isStored: true).write(to: folder.path("parts.npz"))
        let parts = try NPZArchive(path: folder.path("parts.npz"))
        #expect(try parts.tensor(named: "\(sample.name).codes").integers() == form.codes.levels.integers())
        #expect(try parts.tensor(named: "\(sample.name).scales") == form.codes.scales)
        #expect(try parts.tensor(named: "\(sample.name).table") == form.table)
        try await ContainerSamples.unpack(folder.path("m.pith"), to: folder.path("back.onnx"))
        #expect(try ContainerSamples.bytes(folder.path("back.onnx")) == ContainerSamples.bytes(source))
    }

    @Test func `the golden file with tables still gives its weights`() async throws {
        let file = Golden.folder.appendingPathComponent("version-1-tables.pith"), folder = try ScratchFolder()
        if Golden.isUpdated {
            let source = try Self.write(Self.samples, to: folder)
            try Data(try await ContainerSamples.pack(source, to: folder.path("m.pith"))).write(to: file)
        }
        try check(Self.samples, file.path, folder)
    }
}
