import PithCoding
import PithTensor
import PithTestSupport
import Testing

@Suite struct BlockCodecTests {
    /// Codecs whose libraries are on this machine.
    private static let present = BlockCodec.allCases.filter { (try? $0.require()) != nil }

    private static func text() -> [UInt8] {
        (0..<2000).flatMap { Array("layer.\($0 % 24).weight \($0 * 37 % 1009); ".utf8) }
    }

    private static func coded(_ bytes: [UInt8], _ codec: BlockCodec) throws -> [UInt8] {
        try Storage(bytes).withBytes { (span) throws(CodingError) in
            try BlockEncoder().encode(span, layout: .text, unit: 0, codec: codec)
        }
    }

    private static func decoded(_ body: [UInt8], _ count: Int) throws -> [UInt8] {
        let buffer = ByteBuffer()
        try BlockDecoder().decode(Storage(body), layout: .text, count: count, named: "test", into: buffer)
        return buffer.bytes(0..<buffer.count)
    }

    @Test(arguments: present) func `text comes back through every codec, smaller through all but one`(
        _ codec: BlockCodec
    ) throws {
        let text = Self.text(), body = try Self.coded(text, codec)
        #expect(try Self.decoded(body, text.count) == text)
        if codec == .store { #expect(body.count == text.count + 1) } else { #expect(body.count < text.count / 2) }
    }

    @Test(arguments: present) func `what a codec can not shrink is stored`(_ codec: BlockCodec) throws {
        var samples = NumberSamples(seed: 1)
        let noise = (0..<3000).map { _ in UInt8(samples.uniform() * 256) }, body = try Self.coded(noise, codec)
        #expect(body.first == 0 && body.count == noise.count + 1)
        #expect(try Self.decoded(body, noise.count) == noise)
    }

    @Test(arguments: present) func `damaged and cut blocks of a codec are refused or harmless`(_ codec: BlockCodec)
        throws
    {
        let text = Self.text(), body = try Self.coded(text, codec)
        var samples = NumberSamples(seed: 2)
        for _ in 0..<200 {
            var damaged = body
            damaged[Int(samples.uniform() * Double(body.count))] ^= 1 << UInt8(samples.uniform() * 8)
            if let output = try? Self.decoded(damaged, text.count) { #expect(output.count == text.count) }
            let cut = Array(body[..<Int(samples.uniform() * Double(body.count))])
            #expect(throws: CodingError.self) { try Self.decoded(cut, text.count) }
        }
        #expect(throws: CodingError.self) { try Self.decoded(body, text.count + 1) }
    }

    @Test func `codecs that need no library beyond zlib are always there`() {
        #expect(Self.present.contains(.auto) && Self.present.contains(.store) && Self.present.contains(.gzip))
    }
}
