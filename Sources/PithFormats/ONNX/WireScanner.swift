internal import PithTensor

/// One field of an encoded protobuf message, found without decoding or copying it.
struct WireField {
    /// Field number.
    let number: Int
    /// Wire type: 0 varint, 1 eight bytes, 2 length-delimited, 5 four bytes.
    let wireType: Int
    /// The whole field with its tag.
    let range: Range<Int>
    /// The bytes after tag and length.
    let content: Range<Int>
}

/// Walks the fields of encoded protobuf messages inside a mapped file, touching tags and lengths only.
///
/// - Reference: Protocol Buffers documentation, "Encoding".
struct WireScanner {
    let bytes: RawSpanReader
    /// The file, for messages.
    let subject: String

    /// Calls `body` for each field of the message at `range`.
    ///
    /// - Throws: `FormatError` `.corrupt` where a tag, length or wire type is not sound, with its byte offset.
    func forEachField(in range: Range<Int>, _ body: (WireField) throws(FormatError) -> Void) throws(FormatError) {
        var offset = range.lowerBound
        while offset < range.upperBound {
            let start = offset
            let tag = try varint(at: &offset, end: range.upperBound)
            let wireType = Int(tag & 7), number = tag >> 3
            guard (1...536_870_911).contains(number) else { throw corrupt("the field number \(number)", at: start) }
            var content = offset..<offset
            switch wireType {
            case 0: _ = try varint(at: &offset, end: range.upperBound)
            case 1: offset += 8
            case 2:
                let length = try varint(at: &offset, end: range.upperBound)
                guard length <= UInt64(range.upperBound - offset) else {
                    throw FormatError(
                        code: .truncated, subject: subject,
                        problem: "a field at byte \(start) says it has \(length) bytes, but only "
                            + "\(range.upperBound - offset) are left.",
                        remedy: "The file is cut short or damaged; download or export it again.")
                }
                content = offset..<offset + Int(length)
                offset += Int(length)
            case 5: offset += 4
            default: throw corrupt("the wire type \(wireType)", at: start)
            }
            guard offset <= range.upperBound else { throw corrupt("a field that runs past its message", at: start) }
            if wireType != 2 { content = content.lowerBound..<offset }
            try body(WireField(number: Int(number), wireType: wireType, range: start..<offset, content: content))
        }
    }

    private func varint(at offset: inout Int, end: Int) throws(FormatError) -> UInt64 {
        var value: UInt64 = 0, shift: UInt64 = 0
        let start = offset
        while offset < end, shift < 64 {
            let byte = bytes[offset]
            offset += 1
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
        throw corrupt("a number without end", at: start)
    }

    private func corrupt(_ what: String, at offset: Int) -> FormatError {
        FormatError(
            code: .corrupt, subject: subject, problem: "there is \(what) at byte \(offset).",
            remedy: "This is not a sound ONNX file; download or export it again.")
    }
}

/// Random access to the bytes of a storage, one at a time and in runs.
struct RawSpanReader {
    let storage: Storage

    subscript(offset: Int) -> UInt8 { storage.withBytes { $0.byte(at: offset) } }

    /// A copy of the bytes in `range`.
    func copy(_ range: Range<Int>) -> [UInt8] {
        storage.slice(range).withBytes { $0.bytes }
    }
}
