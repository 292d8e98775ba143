/// Appends numbers to bytes as the container's format has them.
package struct ByteWriter {
    /// What was written so far.
    package private(set) var bytes: [UInt8] = []

    /// Starts with no bytes.
    package init() {}

    /// Appends one byte.
    package mutating func byte(_ value: UInt8) { bytes.append(value) }

    /// Appends `value` in groups of seven bits, the lowest first; all but the last have their top bit set.
    package mutating func varint(_ value: Int) {
        precondition(value >= 0, "A count can not be \(value).")
        var rest = UInt(value)
        while rest >= 0x80 {
            bytes.append(UInt8(rest & 0x7f) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    /// Appends a little-endian number of `Value`'s size.
    package mutating func number(_ value: some FixedWidthInteger) {
        for byte in 0..<value.bitWidth / 8 { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * byte))) }
    }

    /// Appends bytes as they are.
    package mutating func append(_ other: some Sequence<UInt8>) { bytes.append(contentsOf: other) }

    /// Appends a text: its length in bytes, then its UTF-8.
    package mutating func text(_ text: String) {
        let encoded = Array(text.utf8)
        varint(encoded.count)
        append(encoded)
    }
}

/// Appends bits to bytes, the lowest bit of each byte first.
package struct BitWriter {
    private var whole: [UInt8] = []
    private var pending = UInt64(0), used = 0

    /// Starts with no bits.
    package init() {}

    /// What was written so far; the last byte may have unused high bits, which are zero.
    package var bytes: [UInt8] { used == 0 ? whole : whole + [UInt8(truncatingIfNeeded: pending)] }

    /// Appends the lowest `count` bits of `value`, at most 56, the lowest first.
    package mutating func bits(_ value: Int, _ count: Int) {
        precondition((0...56).contains(count), "At most 56 bits are written at once.")
        pending |= (UInt64(truncatingIfNeeded: value) & (1 << UInt64(count) - 1)) << UInt64(used)
        used += count
        while used >= 8 {
            whole.append(UInt8(truncatingIfNeeded: pending))
            pending >>= 8
            used -= 8
        }
    }
}
