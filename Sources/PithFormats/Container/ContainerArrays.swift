internal import PithCoding
package import PithTensor
internal import Synchronization

/// Arrays of a container, whole or by rows, read block by block as they are asked for.
///
/// Decoded blocks stay in a cache of `cacheBytes`, the least recently used leave first; memory is the cache, the array that is
/// asked for, and one block.
package final class ContainerArrays: ArraySource, Sendable {
    private let file: ContainerFile
    private let cacheBytes: Int
    private let state = Mutex(State())
    /// For each array the blocks of its elements, in order.
    private let blocksOfArray: [[BlockPart]]

    /// The part of an array that lies in a block.
    private struct BlockPart {
        let block: Int
        /// Elements in the block before the part.
        let offset: Int
        /// Elements of the array.
        let range: Range<Int>
    }

    private struct State {
        var blocks: [Int: (bytes: Storage, used: Int)] = [:]
        var byteCount = 0
        var clock = 0
    }

    /// Reads arrays of `file` through a cache of `cacheBytes`.
    package init(_ file: ContainerFile, cacheBytes: Int = 64 << 20) {
        self.file = file
        self.cacheBytes = cacheBytes
        var parts = [[BlockPart]](repeating: [], count: file.directory.arrays.count)
        for (number, block) in file.directory.blocks.enumerated() {
            var offset = 0
            for segment in block.segments {
                parts[segment.array].append(
                    BlockPart(block: number, offset: offset, range: segment.start..<segment.start + segment.count))
                offset += segment.count
            }
        }
        blocksOfArray = parts
    }

    /// Bytes of decoded blocks that are kept now.
    package var cachedByteCount: Int { state.withLock { $0.byteCount } }

    /// What the container holds.
    package var directory: ContainerDirectory { file.directory }

    /// The array called `name`, byte for byte, or some indices of its first axis.
    ///
    /// - Throws: `FormatError` `.notInFile` when there is no such array or row; `.corrupt` when a block it needs is damaged.
    /// - Complexity: O(rows), rounded up to blocks; only their bytes are read.
    package func tensor(named name: String, rows: Range<Int>? = nil) throws(FormatError) -> Tensor {
        guard let index = file.directory.index(ofArray: name) else {
            throw FormatError(
                code: .notInFile, subject: file.path, problem: "it has no array '\(name)'.",
                remedy: "`pith inspect` lists its arrays.")
        }
        return try tensor(index, rows: rows)
    }

    /// The array at `index` of the directory.
    ///
    /// - Throws: as `tensor(named:rows:)`.
    package func tensor(_ index: Int) throws(FormatError) -> Tensor { try tensor(index, rows: nil) }

    /// The array at `index` of the directory, or some indices of its first axis.
    ///
    /// - Throws: as `tensor(named:rows:)`.
    package func tensor(_ index: Int, rows: Range<Int>?) throws(FormatError) -> Tensor {
        let array = file.directory.arrays[index]
        guard let type = array.type else { preconditionFailure("Text is no tensor.") }
        let (range, shape) = try ContainerArrays.elements(of: array, rows: rows, path: file.path)
        return try tensor(type, shape, index, range)
    }

    /// The elements of an array that some indices of its first axis are, and their shape.
    ///
    /// - Throws: `FormatError` `.notInFile` when the array does not have these rows, or they do not fill their bytes.
    static func elements(
        of array: ContainerDirectory.Array, rows: Range<Int>?, path: String
    ) throws(FormatError) -> (range: Range<Int>, shape: Shape) {
        guard let rows else { return (0..<array.elementCount, array.shape) }
        let width = array.layout.width, count = array.shape.dimensions.first ?? 0
        let rowBits = count > 0 ? array.byteCount * 8 / count : 0
        guard rows.lowerBound >= 0, rows.upperBound <= count, !rows.isEmpty,
            rowBits % (8 * width) == 0, rowBits * count == array.byteCount * 8,
            let shape = try? Shape([rows.count] + array.shape.dimensions.dropFirst())
        else { throw outside(rows, of: array.shape, "\(path), array '\(array.name)'") }
        let row = rowBits / 8 / width
        return (rows.lowerBound * row..<rows.upperBound * row, shape)
    }

    static func outside(_ rows: Range<Int>, of shape: Shape, _ subject: String) -> FormatError {
        guard let count = shape.dimensions.first else {
            return FormatError(
                code: .notInFile, subject: subject, problem: "it is a single number, which has no rows.",
                remedy: "Leave out --rows.")
        }
        return FormatError(
            code: .notInFile, subject: subject, problem: "rows \(rows) can not be read of \(shape).",
            remedy: "Ask for rows below \(count); rows of packed numbers must fill their bytes.")
    }

    /// Calls `body` with the bytes of an array, a run after the other, and where in the array each begins.
    ///
    /// - Throws: `FormatError` `.corrupt` when a block is damaged; what `body` throws.
    func forEachRun(
        of index: Int, _ body: (Int, Storage) throws(FormatError) -> Void
    ) throws(FormatError) {
        let array = file.directory.arrays[index], width = array.layout.width
        for part in blocksOfArray[array.original ?? index] {
            let bytes = try block(part.block), end = part.offset + part.range.count
            try body(part.range.lowerBound * width, bytes.slice(part.offset * width..<end * width))
        }
    }

    private func tensor(
        _ type: ScalarType, _ shape: Shape, _ index: Int, _ range: Range<Int>
    ) throws(FormatError) -> Tensor {
        let array = file.directory.arrays[index], width = array.layout.width
        var parts: [Storage] = []
        for part in blocksOfArray[array.original ?? index] where part.range.overlaps(range) {
            let wanted = part.range.clamped(to: range), start = part.offset + wanted.lowerBound - part.range.lowerBound
            let bytes = try block(part.block)
            parts.append(bytes.slice(start * width..<(start + wanted.count) * width))
        }
        let bytes = parts.count == 1 ? parts[0] : Storage(parts.flatMap { part in part.withBytes { $0.bytes } })
        do { return try Tensor(type: type, shape: shape, storage: bytes) } catch { throw FormatError(error) }
    }

    /// The elements of a block, from the cache or the file.
    private func block(_ number: Int) throws(FormatError) -> Storage {
        let cached = state.withLock { state in
            state.clock += 1
            state.blocks[number]?.used = state.clock
            return state.blocks[number]?.bytes
        }
        if let cached { return cached }
        let output = ByteBuffer()
        try file.read(block: number, by: BlockDecoder(), through: ByteBuffer(), into: output)
        let bytes = output.storage(0..<output.count)
        state.withLock { state in
            guard bytes.byteCount <= cacheBytes, state.blocks[number] == nil else { return }
            while state.byteCount + bytes.byteCount > cacheBytes,
                let oldest = state.blocks.min(by: { $0.value.used < $1.value.used })
            {
                state.byteCount -= oldest.value.bytes.byteCount
                state.blocks[oldest.key] = nil
            }
            state.blocks[number] = (bytes, state.clock)
            state.byteCount += bytes.byteCount
        }
        return bytes
    }
}
