import PithModel

/// Picks fields out of kept protobuf bytes by their number.
enum WireFields {
    /// `fields` without those whose number is in `numbers`; bytes that are no sound fields are kept as they are.
    ///
    /// - Reference: Protocol Buffers documentation, "Encoding".
    static func removing(_ numbers: Set<Int>, from fields: ForeignFields) -> ForeignFields {
        let bytes = fields.bytes
        var kept: [UInt8] = [], offset = 0
        while offset < bytes.count {
            let start = offset
            guard let number = skipField(in: bytes, at: &offset) else { return ForeignFields(kept + bytes[start...]) }
            if !numbers.contains(number) { kept += bytes[start..<offset] }
        }
        return ForeignFields(kept)
    }

    /// Moves past one field and gives its number, nil when the bytes are not sound.
    private static func skipField(in bytes: [UInt8], at offset: inout Int) -> Int? {
        guard let tag = varint(in: bytes, at: &offset) else { return nil }
        switch tag & 7 {
        case 0: guard varint(in: bytes, at: &offset) != nil else { return nil }
        case 1: offset += 8
        case 2:
            guard let length = varint(in: bytes, at: &offset), length <= UInt64(bytes.count - offset) else {
                return nil
            }
            offset += Int(length)
        case 5: offset += 4
        default: return nil
        }
        return offset <= bytes.count ? Int(tag >> 3) : nil
    }

    private static func varint(in bytes: [UInt8], at offset: inout Int) -> UInt64? {
        var value: UInt64 = 0, shift: UInt64 = 0
        while offset < bytes.count, shift < 64 {
            let byte = bytes[offset]
            offset += 1
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
        return nil
    }
}
