internal import PithCoding
internal import PithTensor

/// The bytes of a container's first file that belong to no array, each in its place.
enum FileText {
    /// Longer files are not looked through, nor those with more text, which takes memory.
    private static let mostBytes = 1 << 32, mostText = 1 << 30

    /// The file with zeros where its arrays are; those take no memory.
    ///
    /// - Throws: `FormatError` `.unsupported` for a file of more than 4 GiB or 1 GiB of text; `.corrupt` when a block of text is damaged.
    /// - Complexity: O(text) time and memory.
    static func bytes(of file: ContainerFile, _ arrays: ContainerArrays) throws(FormatError) -> Storage {
        let directory = file.directory, count = directory.files.first?.byteCount ?? 0
        let texts = directory.arrays.indices.filter { directory.arrays[$0].type == nil }
        var room = mostText
        for index in texts { room -= min(directory.arrays[index].byteCount, room + 1) }
        guard room >= 0, count <= mostBytes, let buffer = ByteBuffer(zeros: count) else {
            throw FormatError(
                code: .unsupported, subject: file.path,
                problem: "its first file has more than 1 GiB beside its arrays, or \(count) bytes in all are too many.",
                remedy: "Unpack the model itself.")
        }
        for index in texts {
            try arrays.forEachRun(of: index) { start, bytes in
                for (place, part) in directory.places(of: index, start..<start + bytes.byteCount) where place.file == 0
                {
                    buffer.write(
                        bytes.slice(part.lowerBound - start..<part.upperBound - start),
                        at: place.offset + part.lowerBound - place.start)
                }
            }
        }
        return buffer.storage(0..<count)
    }
}
