internal import CZlib

/// The checksum of ZIP, gzip and PNG: 32 bits, polynomial 0xEDB88320 (reflected).
///
/// - Complexity: O(*n*) time, no memory; zlib's implementation, over 1 GB/s.
/// - Reference: ISO 3309; RFC 1952, section 8.
public struct CRC32: Sendable {
    /// The checksum of the bytes so far; 0 for none.
    public private(set) var value: UInt32 = 0

    /// Starts with no bytes.
    public init() {}

    /// Adds `bytes`.
    public mutating func update(_ bytes: RawSpan) {
        let start = UInt(value)
        value = unsafe bytes.withUnsafeBytes { buffer in
            guard let base = buffer.baseAddress else { return UInt32(start) }
            let first = unsafe base.assumingMemoryBound(to: UInt8.self)
            return unsafe UInt32(truncatingIfNeeded: crc32_z(start, first, buffer.count))
        }
    }

    /// The checksum of `bytes` alone.
    public static func checksum(of bytes: RawSpan) -> UInt32 {
        var sum = CRC32()
        sum.update(bytes)
        return sum.value
    }
}
