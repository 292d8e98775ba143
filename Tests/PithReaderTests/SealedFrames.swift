import PithReader

/// The bodies of a container's frames, and the file they make with checksums, index and root computed anew.
struct SealedFrames {
    var directory: [UInt8]
    var blocks: [[UInt8]]
    var preamble: [UInt8] = [0x89, 0x50, 0x49, 0x54, 0x48, 0x0D, 0x0A, 0x1A, 1, 0, 0, 0, 0, 0, 0, 0]
    /// Replaces the index that follows from the blocks.
    var index: [UInt8]?
    /// Replaces the body of the end.
    var end: [UInt8]?

    init(directory: [UInt8], blocks: [[UInt8]]) {
        self.directory = directory
        self.blocks = blocks
    }

    /// Takes a valid file apart.
    init(_ file: [UInt8]) {
        var place = 16, bodies: [[UInt8]] = []
        while place < file.count {
            let length = (0..<4).reduce(0) { $0 | Int(file[place + 1 + $1]) << (8 * $1) }
            bodies.append([UInt8](file[place + 5..<place + 5 + length]))
            place += 13 + length
        }
        self.init(directory: bodies[0], blocks: [[UInt8]](bodies[1..<bodies.count - 2]))
    }

    /// The fields of the directory, decoded.
    func fields() throws -> [UInt8] {
        try Directory.text(directory, 0..<directory.count)
    }

    /// Stores the fields of the directory as they are.
    mutating func store(fields: [UInt8]) {
        directory = Bytes.number(fields.count)
        for start in stride(from: 0, to: fields.count, by: 1 << 20) {
            let part = fields[start..<min(start + 1 << 20, fields.count)]
            directory += Bytes.number(part.count + 1) + [0] + part
        }
    }

    func file() -> [UInt8] {
        let first = Self.frame(1, directory)
        var file = preamble + first, list = Bytes.number(blocks.count)
        for body in blocks {
            let frame = Self.frame(2, body)
            list += Bytes.number(body.count) + frame.suffix(8)
            file += frame
        }
        let second = Self.frame(3, index ?? list), place = file.count
        file += second
        var hash = SHA256()
        let covered = preamble + first + second
        hash.update(covered, 0..<covered.count)
        return file + Self.frame(4, end ?? Bytes.little(place, 8) + Bytes.little(second.count, 8) + hash.digest())
    }

    static func frame(_ kind: UInt8, _ body: [UInt8]) -> [UInt8] {
        let frame = [kind] + Bytes.little(body.count, 4) + body, sum = XXHash64.hash(frame, 0..<frame.count)
        return frame + (0..<8).map { UInt8(truncatingIfNeeded: sum >> UInt64(8 * $0)) }
    }
}
