internal import PithCoding
public import PithTensor

/// A ZIP archive that is read where it lies: the directory at its end is checked whole, entries are decoded on demand.
///
/// Stored and deflated entries are read, also past 4 GiB (zip64); encrypted ones and other methods are refused.
/// Directories are left out. Names must be unique, and relative without `..` unless nothing is extracted; entries must not overlap,
/// so what comes out of an archive is at most 1032 times its size.
///
/// - Reference: PKWARE APPNOTE.TXT 6.3.10, sections 4.3 to 4.5.
public struct ZIPArchive: Sendable {
    /// One file of an archive.
    public struct Entry: Hashable, Sendable {
        /// Path inside the archive, with `/` between its parts.
        public let name: String
        /// Size of the content in bytes.
        public let byteCount: Int
        /// Whether the content is deflated; otherwise it is stored as it is.
        public let isDeflated: Bool
        /// Checksum of the content.
        public let crc32: UInt32
        /// Where the content lies in the archive, as it is stored.
        public let storedRange: Range<Int>
    }

    /// The path it was opened by, or the name it was given.
    public let path: String
    /// Its files in the order of its directory.
    public let entries: [Entry]
    private let bytes: Storage
    private let indexes: [ExactName: Int]

    /// Opens the archive at `path`.
    ///
    /// - Throws: `FormatError` `.missing` when it can not be opened; `.corrupt` or `.truncated` when its directory is
    ///   damaged; `.unsupported` for encryption, other methods and archives in several parts.
    /// - Complexity: O(entries).
    public init(path: String) throws(FormatError) {
        try self.init(MappedFile.bytes(of: path), named: path)
    }

    /// Opens an archive in memory; `name` is its name in errors.
    ///
    /// - Throws: as `init(path:)`.
    public init(_ bytes: Storage, named name: String) throws(FormatError) {
        try self.init(bytes, named: name, takesAnyName: false)
    }

    /// Opens an archive in memory whose entries are not extracted, so that they may have any name if `takesAnyName`.
    ///
    /// - Throws: as `init(path:)`.
    init(_ bytes: Storage, named name: String, takesAnyName: Bool) throws(FormatError) {
        let directory = try ZIPDirectory(bytes, named: name, takesAnyName: takesAnyName)
        var indexes: [ExactName: Int] = [:]
        for (index, entry) in directory.entries.enumerated()
        where indexes.updateValue(index, forKey: ExactName(entry.name)) != nil {
            throw FormatError(
                code: .corrupt, subject: "\(name), entry '\(entry.name)'", problem: "it stands in the archive twice.",
                remedy: "Make the archive again with unique names.")
        }
        path = name
        entries = directory.entries
        self.bytes = bytes
        self.indexes = indexes
    }

    /// Most bytes that one deflated entry may take in memory: a few bytes can announce any number.
    public static let largestInflated = 1 << 30

    /// Whether `bytes` start like a ZIP archive.
    public static func matches(_ bytes: Storage) -> Bool {
        guard bytes.byteCount >= 4 else { return false }
        let start = bytes.slice(0..<4).withBytes { $0.bytes }
        return start == [0x50, 0x4b, 3, 4] || start == [0x50, 0x4b, 5, 6]
    }

    /// The file called `name`, byte for byte; nil when there is none.
    public func entry(named name: String) -> Entry? { indexes[ExactName(name)].map { entries[$0] } }

    /// The bytes of `entry` as they are stored, unchecked.
    func storedBytes(of entry: Entry) -> Storage { bytes.slice(entry.storedRange) }

    /// The content of `entry`, with its checksum verified; stored content is not copied.
    ///
    /// - Throws: `FormatError` `.corrupt` or `.truncated` when it is damaged, `.unsupported` when it has more than
    ///   `maximumByteCount` bytes, or its deflated content more than `largestInflated`.
    /// - Complexity: O(*n*) time; memory only for deflated content.
    public func contents(of entry: Entry, maximumByteCount: Int = .max) throws(FormatError) -> Storage {
        let subject = "\(path), entry '\(entry.name)'"
        let stored = bytes.slice(entry.storedRange)
        let content: Storage
        if entry.isDeflated {
            guard entry.byteCount <= min(maximumByteCount, ZIPArchive.largestInflated) else {
                throw FormatError(
                    code: .unsupported, subject: subject,
                    problem:
                        "it takes \(entry.byteCount) bytes once inflated; at most "
                        + "\(min(maximumByteCount, ZIPArchive.largestInflated)) are read.",
                    remedy: "Store it uncompressed (numpy.savez): then it is read in place.")
            }
            do {
                content = try Deflate.inflated(
                    stored, byteCount: entry.byteCount, maximumByteCount: maximumByteCount)
            } catch { throw FormatError(error, file: subject) }
        } else {
            content = stored
        }
        let sum = content.withBytes { CRC32.checksum(of: $0) }
        guard sum == entry.crc32 else {
            throw FormatError(
                code: .corrupt, subject: subject,
                problem:
                    "its checksum is \(String(sum, radix: 16)), not \(String(entry.crc32, radix: 16)) as announced.",
                remedy: FormatError.damaged)
        }
        return content
    }
}
