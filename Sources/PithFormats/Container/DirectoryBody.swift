internal import PithCoding
internal import PithTensor

/// The body of a directory's frame: its size as a number, then its bytes as a block of text.
enum DirectoryBody {
    /// Most bytes that a directory may have, whatever it says.
    private static let limit = 1 << 26

    /// The body for a directory: its bytes in blocks of text, each behind the length of its coded form.
    static func encoded(_ bytes: [UInt8]) -> [UInt8] {
        let coder = BlockEncoder()
        var out = ByteWriter()
        out.varint(bytes.count)
        for start in stride(from: 0, to: bytes.count, by: BlockEncoder.mostElements) {
            let part = Storage(Array(bytes[start..<min(start + BlockEncoder.mostElements, bytes.count)]))
            let body = part.withBytes { coder.encode($0, layout: .text, unit: 0) }
            out.varint(body.count)
            out.append(body)
        }
        return out.bytes
    }

    /// The bytes of a directory.
    ///
    /// - Throws: `CodingError` when they are damaged or say to be more than 400 times the body.
    static func decoded(_ body: Storage, named subject: String) throws(CodingError) -> [UInt8] {
        var reader = ByteReader(body, named: subject)
        let count = try reader.varint("its size", atMost: min(limit, 1024 + 400 * body.byteCount))
        let decoder = BlockDecoder(), buffer = ByteBuffer()
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        while bytes.count < count {
            let size = min(count - bytes.count, BlockEncoder.mostElements)
            let length = try reader.varint("a part's size", atMost: reader.remaining)
            // Whoever has no libraries reads the directory all the same.
            guard !reader.peek(1).contains(where: BlockMethod.libraries.contains) else {
                throw reader.corrupt("a part of it is coded by a codec's library")
            }
            try decoder.decode(try reader.take(length), layout: .text, count: size, named: subject, into: buffer)
            bytes += buffer.bytes(0..<size)
        }
        guard reader.remaining == 0 else { throw reader.corrupt("\(reader.remaining) bytes follow it") }
        return bytes
    }
}
