/// Damaged copies of a small valid file: what every reader must refuse or survive.
enum Damage {
    /// Every truncation of `bytes`, shortest first, without the whole.
    static func truncations(of bytes: [UInt8]) -> [[UInt8]] { bytes.indices.map { Array(bytes[..<$0]) } }

    /// `bytes` with one bit changed, for every bit.
    static func flips(of bytes: [UInt8]) -> [[UInt8]] {
        (0..<bytes.count * 8).map { bit in
            var damaged = bytes
            damaged[bit / 8] ^= 1 << UInt8(bit % 8)
            return damaged
        }
    }
}
