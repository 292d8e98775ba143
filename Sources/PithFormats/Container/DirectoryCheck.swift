internal import PithCoding
internal import PithTensor

/// Finds what does not add up in a directory that came from outside.
struct DirectoryCheck {
    let subject: String

    private func corrupt(_ problem: String) -> CodingError {
        CodingError(code: .corrupt, subject: subject, problem: problem, remedy: CodingError.damaged)
    }

    /// Arrays have whole elements, sizes that fit their shapes, and originals that have content of their own.
    func arrays(_ arrays: [ContainerDirectory.Array]) throws(CodingError) {
        for (index, array) in arrays.enumerated() {
            let expected = array.type.map { $0.byteCount(of: array.shape.count) } ?? array.byteCount
            guard expected == array.byteCount, array.byteCount % array.layout.width == 0, array.byteCount > 0 else {
                throw corrupt("array '\(array.name)' has \(array.byteCount) bytes for its shape \(array.shape).")
            }
            guard array.type != nil || array.shape.rank == 1 else {
                throw corrupt("text '\(array.name)' has \(array.shape.rank) axes.")
            }
            guard let original = array.original else { continue }
            guard original < index, arrays[original].original == nil, arrays[original].byteCount == array.byteCount,
                arrays[original].layout.width == array.layout.width
            else { throw corrupt("array '\(array.name)' has an original that it can not have.") }
        }
    }

    /// Blocks hold each array's elements once, in order, and not too many at a time.
    func blocks(
        _ blocks: [ContainerDirectory.Block], of arrays: [ContainerDirectory.Array]
    ) throws(CodingError) {
        var next = [Int](repeating: 0, count: arrays.count)
        for (number, block) in blocks.enumerated() {
            guard let first = block.segments.first, (1...BlockEncoder.mostElements).contains(block.elementCount) else {
                throw corrupt("block \(number) is empty or too large.")
            }
            for segment in block.segments {
                let array = arrays[segment.array]
                guard array.original == nil, array.layout == arrays[first.array].layout, segment.count > 0,
                    segment.start == next[segment.array], segment.count <= array.elementCount - segment.start
                else { throw corrupt("block \(number) holds elements of '\(array.name)' that it can not hold.") }
                next[segment.array] += segment.count
            }
        }
        for (index, array) in arrays.enumerated() where array.original == nil {
            guard next[index] == array.elementCount else {
                throw corrupt(
                    "the blocks hold \(next[index]) of the \(array.elementCount) elements of '\(array.name)'.")
            }
        }
    }

    /// Forms have names of their own, and they and the list of hot arrays speak of arrays of numbers only.
    func uses(
        _ forms: [NamedForm], _ hot: [Int], of arrays: [ContainerDirectory.Array]
    ) throws(CodingError) {
        var names: Set<String> = []
        for named in forms {
            guard names.insert(named.name).inserted else { throw corrupt("two forms are called '\(named.name)'.") }
            guard named.form.arrays.allSatisfy({ arrays[$0].type != nil }) else {
                throw corrupt("the form of '\(named.name)' is made of text.")
            }
        }
        guard Set(hot).count == hot.count, hot.allSatisfy({ arrays[$0].type != nil }) else {
            throw corrupt("the list of hot arrays names text, or an array twice.")
        }
    }

    /// Where the bytes of each array lie: the pieces use each array once and fill the files.
    func places(
        _ files: [ContainerDirectory.File], _ arrays: [ContainerDirectory.Array]
    ) throws(CodingError) -> [[ContainerDirectory.Place]] {
        var places = [[ContainerDirectory.Place]](repeating: [], count: arrays.count)
        var used = [Int](repeating: 0, count: arrays.count)
        for (number, file) in files.enumerated() {
            var offset = 0
            for piece in file.pieces {
                let left = arrays[piece.array].byteCount - used[piece.array]
                guard piece.byteCount > 0, piece.byteCount <= left, piece.byteCount <= file.byteCount - offset else {
                    throw corrupt("file '\(file.name)' uses bytes of '\(arrays[piece.array].name)' that are not there.")
                }
                places[piece.array].append(
                    ContainerDirectory.Place(
                        start: used[piece.array], byteCount: piece.byteCount, file: number, offset: offset))
                used[piece.array] += piece.byteCount
                offset += piece.byteCount
            }
            guard offset == file.byteCount else {
                throw corrupt("the pieces of file '\(file.name)' make \(offset) bytes of \(file.byteCount).")
            }
        }
        for (index, array) in arrays.enumerated() where used[index] != array.byteCount {
            throw corrupt("the files use \(used[index]) of the \(array.byteCount) bytes of '\(array.name)'.")
        }
        return places
    }
}
