internal import PithCoding
internal import PithTensor

/// The parts of a container file, each with its kind, length and checksum.
///
/// | offset | size | meaning                                                  |
/// | ------ | ---- | -------------------------------------------------------- |
/// | 0      | 1    | kind                                                     |
/// | 1      | 4    | length of the body, little-endian                        |
/// | 5      | n    | body                                                     |
/// | 5 + n  | 8    | XXH64 of all bytes before, from the kind on, little-endian |
enum ContainerFrame {
    /// What a frame holds.
    enum Kind: UInt8 {
        case directory = 1
        case block = 2
        case index = 3
        case end = 4
    }

    /// Bytes before and after the body.
    static let headCount = 5, tailCount = 8
    /// Bytes around a body.
    static let overhead = headCount + tailCount

    /// The first bytes of every container: a mark that transfers as text destroy, the version 1, no flags, zeros.
    static let preamble: [UInt8] = [0x89, 0x50, 0x49, 0x54, 0x48, 0x0D, 0x0A, 0x1A, 1, 0, 0, 0, 0, 0, 0, 0]
    /// Length of the end frame: the place of the index, its length and the root of the hash tree.
    static let endCount = overhead + 48

    /// Longest body of each kind.
    static func limit(of kind: Kind) -> Int {
        switch kind {
        case .directory, .index: 1 << 26
        case .block: BlockEncoder.mostElements * 8 + 64
        case .end: 48
        }
    }

    /// A whole frame.
    static func encoded(_ kind: Kind, _ body: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(body.count + overhead)
        out.append(kind.rawValue)
        for shift in [0, 8, 16, 24] { out.append(UInt8(truncatingIfNeeded: body.count >> shift)) }
        out += body
        let sum = XXH64.checksum(of: out)
        for shift in stride(from: UInt64(0), to: 64, by: 8) { out.append(UInt8(truncatingIfNeeded: sum >> shift)) }
        return out
    }

    /// The kind and the length of the body that the first five bytes of a frame say.
    ///
    /// - Throws: `FormatError` `.corrupt` for another kind than the expected ones or a length above the limit.
    static func head(
        _ bytes: [UInt8], expecting kinds: [Kind], at offset: Int, path: String
    ) throws(FormatError) -> (kind: Kind, length: Int) {
        let length = (1...4).reduce(0) { $0 | Int(bytes[$1]) << (8 * ($1 - 1)) }
        guard let kind = Kind(rawValue: bytes[0]), kinds.contains(kind), length <= limit(of: kind) else {
            throw corrupt("a part of kind \(bytes[0]) and \(length) bytes can not stand here", at: offset, path: path)
        }
        return (kind, length)
    }

    /// The checksum behind the body of a whole frame, once it was compared with the bytes.
    ///
    /// - Throws: `FormatError` `.corrupt` when it does not match; `subject` says what is lost.
    static func verify(_ frame: Storage, at offset: Int, subject: String) throws(FormatError) -> UInt64 {
        let end = frame.byteCount - tailCount
        let stored = frame.withBytes { bytes in
            (0..<tailCount).reduce(UInt64(0)) { $0 | UInt64(bytes.byte(at: end + $1)) << UInt64(8 * $1) }
        }
        let sum = frame.slice(0..<end).withBytes { XXH64.checksum(of: $0) }
        guard sum == stored else {
            throw FormatError(
                code: .corrupt, subject: subject,
                problem: "the \(frame.byteCount) bytes at byte \(offset) do not match their checksum.",
                remedy: FormatError.damaged)
        }
        return sum
    }

    static func corrupt(_ problem: String, at offset: Int, path: String) -> FormatError {
        FormatError(
            code: .corrupt, subject: "\(path), byte \(offset)", problem: "\(problem).", remedy: FormatError.damaged)
    }
}
