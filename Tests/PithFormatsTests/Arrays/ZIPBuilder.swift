import PithCoding
import PithTensor

/// Builds ZIP archives for tests, sound ones and ones that lie.
struct ZIPBuilder {
    struct Entry {
        var name: String
        var content: [UInt8]
        var isDeflated = false
        var flags = 0
        var method: Int?
        var statedCount: Int?
        var statedCRC: UInt32?
        /// Directory points to the entry of this index instead of its own.
        var sharesEntry: Int?
    }

    var entries: [Entry] = []
    var isLong = false
    var hasDataDescriptors = false
    var comment: [UInt8] = []

    mutating func add(_ name: String, _ content: [UInt8], deflated: Bool = false) {
        entries.append(Entry(name: name, content: content, isDeflated: deflated))
    }

    func built() throws -> [UInt8] {
        var bytes: [UInt8] = [], directory: [UInt8] = [], starts: [Int] = []
        for entry in entries {
            let start = bytes.count
            starts.append(start)
            let stored =
                entry.isDeflated ? try Storage(entry.content).withBytes { try Deflate.deflated($0) } : entry.content
            let crc = entry.statedCRC ?? Storage(entry.content).withBytes { CRC32.checksum(of: $0) }
            let method = entry.method ?? (entry.isDeflated ? 8 : 0)
            let flags = entry.flags | (hasDataDescriptors ? 8 : 0)
            let name = Array(entry.name.utf8)
            let count = entry.statedCount ?? entry.content.count
            bytes += Self.number(0x0403_4b50, 4) + Self.number(20, 2) + Self.number(flags, 2) + Self.number(method, 2)
            bytes += Self.number(0, 4)
            bytes +=
                hasDataDescriptors
                ? Self.number(0, 12) : Self.number(Int(crc), 4) + Self.number(stored.count, 4) + Self.number(count, 4)
            bytes += Self.number(name.count, 2) + Self.number(0, 2) + name + stored
            if hasDataDescriptors {
                bytes +=
                    Self.number(0x0807_4b50, 4) + Self.number(Int(crc), 4) + Self.number(stored.count, 4)
                    + Self.number(count, 4)
            }
            let offset = entry.sharesEntry.map { starts[$0] } ?? start
            let extra =
                isLong
                ? Self.number(1, 2) + Self.number(24, 2) + Self.number(count, 8) + Self.number(stored.count, 8)
                    + Self.number(offset, 8) : []
            directory += Self.number(0x0201_4b50, 4) + Self.number(20, 2) + Self.number(20, 2) + Self.number(flags, 2)
            directory += Self.number(method, 2) + Self.number(0, 4) + Self.number(Int(crc), 4)
            directory +=
                isLong
                ? Self.number(0xffff_ffff, 4) + Self.number(0xffff_ffff, 4)
                : Self.number(stored.count, 4) + Self.number(count, 4)
            directory += Self.number(name.count, 2) + Self.number(extra.count, 2) + Self.number(0, 10)
            directory += Self.number(isLong ? 0xffff_ffff : offset, 4) + name + extra
        }
        let start = bytes.count
        bytes += directory
        return bytes + end(directoryBytes: directory.count, at: start)
    }

    /// What follows the directory, which starts at `start`.
    private func end(directoryBytes: Int, at start: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        if isLong {
            let record = start + directoryBytes
            bytes +=
                Self.number(0x0606_4b50, 4) + Self.number(44, 8) + Self.number(45, 2) + Self.number(45, 2)
                + Self.number(0, 8)
            bytes +=
                Self.number(entries.count, 8) + Self.number(entries.count, 8) + Self.number(directoryBytes, 8)
                + Self.number(start, 8)
            bytes += Self.number(0x0706_4b50, 4) + Self.number(0, 4) + Self.number(record, 8) + Self.number(1, 4)
        }
        let count = isLong ? 0xffff : entries.count
        bytes += Self.number(0x0605_4b50, 4) + Self.number(0, 4) + Self.number(count, 2) + Self.number(count, 2)
        bytes += Self.number(isLong ? 0xffff_ffff : directoryBytes, 4) + Self.number(isLong ? 0xffff_ffff : start, 4)
        return bytes + Self.number(comment.count, 2) + comment
    }

    private static func number(_ value: Int, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0 < 8 ? value >> ($0 * 8) : 0) }
    }
}
