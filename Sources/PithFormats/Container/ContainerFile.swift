package import PithCoding
package import PithTensor

/// A container that is read in any order: its directory and index are checked when it is opened, its blocks when they are
/// used.
package final class ContainerFile: Sendable {
    /// The path it was opened by.
    package let path: String
    /// Size in bytes.
    package let byteCount: Int
    /// What it holds.
    package let directory: ContainerDirectory
    /// The root of its hash tree, as 64 hexadecimal digits.
    package let root: String
    private let input: InputFile
    private let index: ContainerIndex
    private let offsets: [Int]

    /// Opens the container at `path`.
    ///
    /// - Throws: `FormatError` `.missing` when it can not be opened, `.corrupt` or `.truncated` when its directory or index
    ///   is damaged, `.unsupported` for a version that is not known.
    /// - Complexity: O(arrays + blocks); no block is read.
    package init(path: String) throws(FormatError) {
        self.path = path
        input = try InputFile.opened(path)
        byteCount = input.byteCount ?? 0
        let reader = ContainerParts(path: path, input: input, byteCount: byteCount)
        try reader.checkPreamble()
        let end = try reader.end()
        let directoryFrame = try reader.frame(at: ContainerFrame.preamble.count, .directory, before: end.index)
        let indexFrame = try reader.frame(at: end.index, .index, before: byteCount - ContainerFrame.endCount)
        guard indexFrame.byteCount == end.byteCount, end.index + end.byteCount == byteCount - ContainerFrame.endCount
        else { throw ContainerFrame.corrupt("the index does not end where it must", at: end.index, path: path) }
        let root = ContainerIndex.root(directory: directoryFrame, index: indexFrame)
        guard root.bytes == end.root else {
            throw ContainerFrame.corrupt("directory and index do not match the root hash", at: end.index, path: path)
        }
        self.root = root.hex
        directory = try ContainerParts.directory(directoryFrame, path: path)
        do {
            index = try ContainerIndex(
                ContainerParts.body(indexFrame), count: directory.blocks.count, named: "\(path), index")
        } catch { throw FormatError(error, file: path) }
        offsets = index.offsets(from: ContainerFrame.preamble.count + directoryFrame.byteCount)
        guard offsets[directory.blocks.count] == end.index else {
            throw ContainerFrame.corrupt("the blocks do not end where the index starts", at: end.index, path: path)
        }
    }

    /// Bytes that a block's frame takes in the file.
    package func storedByteCount(ofBlock number: Int) -> Int { offsets[number + 1] - offsets[number] }

    /// Where the last block of a hot array ends, in bytes from the start; nil when no array is hot.
    package var endOfHotBlocks: Int? {
        let hot = Set(directory.hot.map { directory.arrays[$0].original ?? $0 })
        let last = directory.blocks.lastIndex { $0.segments.contains { hot.contains($0.array) } }
        return last.map { offsets[$0 + 1] }
    }

    /// Reads and checks the block `number` and decodes it into `output`.
    ///
    /// - Throws: `FormatError` `.corrupt` or `.truncated` when it is damaged, with the arrays that are lost.
    package func read(
        block number: Int, by decoder: BlockDecoder, through frame: ByteBuffer, into output: ByteBuffer
    ) throws(FormatError) {
        let offset = offsets[number], count = storedByteCount(ofBlock: number)
        frame.resize(to: count)
        try input.fill(frame, 0..<count, from: offset, path: path)
        try directory.decode(
            frame.storage(0..<count), asBlock: number, expecting: index.entries[number].checksum, at: offset,
            path: path,
            by: decoder, into: output)
    }
}

extension ContainerDirectory {
    /// What a block holds, for messages: its array, or the first of them.
    func subject(ofBlock number: Int, path: String) -> String {
        let segments = blocks[number].segments, first = arrays[segments[0].array]
        let name = first.type == nil ? "the text of '\(first.name)'" : "'\(first.name)'"
        return "\(path), block \(number): \(name)" + (segments.count > 1 ? " and \(segments.count - 1) more" : "")
    }

    /// Checks the frame of a block and decodes it into `output`.
    ///
    /// - Throws: `FormatError` `.corrupt`, `.truncated` or `.unsupported`.
    func decode(
        _ frame: Storage, asBlock number: Int, expecting checksum: UInt64?, at offset: Int, path: String,
        by decoder: BlockDecoder, into output: ByteBuffer
    ) throws(FormatError) {
        let subject = subject(ofBlock: number, path: path)
        let head = frame.slice(0..<ContainerFrame.headCount).withBytes { $0.bytes }
        let (_, length) = try ContainerFrame.head(head, expecting: [.block], at: offset, path: subject)
        let sum = try ContainerFrame.verify(frame, at: offset, subject: subject)
        guard checksum ?? sum == sum, length == frame.byteCount - ContainerFrame.overhead else {
            throw ContainerFrame.corrupt("it is not the block that the index lists", at: offset, path: subject)
        }
        do throws(CodingError) {
            try decoder.decode(
                ContainerParts.body(frame), layout: arrays[blocks[number].segments[0].array].layout,
                count: blocks[number].elementCount, named: subject, into: output)
        } catch { throw FormatError(error, file: path) }
    }
}
