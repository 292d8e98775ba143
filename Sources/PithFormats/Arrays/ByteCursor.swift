internal import PithTensor

/// Reads little-endian numbers from the front of a run of bytes, and never past its end.
struct ByteCursor {
    let bytes: Storage
    /// The file, for errors.
    let name: String
    /// Where the next number starts.
    private(set) var offset: Int

    init(_ bytes: Storage, named name: String, at offset: Int = 0) {
        self.bytes = bytes
        self.name = name
        self.offset = offset
    }

    /// Bytes from `offset` to the end.
    var remaining: Int { max(bytes.byteCount - offset, 0) }

    /// The next `count` bytes without copying them.
    mutating func take(_ count: Int) throws(FormatError) -> Storage {
        guard offset >= 0, count >= 0, count <= remaining else {
            throw FormatError(
                code: .truncated, subject: "\(name), byte \(offset)",
                problem: "\(count) bytes are needed here and \(remaining) are left.",
                remedy: "The file was cut short or is damaged; download or copy it again.")
        }
        defer { offset += count }
        return bytes.slice(offset..<offset + count)
    }

    /// An unsigned number of `byteCount` bytes, at most 8.
    mutating func unsigned(_ byteCount: Int) throws(FormatError) -> UInt64 {
        let part = try take(byteCount)
        return part.withElements(as: UInt8.self) { span in
            span.indices.reversed().reduce(0) { $0 << 8 | UInt64(span[$1]) }
        }
    }

    /// A number of 2 or 4 bytes.
    mutating func small(_ byteCount: Int) throws(FormatError) -> Int {
        precondition(byteCount <= 4, "A small number has at most 4 bytes, not \(byteCount).")
        return Int(try unsigned(byteCount))
    }

    /// A number of 8 bytes that must fit an `Int`.
    mutating func large(_ meaning: String) throws(FormatError) -> Int {
        let start = offset
        let value = try unsigned(8)
        guard let number = Int(exactly: value) else {
            throw FormatError(
                code: .corrupt, subject: "\(name), byte \(start)", problem: "\(meaning) is \(value), past 2^63 - 1.",
                remedy: "The file is damaged; download or copy it again.")
        }
        return number
    }
}

extension Storage {
    /// The bytes as text, nil when they are not UTF-8.
    var utf8Text: String? {
        withBytes { String(validating: $0.bytes, as: UTF8.self) }
    }
}

extension FormatError {
    /// What to do about a file that contradicts itself.
    static let damaged = "The file is damaged; download, copy or export it again."

    /// A file that could not be mapped.
    init(_ error: TensorError) {
        let code: Code = error.code == .unreadableFile ? .missing : .corrupt
        self.init(code: code, subject: error.subject, problem: error.problem, remedy: error.remedy)
    }
}

extension MappedFile {
    /// The bytes of the file at `path`, which stay on disk until they are touched.
    static func bytes(of path: String) throws(FormatError) -> Storage {
        do { return try MappedFile(path: path).storage } catch { throw FormatError(error) }
    }
}
