import PithCoding
import PithTensor

/// Puts parts from anywhere together to a container whose checksums are right, so that what lies behind them is reached.
enum ContainerAssembly {
    /// A container: two bytes of length and a directory, then two bytes of length and the body of each block.
    static func container(of bytes: [UInt8]) -> [UInt8] {
        var parts: [[UInt8]] = [], place = 0
        while place + 2 <= bytes.count {
            let end = min(place + 2 + Int(bytes[place]) + Int(bytes[place + 1]) << 8, bytes.count)
            parts.append(Array(bytes[place + 2..<end]))
            place = end
        }
        let text = parts.first ?? [],
            start: [UInt8] = [0x89, 0x50, 0x49, 0x54, 0x48, 0x0D, 0x0A, 0x1A, 1, 0, 0, 0, 0, 0, 0, 0]
        // A stored block of text: its method, and the bytes themselves.
        let stored = text.isEmpty ? [] : varint(text.count + 1) + [0] + text
        let directory = frame(1, varint(text.count) + stored), blocks = parts.dropFirst().map { frame(2, $0) }
        let entries = blocks.flatMap { varint($0.count - 13) + $0.suffix(8) }
        let index = frame(3, varint(blocks.count) + entries), before = start + directory + blocks.flatMap { $0 }
        var hasher = SHA256Hasher()
        Storage(start + directory + index).withBytes { hasher.update($0) }
        return before + index + frame(4, little(before.count, 8) + little(index.count, 8) + hasher.digest().bytes)
    }

    private static func frame(_ kind: UInt8, _ body: [UInt8]) -> [UInt8] {
        let bytes = [kind] + little(body.count, 4) + body
        return bytes + little(Int(bitPattern: UInt(XXH64.checksum(of: bytes))), 8)
    }

    private static func little(_ value: Int, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: UInt(bitPattern: value) >> UInt(8 * $0)) }
    }

    private static func varint(_ value: Int) -> [UInt8] {
        value < 0x80 ? [UInt8(value)] : [UInt8(value & 0x7F) | 0x80] + varint(value >> 7)
    }
}
