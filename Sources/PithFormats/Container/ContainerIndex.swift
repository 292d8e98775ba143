internal import PithCoding
internal import PithTensor

/// Where the blocks of a container lie and what their checksums are: the middle of its hash tree.
///
/// The root of the tree is the SHA-256 of the preamble, the directory's frame and the index' frame; the index holds the
/// checksum of each block.
struct ContainerIndex: Equatable {
    /// One block's frame.
    struct Entry: Equatable {
        /// Bytes of its body.
        let byteCount: Int
        /// XXH64 of kind, length and body.
        let checksum: UInt64
    }

    var entries: [Entry] = []

    /// No blocks yet.
    init() {}

    /// The body of the index' frame.
    var encoded: [UInt8] {
        var out = ByteWriter()
        out.varint(entries.count)
        for entry in entries {
            out.varint(entry.byteCount)
            out.number(entry.checksum)
        }
        return out.bytes
    }

    /// Reads the body of the index' frame.
    ///
    /// - Throws: `CodingError` `.corrupt` or `.truncated` when it does not have `count` sound entries.
    init(_ body: Storage, count: Int, named subject: String) throws(CodingError) {
        var reader = ByteReader(body, named: subject)
        guard try reader.varint("the number of blocks", atMost: reader.remaining) == count else {
            throw reader.corrupt("it does not list the directory's \(count) blocks", at: 0)
        }
        for _ in 0..<count {
            let byteCount = try reader.varint("a block's size", atMost: ContainerFrame.limit(of: .block))
            entries.append(Entry(byteCount: byteCount, checksum: try reader.number(UInt64.self)))
        }
        guard reader.remaining == 0 else { throw reader.corrupt("\(reader.remaining) bytes follow its entries") }
    }

    /// Where each block's frame starts, when the first starts at `offset`; the last is where the index starts.
    func offsets(from offset: Int) -> [Int] {
        var offsets = [offset]
        offsets.reserveCapacity(entries.count + 1)
        for entry in entries { offsets.append(offsets[offsets.count - 1] + entry.byteCount + ContainerFrame.overhead) }
        return offsets
    }

    /// The root of the hash tree above a directory's and an index' frame.
    static func root(directory: Storage, index: Storage) -> SHA256Digest {
        var hasher = SHA256Hasher()
        unsafe hasher.update(ContainerFrame.preamble.span.bytes)
        directory.withBytes { hasher.update($0) }
        index.withBytes { hasher.update($0) }
        return hasher.digest()
    }

    /// The end frame of a container whose index lies at `offset` and has `byteCount` bytes.
    static func end(at offset: Int, byteCount: Int, root: SHA256Digest) -> [UInt8] {
        var body = ByteWriter()
        body.number(UInt64(offset))
        body.number(UInt64(byteCount))
        body.append(root.bytes)
        return ContainerFrame.encoded(.end, body.bytes)
    }
}
