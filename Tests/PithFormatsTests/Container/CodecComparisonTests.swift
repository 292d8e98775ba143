import PithCoding
import PithFormats
import PithTensor
import Testing

@Suite struct CodecComparisonTests {
    @Test(arguments: [BlockCodec.auto, .store]) func `a comparison tells the bytes of the whole container`(
        codec: BlockCodec
    ) async throws {
        let parts = (0..<300).map { ("layer.\($0)", "U8", [$0 % 5 + 1], [UInt8](repeating: 1, count: $0 % 5 + 1)) }
        let folder = try ScratchFolder()
        let source = try folder.write(ContainerSamples.safetensors(parts), to: "m.safetensors")
        let model = try PackedModel.read(path: source), output = try OutputFile(path: folder.path("m.pith"))
        let report = try await ContainerPacker(model, threads: 1, codec: codec).pack(to: output, named: "m.pith")
        #expect(try CodecComparison(model).row(of: codec).byteCount == report.outputBytes)
    }
}
