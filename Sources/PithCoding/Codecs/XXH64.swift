internal import CPithKernels
internal import PithTensor

/// The checksum of container blocks: 64 bits that change with any damage one meets, though not against intent.
///
/// - Reference: xxHash fast digest algorithm, XXH64 with seed 0.
public enum XXH64 {
    /// The checksum of `bytes`.
    ///
    /// - Complexity: O(*n*) time, far above the speed of memory.
    public static func checksum(of bytes: RawSpan) -> UInt64 {
        unsafe bytes.withUnsafeBytes { buffer in
            unsafe pith_xxh64(buffer.baseAddress?.assumingMemoryBound(to: UInt8.self), buffer.count)
        }
    }

    /// The checksum of an array.
    public static func checksum(of bytes: [UInt8]) -> UInt64 { unsafe checksum(of: bytes.span.bytes) }
}
