internal import PithCoding
package import PithTensor

extension ContainerStream {
    /// The array called `name`, or some indices of its first axis; reading stops behind the last block that it takes.
    ///
    /// What lies before it is read and thrown away, which is little for arrays that were packed first. Every block that
    /// was used is checked; the end of the container, which would tell of damage elsewhere, is not waited for.
    ///
    /// - Throws: `FormatError` `.notInFile` when there is no such array or row, `.corrupt` or `.truncated` when what comes is
    ///   damaged.
    package func tensor(named name: String, rows: Range<Int>? = nil) throws(FormatError) -> Tensor {
        let arrays = directory.arrays
        guard let index = directory.index(ofArray: name), let type = arrays[index].type
        else {
            throw FormatError(
                code: .notInFile, subject: self.name, problem: "it has no array '\(name)'.",
                remedy: "`pith inspect` lists its arrays.")
        }
        let array = arrays[index], own = array.original ?? index, width = array.layout.width
        let (wanted, shape) = try ContainerArrays.elements(of: array, rows: rows, path: self.name)
        let decoder = BlockDecoder(), output = ByteBuffer()
        var bytes: [UInt8] = [], first = 0
        while first < wanted.upperBound, let (block, offset, frame) = try next() {
            let segments = directory.blocks[block].segments
            guard segments.contains(where: { $0.array == own }) else { continue }
            try directory.decode(
                frame, asBlock: block, expecting: nil, at: offset, path: self.name, by: decoder, into: output)
            var start = 0
            for segment in segments {
                if segment.array == own {
                    let range = segment.start..<segment.start + segment.count, part = range.clamped(to: wanted)
                    let skipped = start + part.lowerBound - range.lowerBound
                    if !part.isEmpty { bytes += output.bytes(skipped * width..<(skipped + part.count) * width) }
                    first = range.upperBound
                }
                start += segment.count
            }
        }
        do { return try Tensor(type: type, shape: shape, storage: Storage(bytes)) } catch { throw FormatError(error) }
    }
}
