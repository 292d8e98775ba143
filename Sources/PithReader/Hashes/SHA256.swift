/// SHA-256, the hash of the container's root.
package struct SHA256: Sendable {
    private var state: [UInt32]
    private var buffer: [UInt8] = []
    private var byteCount: UInt64 = 0

    /// A hash of nothing yet.
    package init() { state = Self.initial }

    /// Appends the bytes at `range`.
    package mutating func update(_ bytes: [UInt8], _ range: Range<Int>) {
        byteCount += UInt64(range.count)
        buffer += bytes[range]
        compressBuffer()
    }

    /// The 32 bytes of the hash of all that was appended.
    package consuming func digest() -> [UInt8] {
        buffer.append(0x80)
        while buffer.count % 64 != 56 { buffer.append(0) }
        for shift in stride(from: UInt64(56), through: 0, by: -8) {
            buffer.append(UInt8(truncatingIfNeeded: (8 * byteCount) >> shift))
        }
        compressBuffer()
        var digest: [UInt8] = []
        for word in state {
            for shift in stride(from: UInt32(24), through: 0, by: -8) {
                digest.append(UInt8(truncatingIfNeeded: word >> shift))
            }
        }
        return digest
    }

    private mutating func compressBuffer() {
        var words = [UInt32](repeating: 0, count: 64), place = 0
        while place + 64 <= buffer.count {
            for index in 0..<16 {
                let at = place + 4 * index
                words[index] =
                    UInt32(buffer[at]) << 24 | UInt32(buffer[at + 1]) << 16 | UInt32(buffer[at + 2]) << 8
                    | UInt32(buffer[at + 3])
            }
            compress(&words)
            place += 64
        }
        buffer.removeFirst(place)
    }

    /// Mixes in a block; the first 16 of `words` are given.
    private mutating func compress(_ words: inout [UInt32]) {
        for t in 16..<64 {
            let x = words[t - 15], y = words[t - 2]
            let low = Self.rotate(x, 7) ^ Self.rotate(x, 18) ^ x >> 3
            let high = Self.rotate(y, 17) ^ Self.rotate(y, 19) ^ y >> 10
            words[t] = words[t - 16] &+ low &+ words[t - 7] &+ high
        }
        var (a, b, c, d) = (state[0], state[1], state[2], state[3])
        var (e, f, g, h) = (state[4], state[5], state[6], state[7])
        for t in 0..<64 {
            let choice = e & f ^ ~e & g, majority = a & b ^ a & c ^ b & c
            let mixed = Self.rotate(e, 6) ^ Self.rotate(e, 11) ^ Self.rotate(e, 25)
            let first = h &+ mixed &+ choice &+ Self.keys[t] &+ words[t]
            let second = (Self.rotate(a, 2) ^ Self.rotate(a, 13) ^ Self.rotate(a, 22)) &+ majority
            (h, g, f, e, d, c, b, a) = (g, f, e, d &+ first, c, b, a, first &+ second)
        }
        for (index, word) in [a, b, c, d, e, f, g, h].enumerated() { state[index] &+= word }
    }

    private static func rotate(_ x: UInt32, _ bits: UInt32) -> UInt32 { x >> bits | x << (32 - bits) }
}
