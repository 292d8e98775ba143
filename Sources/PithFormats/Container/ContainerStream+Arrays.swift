internal import PithCoding
internal import PithModel
package import PithTensor

extension ContainerStream {
    /// The weight that exports call `name`, decoded from its stored form if it has one, else the array of that name; reading
    /// stops behind the last block that it takes.
    ///
    /// - Throws: `FormatError` `.notInFile` when there is no such weight or row, `.corrupt` or `.truncated` when what comes is
    ///   damaged, `.unsupported` for a form that is not known.
    package func weight(named name: String, rows: Range<Int>? = nil) throws(FormatError) -> Tensor {
        guard let named = directory.forms.first(where: { $0.name.isExactly(name) }) else {
            guard let index = directory.index(ofExported: name) else { return try tensor(named: name, rows: rows) }
            return try tensor(index, rows: rows)
        }
        let found = GatheredArrays(directory: directory, tensors: try gather(Set(named.form.arrays)))
        let whole = try FormDecoder(found, path: self.name).representation(of: named).decoded()
        guard let rows else { return whole }
        return try ArrayExport.rows(rows, of: whole, "\(self.name), weight '\(name)'")
    }

    /// The array called `name`, or some indices of its first axis; reading stops behind the last block that it takes.
    ///
    /// What lies before it is read and thrown away, which is little for arrays that were packed first. Every block that
    /// was used is checked; the end of the container, which would tell of damage elsewhere, is not waited for.
    ///
    /// - Throws: `FormatError` `.notInFile` when there is no such array or row, `.corrupt` or `.truncated` when what comes is
    ///   damaged.
    package func tensor(named name: String, rows: Range<Int>? = nil) throws(FormatError) -> Tensor {
        guard let index = directory.index(ofArray: name) else {
            throw FormatError(
                code: .notInFile, subject: self.name, problem: "it has no array '\(name)'.",
                remedy: "`pith inspect` lists its arrays; what it does not list is read from a file, not from a pipe.")
        }
        return try tensor(index, rows: rows)
    }

    private func tensor(_ index: Int, rows: Range<Int>?) throws(FormatError) -> Tensor {
        let array = directory.arrays[index], width = array.layout.width, own = array.original ?? index
        let (wanted, shape) = try ContainerArrays.elements(of: array, rows: rows, path: self.name)
        let bytes = try elements([own: wanted.lowerBound * width..<wanted.upperBound * width])[own] ?? []
        return try tensor(index, shape, bytes)
    }

    /// Whole arrays, by their numbers.
    private func gather(_ indices: Set<Int>) throws(FormatError) -> [Int: Tensor] {
        var wanted: [Int: Range<Int>] = [:], tensors: [Int: Tensor] = [:]
        for index in indices {
            wanted[directory.arrays[index].original ?? index] = 0..<directory.arrays[index].byteCount
        }
        let bytes = try elements(wanted)
        for index in indices {
            let array = directory.arrays[index]
            tensors[index] = try tensor(index, array.shape, bytes[array.original ?? index] ?? [])
        }
        return tensors
    }

    private func tensor(_ index: Int, _ shape: Shape, _ bytes: [UInt8]) throws(FormatError) -> Tensor {
        guard let type = directory.arrays[index].type else { preconditionFailure("Text is no tensor.") }
        do { return try Tensor(type: type, shape: shape, storage: Storage(bytes)) } catch { throw FormatError(error) }
    }

    /// Runs of the bytes of arrays with content of their own, from the blocks that come until all of them are there.
    private func elements(_ wanted: [Int: Range<Int>]) throws(FormatError) -> [Int: [UInt8]] {
        let decoder = BlockDecoder(), output = ByteBuffer()
        var found: [Int: [UInt8]] = [:], left = wanted.values.reduce(0) { $0 + $1.count }
        while left > 0, let (block, offset, frame) = try next() {
            let segments = directory.blocks[block].segments
            guard segments.contains(where: { wanted[$0.array] != nil }) else { continue }
            try directory.decode(
                frame, asBlock: block, expecting: nil, at: offset, path: name, by: decoder, into: output)
            var start = 0
            for segment in segments {
                let width = directory.arrays[segment.array].layout.width
                let range = segment.start * width..<(segment.start + segment.count) * width
                if let run = wanted[segment.array]?.clamped(to: range), !run.isEmpty {
                    let first = start + run.lowerBound - range.lowerBound
                    found[segment.array, default: []] += output.bytes(first..<first + run.count)
                    left -= run.count
                }
                start += range.count
            }
        }
        return found
    }
}
