internal import Crypto
public import PithTensor

/// A SHA-256 hash: 32 bytes that name content.
///
/// - Reference: FIPS 180-4; computed by swift-crypto.
public struct SHA256Digest: Hashable, Sendable, CustomStringConvertible {
    /// The 32 bytes, most significant first.
    public let bytes: [UInt8]

    fileprivate init(bytes: [UInt8]) { self.bytes = bytes }

    /// Hashes `bytes`.
    ///
    /// - Complexity: O(*n*) time; nothing is copied.
    public init(of bytes: RawSpan) {
        var hasher = SHA256Hasher()
        hasher.update(bytes)
        self = hasher.digest()
    }

    /// Hashes the bytes of `storage`, which may be a mapped file: pages are read as they are hashed.
    public init(of storage: Storage) {
        self = storage.withBytes { SHA256Digest(of: $0) }
    }

    /// Reads 64 hexadecimal digits; nil for anything else.
    public init?(hex: String) {
        let digits = hex.utf8.compactMap { Character(Unicode.Scalar($0)).hexDigitValue }
        guard hex.utf8.count == 64, digits.count == 64 else { return nil }
        bytes = (0..<32).map { UInt8(digits[2 * $0] << 4 | digits[2 * $0 + 1]) }
    }

    /// The 32 bytes as 64 lower-case hexadecimal digits.
    public var hex: String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    public var description: String { hex }
}

/// Computes a `SHA256Digest` of bytes that come in parts.
public struct SHA256Hasher: Sendable {
    private var state = SHA256()

    /// Starts with no bytes.
    public init() {}

    /// Adds `bytes`.
    public mutating func update(_ bytes: RawSpan) {
        unsafe bytes.withUnsafeBytes { unsafe state.update(bufferPointer: $0) }
    }

    /// The hash of all bytes so far; more may follow.
    public func digest() -> SHA256Digest {
        SHA256Digest(bytes: Array(state.finalize()))
    }
}
