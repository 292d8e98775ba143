internal import PithCoding
package import PithTensor

/// Writes ZIP archives of stored entries, one after the other; sizes past 4 GiB are written as zip64.
///
/// - Reference: PKWARE APPNOTE.TXT 6.3.10, sections 4.3 to 4.5.
package struct ZIPWriter {
    private let sink: FileSink
    private var directory = ByteWriter()
    private var offset = 0
    private var count = 0

    /// Writes to `sink`.
    package init(_ sink: FileSink) { self.sink = sink }

    /// Appends an entry.
    ///
    /// - Throws: `FormatError` `.unwritable`.
    package mutating func add(_ name: String, _ content: Storage) throws(FormatError) {
        let sum = content.withBytes { CRC32.checksum(of: $0) }
        var head = ByteWriter()
        head.number(UInt32(0x0403_4b50))
        record(name, sum, content.byteCount, to: &head)
        try write(head)
        try sink.write(content)
        directory.number(UInt32(0x0201_4b50))
        directory.number(UInt16(45))
        record(name, sum, content.byteCount, place: offset, to: &directory)
        offset += head.bytes.count + content.byteCount
        count += 1
    }

    /// What an entry's head and its record in the directory (which knows the `place`) have in common.
    private func record(_ name: String, _ sum: UInt32, _ size: Int, place: Int? = nil, to out: inout ByteWriter) {
        out.number(UInt16(45))
        out.number(UInt16(0x0800))
        out.number(UInt16(0))
        // Midnight of the first of January 1980, so that the same arrays make the same archive.
        out.number(UInt16(0))
        out.number(UInt16(0x21))
        out.number(sum)
        out.number(UInt32.max)
        out.number(UInt32.max)
        out.number(UInt16(name.utf8.count))
        out.number(UInt16(place == nil ? 20 : 28))
        if place != nil {
            out.number(UInt16(0))
            out.number(UInt16(0))
            out.number(UInt16(0))
            out.number(UInt32(0))
            out.number(UInt32.max)
        }
        out.append(Array(name.utf8))
        out.number(UInt16(1))
        out.number(UInt16(place == nil ? 16 : 24))
        out.number(UInt64(size))
        out.number(UInt64(size))
        if let place { out.number(UInt64(place)) }
    }

    /// Writes the directory; answers the size of the archive.
    ///
    /// - Throws: `FormatError` `.unwritable`.
    package mutating func finish() throws(FormatError) -> Int {
        var end = ByteWriter()
        guard count > 0 else {
            // NumPy knows an archive without arrays by its plain end.
            end.number(UInt32(0x0605_4b50))
            end.append([UInt8](repeating: 0, count: 18))
            try write(end)
            return end.bytes.count
        }
        end.number(UInt32(0x0606_4b50))
        end.number(UInt64(44))
        end.number(UInt16(45))
        end.number(UInt16(45))
        end.number(UInt64(0))
        end.number(UInt64(count))
        end.number(UInt64(count))
        end.number(UInt64(directory.bytes.count))
        end.number(UInt64(offset))
        end.number(UInt32(0x0706_4b50))
        end.number(UInt32(0))
        end.number(UInt64(offset + directory.bytes.count))
        end.number(UInt32(1))
        end.number(UInt32(0x0605_4b50))
        end.number(UInt32(0))
        end.number(UInt16.max)
        end.number(UInt16.max)
        end.number(UInt32.max)
        end.number(UInt32.max)
        end.number(UInt16(0))
        try write(directory)
        try write(end)
        return offset + directory.bytes.count + end.bytes.count
    }

    private func write(_ part: ByteWriter) throws(FormatError) { try sink.write(part.bytes) }
}
