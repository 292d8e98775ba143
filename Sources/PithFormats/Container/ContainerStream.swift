internal import PithCoding
package import PithTensor

/// A container that comes through a pipe: its blocks are read in their order, and the index at its end is compared.
package actor ContainerStream {
    /// What the container holds; known before the first block.
    package nonisolated let directory: ContainerDirectory
    private let input: InputFile
    /// What it is called in errors.
    nonisolated let name: String
    private let directoryFrame: Storage
    private var seen = ContainerIndex()
    private var offset: Int
    /// The root of the hash tree, as 64 hexadecimal digits, and the bytes in all; nil until the end was found to be right.
    package private(set) var end: (root: String, byteCount: Int)?

    /// Reads the start of a container from `input`; `name` names it in errors.
    ///
    /// - Throws: `FormatError` as `ContainerFile`.
    package init(_ input: InputFile, named name: String) throws(FormatError) {
        self.input = input
        self.name = name
        let preamble = try ContainerStream.take(ContainerFrame.preamble.count, from: input, at: 0, name)
        try ContainerParts.check(preamble: preamble.withBytes { $0.bytes }, path: name)
        offset = preamble.byteCount
        let (frame, _) = try ContainerStream.frame([.directory], from: input, at: offset, name)
        _ = try ContainerFrame.verify(frame, at: offset, subject: name)
        directoryFrame = frame
        directory = try ContainerParts.directory(frame, path: name)
        offset += frame.byteCount
    }

    /// The next block's number, place and frame; nil when all are read and the end was found to be right.
    ///
    /// - Throws: `FormatError` when the pipe ends early or what comes is no block.
    func next() throws(FormatError) -> (block: Int, offset: Int, frame: Storage)? {
        let number = seen.entries.count
        guard number < directory.blocks.count else { return nil }
        let (frame, _) = try ContainerStream.frame([.block], from: input, at: offset, name)
        let sum = try ContainerFrame.verify(
            frame, at: offset, subject: directory.subject(ofBlock: number, path: name))
        seen.entries.append(
            ContainerIndex.Entry(byteCount: frame.byteCount - ContainerFrame.overhead, checksum: sum))
        defer { offset += frame.byteCount }
        return (number, offset, frame)
    }

    /// Reads what follows the blocks, and compares it with them.
    ///
    /// - Throws: `FormatError` `.corrupt` or `.truncated`.
    func finish() throws(FormatError) {
        let (index, _) = try ContainerStream.frame([.index], from: input, at: offset, name)
        _ = try ContainerFrame.verify(index, at: offset, subject: name)
        guard ContainerParts.body(index).withBytes({ $0.bytes }) == seen.encoded else {
            throw ContainerFrame.corrupt("the index does not list the blocks that came", at: offset, path: name)
        }
        let place = offset + index.byteCount
        let (frame, _) = try ContainerStream.frame([.end], from: input, at: place, name)
        _ = try ContainerFrame.verify(frame, at: place, subject: name)
        let stated = try ContainerParts.end(frame, at: place, path: name)
        let root = ContainerIndex.root(directory: directoryFrame, index: index)
        guard stated.index == offset, stated.byteCount == index.byteCount, stated.root == root.bytes else {
            throw ContainerFrame.corrupt("the end does not match what came", at: place, path: name)
        }
        let rest = ByteBuffer()
        if (try? input.readNext(1, into: rest)) != nil, rest.count > 0 {
            throw ContainerFrame.corrupt("more bytes follow the end", at: place + frame.byteCount, path: name)
        }
        self.end = (root.hex, place + frame.byteCount)
    }

    private static func frame(
        _ kinds: [ContainerFrame.Kind], from input: InputFile, at offset: Int, _ name: String
    ) throws(FormatError) -> (Storage, ContainerFrame.Kind) {
        let head = try take(ContainerFrame.headCount, from: input, at: offset, name).withBytes { $0.bytes }
        let (kind, length) = try ContainerFrame.head(head, expecting: kinds, at: offset, path: name)
        let rest = try take(
            length + ContainerFrame.tailCount, from: input, at: offset + ContainerFrame.headCount, name)
        return (Storage(head + rest.withBytes { $0.bytes }), kind)
    }

    /// The next `count` bytes; memory grows with what really comes.
    private static func take(
        _ count: Int, from input: InputFile, at offset: Int, _ name: String
    ) throws(FormatError) -> Storage {
        var parts: [UInt8] = []
        let buffer = ByteBuffer()
        while parts.count < count {
            let wanted = min(count - parts.count, 1 << 20)
            do throws(SystemFailure) {
                try input.readNext(wanted, into: buffer)
            } catch {
                throw FormatError(
                    code: .missing, subject: name, problem: "it can not be read (\(error.reason)).",
                    remedy: "Check the connection.")
            }
            guard buffer.count == wanted else {
                throw FormatError(
                    code: .truncated, subject: "\(name), byte \(offset + parts.count + buffer.count)",
                    problem: "it ends here, \(count - parts.count - buffer.count) bytes early.",
                    remedy: "Download or copy it again.")
            }
            parts += buffer.bytes(0..<wanted)
        }
        return Storage(parts)
    }
}
