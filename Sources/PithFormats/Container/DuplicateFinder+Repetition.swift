internal import PithCoding
internal import PithTensor

extension DuplicateFinder {
    /// For each array whether it has fewer than `limit` elements of several bytes, most of which equal the one before.
    ///
    /// Such arrays (scales that are mostly the same, above all) share blocks with their like: among other numbers they would
    /// neither be coded well themselves nor leave the others' statistics as they are.
    ///
    /// - Throws: `FormatError` when a file can not be read.
    func repetitions(below limit: Int) throws(FormatError) -> [Bool] {
        var flags: [Bool] = []
        for array in model.arrays {
            let width = NumberLayout(array.type).width, count = array.range.count / max(width, 1)
            guard width > 1, count > 1, count < limit else {
                flags.append(false)
                continue
            }
            try read(array, 0, array.range.count, into: first)
            let same = first.withBytes { bytes in
                (1..<count).count { element in
                    (0..<width).allSatisfy {
                        bytes.byte(at: element * width + $0) == bytes.byte(at: (element - 1) * width + $0)
                    }
                }
            }
            flags.append(same * 2 > count)
        }
        return flags
    }
}
