import Foundation
import PithCoding
import PithFormats
import PithTensor
import PithTestSupport
import Testing

@Suite struct PlainReaderTests {
    @Test func `the plain reader and ours see the same files in what we write today`() async throws {
        let folder = try ScratchFolder(), model = ContainerSamples.safetensors()
        let source = try folder.write(model, to: "m.safetensors")
        let packed = try await ContainerSamples.pack(source, to: folder.path("m.pith"))
        let plain = try PlainReader(packed)
        #expect(plain.kind == "safetensors")
        #expect(plain.files == ["m.safetensors": model])
        #expect(plain.arrayNames.dropFirst() == ["embedding", "half", "tied", "steps", "ones", "levels"])
    }

    @Test(.enabled(if: SharedData.has("models/kws-dscnn.onnx"), "needs the shared models"))
    func `the plain reader brings a real model back`() async throws {
        let folder = try ScratchFolder(), source = SharedData.url("models/kws-dscnn.onnx").path
        let packed = try await ContainerSamples.pack(source, to: folder.path("m.pith"))
        #expect(try PlainReader(packed).files.values.first == ContainerSamples.bytes(source))
    }

    @Test func `large rows in classes agree with the plain reader`() async throws {
        var samples = NumberSamples(seed: 8)
        let values = samples.weights(rows: 128, columns: 512, spread: 8)
        let model = ContainerSamples.safetensors([
            ("w", "F32", [128, 512], NumberSamples.bytes(values.map(\.bitPattern))),
            ("s", "F32", [128, 512], NumberSamples.bytes(values.map { abs($0) < 0.05 ? 0 : $0.bitPattern })),
            ("p", "F32", [128, 512], NumberSamples.bytes(values.map { Float(Int($0 * 50)).bitPattern })),
        ])
        let folder = try ScratchFolder(), source = try folder.write(model, to: "m.safetensors")
        let packed = try await ContainerSamples.pack(source, to: folder.path("m.pith"))
        #expect(try PlainReader(packed).files.values.first == model)
    }

    static let files = [
        Golden(name: "version-1.pith", model: ContainerSamples.safetensors()),
        Golden(name: "version-1-levels.pith", model: ContainerSamples.levels()),
        Golden(name: "version-1-parts.pith", model: ContainerSamples.mixedRows()),
    ]

    @Test(arguments: files) func `the files of every released version still give the model they were made from`(
        golden: Golden
    ) async throws {
        let file = Golden.folder.appendingPathComponent(golden.name), model = golden.model
        if Golden.isUpdated {
            let folder = try ScratchFolder(), source = try folder.write(model, to: "m.safetensors")
            let packed = try await ContainerSamples.pack(source, to: folder.path("m.pith"))
            try Data(packed).write(to: file)
        }
        let bytes = try ContainerSamples.bytes(file.path), folder = try ScratchFolder()
        #expect(try PlainReader(bytes).files.values.first == model)
        try await ContainerSamples.unpack(file.path, to: folder.path("back.safetensors"))
        #expect(try ContainerSamples.bytes(folder.path("back.safetensors")) == model)
    }

    @Test func `the worked example of the specification is eight numbers`() throws {
        let body: [UInt8] = [0x03, 0x02, 0x00, 0x11, 0x02, 0x01, 0x00, 0x05, 0x07]
        #expect(try PlainReader.elements(of: body, count: 8, width: 1, isRotated: false) == [5, 0, 0, 0, 7, 0, 0, 0])
        let output = ByteBuffer()
        try BlockDecoder().decode(Storage(body), layout: NumberLayout(.int8), count: 8, named: "example", into: output)
        #expect(output.bytes(0..<8) == [5, 0, 0, 0, 7, 0, 0, 0])
    }
}
