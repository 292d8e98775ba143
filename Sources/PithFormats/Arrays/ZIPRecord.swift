internal import PithTensor

/// One record of a ZIP archive's directory.
struct ZIPRecord {
    let name: String
    let isDeflated: Bool
    let crc32: UInt32
    private(set) var storedByteCount: Int
    private(set) var byteCount: Int
    /// Where the entry starts in the archive.
    private(set) var offset: Int

    /// Reads the record at `cursor` and moves past it; its name must be a path below a folder unless `takesAnyName`.
    init(_ cursor: inout ByteCursor, takesAnyName: Bool) throws(FormatError) {
        let start = cursor.offset
        let archive = cursor.name
        guard try cursor.small(4) == 0x0201_4b50 else {
            throw FormatError(
                code: .corrupt, subject: "\(archive), byte \(start)", problem: "no directory record starts here.",
                remedy: FormatError.damaged)
        }
        _ = try cursor.take(4)
        let flags = try cursor.small(2), method = try cursor.small(2)
        _ = try cursor.take(4)
        crc32 = UInt32(truncatingIfNeeded: try cursor.unsigned(4))
        storedByteCount = try cursor.small(4)
        byteCount = try cursor.small(4)
        let nameLength = try cursor.small(2), extraLength = try cursor.small(2), commentLength = try cursor.small(2)
        let disk = try cursor.small(2)
        _ = try cursor.take(6)
        offset = try cursor.small(4)
        name = try ZIPRecord.name(cursor.take(nameLength), at: start, in: archive, takesAnyName: takesAnyName)
        isDeflated = method == 8
        try readLongSizes(ByteCursor(cursor.take(extraLength), named: "\(archive), entry '\(name)'"))
        _ = try cursor.take(commentLength)
        try check(flags: flags, method: method, disk: disk, in: archive)
    }

    private func check(flags: Int, method: Int, disk: Int, in archive: String) throws(FormatError) {
        func failure(_ code: FormatError.Code, _ problem: String, _ remedy: String) -> FormatError {
            FormatError(code: code, subject: "\(archive), entry '\(name)'", problem: problem, remedy: remedy)
        }
        guard flags & 0x2041 == 0 else {
            throw failure(.unsupported, "it is encrypted.", "Extract the archive and make it again without a password.")
        }
        guard method == 0 || method == 8 else {
            throw failure(
                .unsupported,
                "it is compressed by method \(method); only stored (0) and deflated (8) entries are read.",
                "Make the archive again with deflate, such as `numpy.savez_compressed` does.")
        }
        guard disk == 0 else {
            throw failure(.unsupported, "it lies in another part of the archive.", "Join the parts into one file.")
        }
        guard isDeflated || storedByteCount == byteCount else {
            throw failure(
                .corrupt, "it is stored as it is, yet \(byteCount) bytes are to lie in \(storedByteCount).",
                FormatError.damaged)
        }
    }

    /// Replaces sizes that say "too large for 4 bytes" by the 8-byte ones of the zip64 extra field.
    private mutating func readLongSizes(_ extra: ByteCursor) throws(FormatError) {
        var extra = extra
        let mark = 0xffff_ffff
        // Fields of 4 bytes may be followed by less than a field: some writers pad.
        while extra.remaining >= 4 {
            let kind = try extra.small(2), length = try extra.small(2)
            var field = ByteCursor(try extra.take(length), named: extra.name)
            guard kind == 1 else { continue }
            if byteCount == mark { byteCount = try field.large("its size") }
            if storedByteCount == mark { storedByteCount = try field.large("its stored size") }
            if offset == mark { offset = try field.large("its place") }
            return
        }
    }

    private static func name(
        _ bytes: Storage, at start: Int, in archive: String, takesAnyName: Bool
    ) throws(FormatError) -> String {
        func failure(_ problem: String) -> FormatError {
            FormatError(
                code: .corrupt, subject: "\(archive), byte \(start)", problem: problem,
                remedy: "Make the archive again with plain relative names.")
        }
        guard let name = bytes.utf8Text, !name.isEmpty else {
            throw failure("an entry has no name, or one that is not UTF-8.")
        }
        guard !takesAnyName else { return name }
        let parts = RelativeName.parts(of: name)
        let isPlain = !name.utf8.contains { $0 < 32 || $0 == 127 || $0 == UInt8(ascii: "\\") }
        let isDrive = parts[0].utf8.count == 2 && parts[0].hasSuffix(":")
        let isBelow = !parts.contains("..") && !parts.contains(".") && !parts.dropLast().contains("")
        guard isPlain, !isDrive, isBelow else {
            throw failure(
                "the entry name \(name.debugDescription) is absolute, climbs out of the archive or has odd characters.")
        }
        return name
    }
}
