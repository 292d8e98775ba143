package import PithTensor

/// Reads numbers off the front of bytes from outside, and never past their end.
package struct ByteReader {
    /// What the bytes are, for errors.
    package let subject: String
    /// Where the next number starts.
    package private(set) var offset: Int
    private let bytes: Storage
    private let end: Int

    /// Reads `bytes` from the first to the last; `subject` names them in errors.
    package init(_ bytes: Storage, named subject: String) {
        self.bytes = bytes
        offset = 0
        self.subject = subject
        end = bytes.byteCount
    }

    /// Reads an array.
    package init(_ bytes: [UInt8], named subject: String) { self.init(Storage(bytes), named: subject) }

    /// Bytes that were not read yet.
    package var remaining: Int { end - offset }

    /// The next byte.
    ///
    /// - Throws: `CodingError` `.truncated` at the end.
    package mutating func byte() throws(CodingError) -> UInt8 {
        try need(1)
        defer { offset += 1 }
        return bytes.withBytes { $0.byte(at: offset) }
    }

    /// The next number in groups of seven bits, at most `limit`.
    ///
    /// - Throws: `CodingError` `.truncated` at the end, `.corrupt` above the limit or for more groups than it takes.
    package mutating func varint(_ meaning: String, atMost limit: Int) throws(CodingError) -> Int {
        let start = offset
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 63, by: 7) {
            let next = try byte()
            value |= UInt64(next & 0x7f) << shift
            guard next < 0x80 else { continue }
            guard limit >= 0, value <= UInt64(limit), next != 0 || shift == 0 else {
                throw corrupt("\(meaning) is \(value), above \(limit) or written too long", at: start)
            }
            return Int(value)
        }
        throw corrupt("\(meaning) does not end", at: start)
    }

    /// The next little-endian number of `Value`'s size.
    ///
    /// - Throws: `CodingError` `.truncated` at the end.
    package mutating func number<Value: FixedWidthInteger>(_ type: Value.Type) throws(CodingError) -> Value {
        let count = Value.bitWidth / 8
        try need(count)
        defer { offset += count }
        return bytes.withBytes { bytes in
            (0..<count).reduce(0) { $0 | Value(truncatingIfNeeded: bytes.byte(at: offset + $1)) << (8 * $1) }
        }
    }

    /// The next `count` bytes where they lie.
    ///
    /// - Throws: `CodingError` `.truncated` when fewer are left.
    package mutating func take(_ count: Int) throws(CodingError) -> Storage {
        try need(count)
        defer { offset += count }
        return bytes.slice(offset..<offset + count)
    }

    /// A copy of the next `count` bytes.
    ///
    /// - Throws: `CodingError` `.truncated` when fewer are left.
    package mutating func array(_ count: Int) throws(CodingError) -> [UInt8] {
        try take(count).withBytes { $0.bytes }
    }

    /// The next `count` bytes, or all there are if fewer, without passing over them.
    package func peek(_ count: Int) -> [UInt8] {
        bytes.slice(offset..<offset + min(count, remaining)).withBytes { $0.bytes }
    }

    /// A reader of the next `count` bytes, passed over here.
    ///
    /// - Throws: `CodingError` `.truncated` when fewer are left.
    package mutating func part(_ count: Int, named name: String) throws(CodingError) -> ByteReader {
        ByteReader(try take(count), named: "\(subject), \(name)")
    }

    /// Passes over the next `count` bytes.
    ///
    /// - Throws: `CodingError` `.truncated` when fewer are left.
    package mutating func skip(_ count: Int) throws(CodingError) {
        try need(count)
        offset += count
    }

    /// The next text: its length, then UTF-8.
    ///
    /// - Throws: `CodingError` `.truncated` at the end, `.corrupt` for other bytes.
    package mutating func text(_ meaning: String, atMost limit: Int) throws(CodingError) -> String {
        let start = offset
        let count = try varint("the length of \(meaning)", atMost: limit)
        guard let text = String(validating: try array(count), as: UTF8.self) else {
            throw corrupt("\(meaning) is not UTF-8", at: start)
        }
        return text
    }

    /// An error about the byte at `offset`.
    package func corrupt(_ problem: String, at offset: Int? = nil) -> CodingError {
        CodingError(
            code: .corrupt, subject: "\(subject), byte \(offset ?? self.offset)", problem: "\(problem).",
            remedy: CodingError.damaged)
    }

    private func need(_ count: Int) throws(CodingError) {
        guard count >= 0, count <= end - offset else {
            throw CodingError(
                code: .truncated, subject: "\(subject), byte \(offset)",
                problem: "\(count) bytes are needed here and \(end - offset) are left.", remedy: CodingError.damaged)
        }
    }
}

/// Reads bits off bytes, the lowest bit of each byte first.
package struct BitReader {
    private let bytes: [UInt8]
    /// Bits that were fetched and not read yet, those above `available` 0.
    private var window = UInt64(0)
    private var available = 0, next = 0

    /// Reads `bytes` from the first bit.
    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Bytes that were begun.
    package var bytesRead: Int { next - available / 8 }

    /// The next `count` bits, at most 56, as a number, the lowest first; nil past the end.
    package mutating func bits(_ count: Int) -> Int? {
        precondition((0...56).contains(count), "At most 56 bits are read at once.")
        while available < count {
            guard next < bytes.count else { return nil }
            window |= UInt64(bytes[next]) << UInt64(available)
            next += 1
            available += 8
        }
        let value = window & (1 << UInt64(count) - 1)
        window >>= UInt64(count)
        available -= count
        return Int(value)
    }

    /// Whether the unused bits of the last byte begun are zero.
    package var hasCleanEnd: Bool { window & (1 << UInt64(available % 8) - 1) == 0 }
}

extension CodingError {
    /// What to do about bytes that contradict themselves.
    package static let damaged = "The file is damaged; download or copy it again."
}
