extension ContainerReader {
    /// The bytes of some rows of an array by its number in ``arrays``; a row is what has one index of the first axis.
    ///
    /// Only blocks that hold some of these rows are decoded and checked. Text has its bytes as rows.
    ///
    /// - Throws: ``ReaderError`` `notFound` for a number without an array and for rows that it does not have (an array
    ///   without axes has none), `unsupported` where rows do not take whole bytes, else as for the whole array;
    ///   ``maximumByteCount`` holds for the rows alone.
    /// - Complexity: O(*b* + *n*) for *b* segments in the container and *n* elements in the blocks of these rows.
    public func bytes(ofArrayAt index: Int, rows: Range<Int>) throws(ReaderError) -> [UInt8] {
        guard arrays.indices.contains(index) else {
            throw .notFound("array \(index)", "There are \(arrays.count) arrays.")
        }
        let range = try byteRange(of: rows, in: arrays[index]), source = source(of: index)
        return try decoded([source: range], for: "array '\(arrays[index].name)'")[source] ?? []
    }

    /// The numbers of some rows of an array by its number in ``arrays``, each rounded to single precision.
    ///
    /// Only blocks that hold some of these rows are decoded and checked.
    ///
    /// - Throws: ``ReaderError`` as for their bytes; `notFound` for text, `unsupported` for complex numbers.
    /// - Complexity: as for their bytes.
    public func numbers(ofArrayAt index: Int, rows: Range<Int>) throws(ReaderError) -> [Float] {
        guard arrays.indices.contains(index), arrays[index].type != .text else {
            throw .notFound("array \(index)", "There are \(arrays.count) arrays, of numbers and text.")
        }
        let array = arrays[index], bytes = try bytes(ofArrayAt: index, rows: rows)
        var decoder = FormDecoder(
            arrays, content: [:], budget: maximumByteCount, subject: "array '\(array.name)'")
        return try decoder.floats(bytes, array.type, [rows.count] + array.dimensions.dropFirst())
    }

    /// Where rows lie in the bytes of their array.
    private func byteRange(of rows: Range<Int>, in array: ArrayEntry) throws(ReaderError) -> Range<Int> {
        guard let length = array.dimensions.first, rows.lowerBound >= 0, rows.upperBound <= length else {
            throw .notFound(
                "array '\(array.name)', rows \(rows.lowerBound)..<\(rows.upperBound)",
                "Its shape is \(array.dimensions); rows are those of the first axis.")
        }
        // No length is 0, so that all products stay below that of the whole shape.
        let bitCount = array.dimensions.dropFirst().reduce(1, *) * array.type.bitCount
        guard bitCount % 8 == 0 else {
            throw ReaderError(
                code: .unsupported, subject: "array '\(array.name)'",
                problem: "A row takes \(bitCount) bits, which are no whole bytes.", remedy: "Read the whole array.")
        }
        return rows.lowerBound * (bitCount / 8)..<rows.upperBound * (bitCount / 8)
    }
}
