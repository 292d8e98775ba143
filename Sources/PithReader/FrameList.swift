/// All frames of a file, each checked, and compared with the index and the root.
struct FrameList: Sendable {
    let directory: Directory
    /// Where the bodies of the blocks lie in the file.
    let blocks: [Range<Int>]

    private static let signature: [UInt8] = [0x89, 0x50, 0x49, 0x54, 0x48, 0x0D, 0x0A, 0x1A]

    init(_ file: [UInt8], maximumByteCount: Int) throws(ReaderError) {
        try Self.checkPreamble(file)
        let first = try Frame(file, at: 16, kind: .directory, subject: "directory, byte 16 of the file")
        directory = try Directory(file, first.body, maximumByteCount: maximumByteCount)
        guard directory.blocks.count <= (file.count - first.end) / Frame.overhead else {
            throw .truncated("directory", "The file has no room for its \(directory.blocks.count) blocks.")
        }
        var frames: [Frame] = [], offset = first.end
        frames.reserveCapacity(directory.blocks.count)
        for number in directory.blocks.indices {
            let subject = directory.subject(ofBlock: number, at: offset)
            let frame = try Frame(file, at: offset, kind: .block, subject: subject)
            frames.append(frame)
            offset = frame.end
        }
        let index = try Frame(file, at: offset, kind: .index, subject: "index, byte \(offset) of the file")
        try Self.check(ByteReader(file, index.body, subject: "index, byte \(offset) of the file"), against: frames)
        try Self.checkEnd(file, directory: first, index: index)
        blocks = frames.map(\.body)
    }

    private static func checkPreamble(_ file: [UInt8]) throws(ReaderError) {
        guard file.prefix(8).elementsEqual(signature.prefix(file.count)) else {
            throw ReaderError(
                code: .corrupt, subject: "file", problem: "It does not begin as a .pith file does.",
                remedy: "Check that it is a .pith file.")
        }
        guard file.count >= 16 else {
            throw .truncated("file", "It has \(file.count) bytes, too few for any container.")
        }
        let version = Int(file[8]) | Int(file[9]) << 8
        guard version == 1 else {
            throw ReaderError(
                code: .unsupported, subject: "file",
                problem: "It is of version \(version), this reader reads version 1.",
                remedy: "Use a newer reader, or check whether the file is damaged.")
        }
        guard file[10..<16].allSatisfy({ $0 == 0 }) else {
            throw .corrupt("file", "Bytes 10 to 15 are not zeros.")
        }
    }

    /// The index lists the frames that were found.
    private static func check(_ index: ByteReader, against frames: [Frame]) throws(ReaderError) {
        var index = index
        let count = try index.number()
        try index.require(count == frames.count, "\(count) blocks are listed, there are \(frames.count).")
        for (number, frame) in frames.enumerated() {
            let length = try index.number(), checksum = try index.little(8)
            try index.require(
                length == frame.body.count && checksum == frame.checksum,
                "Block \(number) at byte \(frame.start) of the file is another than the one listed.")
        }
        try index.finish()
    }

    /// The last frame says where the index is, and has the hash of what is above the blocks.
    private static func checkEnd(_ file: [UInt8], directory: Frame, index: Frame) throws(ReaderError) {
        let subject = "end, byte \(index.end) of the file"
        let frame = try Frame(file, at: index.end, kind: .end, subject: subject)
        var end = ByteReader(file, frame.body, subject: subject)
        let start = try end.little(8), length = try end.little(8)
        try end.require(
            start == UInt64(index.start) && length == UInt64(index.end - index.start),
            "The index is said to be \(length) bytes at byte \(start).")
        var hash = SHA256()
        hash.update(file, 0..<16)
        hash.update(file, directory.start..<directory.end)
        hash.update(file, index.start..<index.end)
        try end.require(try end.take(32) == hash.digest(), "The root does not match the directory and the index.")
        try end.finish()
        guard frame.end == file.count else {
            throw .corrupt("file", "\(file.count - frame.end) bytes follow the end, at byte \(frame.end).")
        }
    }
}
