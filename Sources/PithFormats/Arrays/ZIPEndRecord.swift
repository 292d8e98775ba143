internal import PithTensor

/// The record at the end of a ZIP archive that says where its directory lies.
struct ZIPEndRecord {
    /// Where the directory lies in the archive.
    let directory: Range<Int>
    /// Number of entries.
    let count: Int

    /// Bytes of the record without its comment.
    private static let length = 22
    /// Bytes of the smallest directory record.
    private static let smallestRecord = 46

    init(_ bytes: Storage, named name: String) throws(FormatError) {
        guard let start = ZIPEndRecord.position(in: bytes) else {
            throw FormatError(
                code: .truncated, subject: name,
                problem: "it has no directory at its end, so it is no whole ZIP archive.",
                remedy: "The file was cut short; download or copy it again.")
        }
        var cursor = ByteCursor(bytes, named: name, at: start + 4)
        let disk = try cursor.small(2), directoryDisk = try cursor.small(2)
        _ = try cursor.take(2)
        var count = try cursor.small(2), byteCount = try cursor.small(4), offset = try cursor.small(4)
        var end = start
        if count == 0xffff || byteCount == 0xffff_ffff || offset == 0xffff_ffff,
            let long = try ZIPEndRecord.long(before: start, bytes, name)
        {
            (count, byteCount, offset, end) = long
        } else if disk != 0 || directoryDisk != 0 {
            throw FormatError(
                code: .unsupported, subject: name, problem: "it is one of several parts.",
                remedy: "Join the parts into one file.")
        }
        guard offset <= end, byteCount <= end - offset, count <= byteCount / ZIPEndRecord.smallestRecord else {
            throw FormatError(
                code: .corrupt, subject: "\(name), byte \(start)",
                problem:
                    "a directory of \(count) entries in \(byteCount) bytes from byte \(offset) does not fit before it.",
                remedy: FormatError.damaged)
        }
        directory = offset..<offset + byteCount
        self.count = count
    }

    /// Where the record starts: the last place whose comment length reaches exactly to the end.
    private static func position(in bytes: Storage) -> Int? {
        guard bytes.byteCount >= length else { return nil }
        let first = max(bytes.byteCount - length - 0xffff, 0)
        return bytes.slice(first..<bytes.byteCount).withElements(as: UInt8.self) { tail in
            var start = tail.count - length
            while start >= 0 {
                if tail[start] == 0x50, tail[start + 1] == 0x4b, tail[start + 2] == 5, tail[start + 3] == 6,
                    start + length + Int(tail[start + 20]) + Int(tail[start + 21]) << 8 == tail.count
                {
                    return first + start
                }
                start -= 1
            }
            return nil
        }
    }

    /// The zip64 record that the locator before `start` points to; nil without a locator.
    private static func long(
        before start: Int, _ bytes: Storage, _ name: String
    ) throws(FormatError) -> (count: Int, byteCount: Int, offset: Int, end: Int)? {
        guard start >= 20 else { return nil }
        var locator = ByteCursor(bytes, named: name, at: start - 20)
        guard try locator.small(4) == 0x0706_4b50 else { return nil }
        _ = try locator.take(4)
        let place = try locator.large("the place of the zip64 record")
        guard place <= start - 20 else {
            throw FormatError(
                code: .corrupt, subject: "\(name), byte \(start - 20)",
                problem: "the zip64 record is said to lie at byte \(place), behind its locator.",
                remedy: FormatError.damaged)
        }
        var record = ByteCursor(bytes, named: name, at: place)
        guard try record.small(4) == 0x0606_4b50 else {
            throw FormatError(
                code: .corrupt, subject: "\(name), byte \(place)", problem: "no zip64 record starts here.",
                remedy: FormatError.damaged)
        }
        _ = try record.take(28)
        let count = try record.large("the number of entries")
        let byteCount = try record.large("the size of the directory")
        return (count, byteCount, try record.large("the place of the directory"), place)
    }
}
