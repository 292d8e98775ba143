/// Protobuf wire bytes, written field by field: files that no library would write.
struct ProtoWriter {
    private(set) var bytes: [UInt8] = []

    static func varint(_ value: UInt64) -> [UInt8] {
        var rest = value, bytes: [UInt8] = []
        while rest >= 0x80 {
            bytes.append(UInt8(rest & 0x7f) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    mutating func number(_ field: Int, _ value: Int) {
        bytes += ProtoWriter.varint(UInt64(field << 3)) + ProtoWriter.varint(UInt64(bitPattern: Int64(value)))
    }

    mutating func float(_ field: Int, _ value: Float) {
        bytes += ProtoWriter.varint(UInt64(field << 3 | 5)) + littleEndian([value])
    }

    mutating func data(_ field: Int, _ content: [UInt8]) {
        bytes += ProtoWriter.varint(UInt64(field << 3 | 2)) + ProtoWriter.varint(UInt64(content.count)) + content
    }

    mutating func text(_ field: Int, _ content: String) { data(field, Array(content.utf8)) }

    /// A length-delimited field that claims a length of its own.
    mutating func lie(_ field: Int, length: UInt64, _ content: [UInt8] = []) {
        bytes += ProtoWriter.varint(UInt64(field << 3 | 2)) + ProtoWriter.varint(length) + content
    }

    mutating func message(_ field: Int, _ build: (inout ProtoWriter) -> Void) { data(field, ProtoWriter.bytes(build)) }

    static func bytes(_ build: (inout ProtoWriter) -> Void) -> [UInt8] {
        var writer = ProtoWriter()
        build(&writer)
        return writer.bytes
    }
}

/// The memory of floats on a little-endian machine.
func littleEndian(_ values: [Float]) -> [UInt8] {
    values.flatMap { value in (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> UInt32($0 * 8)) } }
}
