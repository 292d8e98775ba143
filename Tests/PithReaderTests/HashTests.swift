import PithReader
import Testing

@Suite struct HashTests {
    /// Digests of FIPS 180-4's examples, and of Python's hashlib.
    @Test(arguments: [
        ("", 1, "e3b0c44298fc1c149afbf4c8996fb924"), ("abc", 1, "ba7816bf8f01cfea414140de5dae2223"),
        ("a", 1000, "41edece42d63e8d9bf515a9ba6932e1c"),
    ]) func `SHA-256 gives the published digests, also in pieces`(_ text: String, _ times: Int, _ digest: String) {
        let bytes = [UInt8](String(repeating: text, count: times).utf8)
        #expect(Golden.hash(bytes) == digest)
        for cut in [0, 1, 55, 63, 64, 65, 640] where cut <= bytes.count {
            var hash = SHA256()
            hash.update(bytes, 0..<cut)
            hash.update(bytes, cut..<bytes.count)
            #expect(Golden.hash(bytes) == hash.digest().prefix(16).map { Self.hex($0) }.joined())
        }
    }

    private static func hex(_ byte: UInt8) -> String { (byte < 16 ? "0" : "") + String(byte, radix: 16) }

    @Test func `XXH64 gives the published values, wherever the bytes lie`() {
        let bytes = [UInt8]("xabcx".utf8)
        #expect(XXHash64.hash([], 0..<0) == 0xEF46_DB37_51D8_E999)
        #expect(XXHash64.hash(bytes, 1..<4) == 0x44BC_2CF5_AD77_0999)
        let long = (0..<200).map { UInt8($0 * 7 & 255) }
        for count in 0..<100 {
            #expect(XXHash64.hash(long, 3..<3 + count) == XXHash64.hash([UInt8](long[3..<3 + count]), 0..<count))
        }
    }
}
