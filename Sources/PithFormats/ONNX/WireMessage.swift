internal import PithTensor

/// A protobuf message under construction whose large parts are references, not copies.
struct WireMessage {
    /// A run of the encoded message.
    enum Segment {
        case bytes([UInt8])
        case storage(Storage)
    }

    private(set) var segments: [Segment] = []
    private(set) var byteCount = 0

    /// Appends encoded fields.
    mutating func append(_ bytes: [UInt8]) {
        guard !bytes.isEmpty else { return }
        byteCount += bytes.count
        if case .bytes(var last) = segments.last {
            segments.removeLast()
            last.append(contentsOf: bytes)
            segments.append(.bytes(last))
        } else {
            segments.append(.bytes(bytes))
        }
    }

    /// Appends a length-delimited field that holds `storage`.
    mutating func append(field number: Int, storage: Storage) {
        append(WireMessage.header(field: number, length: storage.byteCount))
        guard storage.byteCount > 0 else { return }
        byteCount += storage.byteCount
        segments.append(.storage(storage))
    }

    /// Appends a nested message.
    mutating func append(field number: Int, message: WireMessage) {
        append(WireMessage.header(field: number, length: message.byteCount))
        append(message)
    }

    /// Appends the fields of another message.
    mutating func append(_ message: WireMessage) {
        for segment in message.segments {
            switch segment {
            case .bytes(let bytes): append(bytes)
            case .storage(let storage):
                byteCount += storage.byteCount
                segments.append(.storage(storage))
            }
        }
    }

    /// Appends a nested message that is already encoded.
    mutating func append(field number: Int, encoded: [UInt8]) {
        append(WireMessage.header(field: number, length: encoded.count))
        append(encoded)
    }

    /// The message in one piece.
    var bytes: [UInt8] {
        var all: [UInt8] = []
        all.reserveCapacity(byteCount)
        for segment in segments {
            switch segment {
            case .bytes(let bytes): all.append(contentsOf: bytes)
            case .storage(let storage): storage.withBytes { all.append(contentsOf: $0.bytes) }
            }
        }
        return all
    }

    /// Tag and length of a length-delimited field.
    static func header(field number: Int, length: Int) -> [UInt8] {
        varint(UInt64(number) << 3 | 2) + varint(UInt64(length))
    }

    /// `value` in groups of seven bits, the lowest first.
    static func varint(_ value: UInt64) -> [UInt8] {
        var value = value, bytes: [UInt8] = []
        while value >= 0x80 {
            bytes.append(UInt8(value & 0x7f) | 0x80)
            value >>= 7
        }
        bytes.append(UInt8(value))
        return bytes
    }
}
