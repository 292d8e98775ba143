extension ContainerReader {
    /// The bytes of the first array of a name, as the packed file had them.
    ///
    /// Numbers are little-endian and in row-major order; elements below eight bits are packed, the first in the lowest
    /// bits. A duplicate gives the bytes of its original.
    ///
    /// - Throws: ``ReaderError`` `notFound` without such an array, `corrupt` where a block breaks a rule of the format,
    ///   `unsupported` where a block needs a codec or the array is above ``maximumByteCount``.
    /// - Complexity: O(*b* + *n*) for *b* segments in the container and *n* elements in the array's blocks.
    public func bytes(ofArray name: String) throws(ReaderError) -> [UInt8] {
        guard let index = arrays.firstIndex(where: { $0.name == name }) else {
            throw .notFound("array '\(name)'", "Names are listed in arrays.")
        }
        return try bytes(ofArrayAt: index)
    }

    /// The bytes of an array by its number in ``arrays``.
    ///
    /// - Throws: ``ReaderError`` as for an array by name; `notFound` for a number without an array.
    /// - Complexity: as for an array by name.
    public func bytes(ofArrayAt index: Int) throws(ReaderError) -> [UInt8] {
        try bytes(ofArraysAt: [index])[0]
    }

    /// The bytes of several arrays, by their numbers in ``arrays``; small arrays that share blocks are best read so.
    ///
    /// - Throws: ``ReaderError`` as for an array by its number; ``maximumByteCount`` holds for all together.
    /// - Complexity: O(*b* + *n*) for *b* segments in the container and *n* elements in the blocks, each decoded once.
    public func bytes(ofArraysAt indices: [Int]) throws(ReaderError) -> [[UInt8]] {
        for index in indices where !arrays.indices.contains(index) {
            throw .notFound("array \(index)", "There are \(arrays.count) arrays.")
        }
        let subject = indices.count == 1 ? "array '\(arrays[indices[0]].name)'" : "\(indices.count) arrays"
        let content = try content(of: Set(indices), for: subject)
        return indices.map { content[$0] ?? [] }
    }

    /// The bytes of a file, as it was when it was packed.
    ///
    /// All blocks with something of the file are decoded once; at most twice the file's size is held.
    ///
    /// - Throws: ``ReaderError`` `notFound` without such a file, else as for arrays.
    /// - Complexity: O(*n*) in the elements of all blocks that hold something of the file.
    public func bytes(ofFile name: String) throws(ReaderError) -> [UInt8] {
        guard let index = files.firstIndex(where: { $0.name == name }) else {
            throw .notFound("file '\(name)'", "Names are listed in files.")
        }
        guard files[index].byteCount <= maximumByteCount else {
            throw .tooLarge("file '\(name)'", byteCount: files[index].byteCount, limit: maximumByteCount)
        }
        let pieces = directory.pieces[index]
        let content = try content(of: Set(pieces.map(\.array)), for: "file '\(name)'")
        var output: [UInt8] = []
        output.reserveCapacity(files[index].byteCount)
        for piece in pieces { output += (content[piece.array] ?? [])[piece.start..<piece.end] }
        return output
    }

    /// The bytes of arrays, by their numbers.
    func content(of indices: Set<Int>, for subject: String) throws(ReaderError) -> [Int: [UInt8]] {
        let decoded = try decoded(Set(indices.map { source(of: $0) }), for: subject)
        var content: [Int: [UInt8]] = [:]
        for index in indices { content[index] = decoded[source(of: index)] }
        return content
    }

    /// The array that has the content of array number `index`.
    private func source(of index: Int) -> Int { arrays[index].original ?? index }

    /// The bytes of arrays with content of their own, from one walk through the blocks.
    private func decoded(_ wanted: Set<Int>, for subject: String) throws(ReaderError) -> [Int: [UInt8]] {
        var total = 0
        for array in wanted {
            let (sum, isOver) = total.addingReportingOverflow(arrays[array].byteCount)
            guard !isOver && sum <= maximumByteCount else {
                throw .tooLarge(subject, byteCount: isOver ? nil : sum, limit: maximumByteCount)
            }
            total = sum
        }
        var content: [Int: [UInt8]] = [:]
        for (number, block) in directory.blocks.enumerated()
        where block.segments.contains(where: { wanted.contains($0.array) }) {
            let type = arrays[block.segments[0].array].type, body = blocks[number]
            let name = directory.subject(ofBlock: number, at: body.lowerBound - 5)
            let elements = try BlockDecoder(type).decoded(
                ByteReader(bytes, body, subject: name), count: block.elementCount)
            var start = 0
            for segment in block.segments {
                let end = start + segment.count * type.codedWidth
                if wanted.contains(segment.array) { content[segment.array, default: []] += elements[start..<end] }
                start = end
            }
        }
        return content
    }
}

extension ReaderError {
    static func notFound(_ subject: String, _ remedy: String) -> ReaderError {
        ReaderError(code: .notFound, subject: subject, problem: "The container does not have it.", remedy: remedy)
    }
}
