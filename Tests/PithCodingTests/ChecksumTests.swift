import PithCoding
import PithTensor
import Testing

@Suite struct ChecksumTests {
    @Test func `CRC-32 of the standard check string is cbf43926`() {
        let text = Storage(Array("123456789".utf8))
        #expect(text.withBytes { CRC32.checksum(of: $0) } == 0xcbf4_3926)
        #expect(Storage([UInt8]()).withBytes { CRC32.checksum(of: $0) } == 0)
    }

    @Test func `CRC-32 in parts equals CRC-32 at once`() {
        let bytes = Storage((0..<1000).map { UInt8(truncatingIfNeeded: $0 * 7) })
        var parts = CRC32()
        bytes.slice(0..<333).withBytes { parts.update($0) }
        bytes.slice(333..<333).withBytes { parts.update($0) }
        bytes.slice(333..<1000).withBytes { parts.update($0) }
        #expect(parts.value == bytes.withBytes { CRC32.checksum(of: $0) })
    }

    @Test func `SHA-256 of abc is the published digest`() {
        let digest = SHA256Digest(of: Storage(Array("abc".utf8)))
        #expect(digest.hex == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(SHA256Digest(hex: digest.hex) == digest)
    }

    @Test func `SHA-256 of nothing and of parts are right`() {
        #expect(
            SHA256Hasher().digest().hex == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        var hasher = SHA256Hasher()
        for part in ["a", "", "bc"] { Storage(Array(part.utf8)).withBytes { hasher.update($0) } }
        #expect(hasher.digest() == SHA256Digest(of: Storage(Array("abc".utf8))))
    }

    @Test(arguments: ["", "ab", String(repeating: "g", count: 64), String(repeating: "é", count: 32)])
    func `Text that is not 64 hexadecimal digits is no digest`(text: String) {
        #expect(SHA256Digest(hex: text) == nil)
    }
}
