internal import PithCoding
internal import PithTensor

/// Brings the elements of planned blocks together from a model's files.
final class BlockSource: Sendable {
    private let directory: ContainerDirectory
    private let paths: [String]
    private let inputs: [InputFile]

    /// Opens the files of `model`.
    ///
    /// - Throws: `FormatError` `.missing` when one can not be opened.
    init(_ model: PackedModel, _ directory: ContainerDirectory) throws(FormatError) {
        self.directory = directory
        paths = model.files.map(\.path)
        var inputs: [InputFile] = []
        for path in paths { inputs.append(try InputFile.opened(path)) }
        self.inputs = inputs
    }

    /// Reads the elements of block `number` into `raw`; answers their layout.
    ///
    /// - Throws: `FormatError` when a file can not be read or has become shorter.
    func gather(_ number: Int, into raw: ByteBuffer) throws(FormatError) -> NumberLayout {
        let block = directory.blocks[number], layout = directory.arrays[block.segments[0].array].layout
        raw.resize(to: block.elementCount * layout.width)
        var filled = 0
        for segment in block.segments {
            let range = segment.start * layout.width..<(segment.start + segment.count) * layout.width
            for (place, part) in directory.places(of: segment.array, range) {
                let target = filled + part.lowerBound - range.lowerBound
                try inputs[place.file].fill(
                    raw, target..<target + part.count, from: place.offset + part.lowerBound - place.start,
                    path: paths[place.file])
            }
            filled += range.count
        }
        return layout
    }
}
