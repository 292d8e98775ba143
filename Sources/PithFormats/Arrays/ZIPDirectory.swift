internal import PithTensor

/// The central directory of a ZIP archive, read and checked.
struct ZIPDirectory {
    let entries: [ZIPArchive.Entry]

    private let bytes: Storage
    private let name: String

    init(_ bytes: Storage, named name: String, takesAnyName: Bool) throws(FormatError) {
        self.bytes = bytes
        self.name = name
        let end = try ZIPEndRecord(bytes, named: name)
        var cursor = ByteCursor(bytes.slice(0..<end.directory.upperBound), named: name, at: end.directory.lowerBound)
        var found: [(entry: ZIPArchive.Entry, start: Int)] = []
        for _ in 0..<end.count {
            let record = try ZIPRecord(&cursor, takesAnyName: takesAnyName)
            let (range, start) = try ZIPDirectory.content(
                of: record, in: bytes.slice(0..<end.directory.lowerBound), name)
            if record.name.hasSuffix("/") { continue }
            let entry = ZIPArchive.Entry(
                name: record.name, byteCount: record.byteCount, isDeflated: record.isDeflated, crc32: record.crc32,
                storedRange: range)
            found.append((entry, start))
        }
        guard cursor.remaining == 0 else {
            throw FormatError(
                code: .corrupt, subject: "\(name), byte \(cursor.offset)",
                problem: "\(cursor.remaining) bytes of the directory belong to no entry.", remedy: FormatError.damaged)
        }
        try ZIPDirectory.checkApart(found, name)
        entries = found.map(\.entry)
    }

    /// The bytes of an entry's content, after the copy of its record that stands before them.
    private static func content(
        of record: ZIPRecord, in bytes: Storage, _ name: String
    ) throws(FormatError) -> (range: Range<Int>, start: Int) {
        let subject = "\(name), entry '\(record.name)'"
        var cursor = ByteCursor(bytes, named: subject, at: record.offset)
        let signature = try cursor.small(4)
        _ = try cursor.take(22)
        let nameLength = try cursor.small(2), extraLength = try cursor.small(2)
        let localName = try cursor.take(nameLength).withBytes { $0.bytes }
        guard signature == 0x0403_4b50, localName == Array(record.name.utf8) else {
            throw FormatError(
                code: .corrupt, subject: subject,
                problem: "byte \(record.offset), where the directory says it starts, does not start it.",
                remedy: FormatError.damaged)
        }
        _ = try cursor.take(extraLength)
        let start = cursor.offset
        _ = try cursor.take(record.storedByteCount)
        return (start..<cursor.offset, record.offset)
    }

    /// Refuses entries that share bytes: small files that expand to any size are made that way.
    private static func checkApart(
        _ found: [(entry: ZIPArchive.Entry, start: Int)], _ name: String
    ) throws(FormatError) {
        let ordered = found.sorted { $0.start < $1.start }
        for (first, second) in zip(ordered, ordered.dropFirst()) where second.start < first.entry.storedRange.upperBound
        {
            throw FormatError(
                code: .corrupt, subject: "\(name), entry '\(second.entry.name)'",
                problem: "it starts at byte \(second.start), inside the entry '\(first.entry.name)'.",
                remedy: FormatError.damaged)
        }
    }
}
