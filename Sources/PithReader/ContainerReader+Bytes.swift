extension ContainerReader {
    /// The bytes of the first array of a name, as the packed file had them; of text only if no numbers have the name.
    ///
    /// Numbers are little-endian and in row-major order; elements below eight bits are packed, the first in the lowest
    /// bits. A duplicate gives the bytes of its original.
    ///
    /// - Throws: ``ReaderError`` `notFound` without such an array, `corrupt` where a block breaks a rule of the format,
    ///   `unsupported` where a block needs a codec or a newer reader, `tooLarge` above ``maximumByteCount``.
    /// - Complexity: O(*b* + *n*) for *b* segments in the container and *n* elements in the array's blocks.
    public func bytes(ofArray name: String) throws(ReaderError) -> [UInt8] {
        let numbers = arrays.firstIndex { $0.type != .text && $0.name.isExactly(name) }
        guard let index = numbers ?? arrays.firstIndex(where: { $0.name.isExactly(name) }) else {
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
        var wanted: [Int: Range<Int>] = [:]
        for index in indices { wanted[source(of: index)] = 0..<arrays[index].byteCount }
        let decoded = try decoded(wanted, for: subject)
        var content: [Int: [UInt8]] = [:]
        for index in indices { content[index] = decoded[source(of: index)] }
        return content
    }

    /// The array that has the content of array number `index`.
    func source(of index: Int) -> Int { arrays[index].original ?? index }

    // MARK: One walk

    /// Ranges of the bytes of arrays with content of their own, from one walk through the blocks that hold them.
    func decoded(_ wanted: [Int: Range<Int>], for subject: String) throws(ReaderError) -> [Int: [UInt8]] {
        try checkSize(wanted, for: subject)
        var content: [Int: [UInt8]] = [:]
        for (number, block) in directory.blocks.enumerated()
        where block.segments.contains(where: { overlap(of: $0, wanted) != nil }) {
            let type = arrays[block.segments[0].array].type, body = blocks[number]
            let name = directory.subject(ofBlock: number, at: body.lowerBound - 5)
            let elements = try BlockDecoder(type).decoded(
                ByteReader(bytes, body, subject: name), count: block.elementCount)
            var start = 0
            for segment in block.segments {
                if let part = overlap(of: segment, wanted) {
                    let first = start + part.lowerBound - segment.start * type.codedWidth
                    content[segment.array, default: []] += elements[first..<first + part.count]
                }
                start += segment.count * type.codedWidth
            }
        }
        return content
    }

    /// What of a segment lies in the range that is wanted of its array, as bytes of the array.
    private func overlap(of segment: Directory.Run, _ wanted: [Int: Range<Int>]) -> Range<Int>? {
        guard let range = wanted[segment.array] else { return nil }
        let width = arrays[segment.array].type.codedWidth
        let part = range.clamped(to: segment.start * width..<segment.end * width)
        return part.isEmpty ? nil : part
    }

    private func checkSize(_ wanted: [Int: Range<Int>], for subject: String) throws(ReaderError) {
        var total = 0
        for range in wanted.values {
            let (sum, isOver) = total.addingReportingOverflow(range.count)
            guard !isOver && sum <= maximumByteCount else {
                throw .tooLarge(subject, byteCount: isOver ? nil : sum, limit: maximumByteCount)
            }
            total = sum
        }
    }
}

extension ReaderError {
    static func notFound(_ subject: String, _ remedy: String) -> ReaderError {
        ReaderError(code: .notFound, subject: subject, problem: "The container does not have it.", remedy: remedy)
    }
}

extension String {
    /// Whether `other` has the same bytes: equivalent texts may name two arrays.
    func isExactly(_ other: String) -> Bool { utf8.elementsEqual(other.utf8) }
}
