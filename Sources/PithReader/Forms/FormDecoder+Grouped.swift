extension FormDecoder {
    private static let small: [ElementType] = [
        .int2, .uint2, .int4, .uint4, .int8, .uint8, .int16, .uint16, .int32, .uint32,
    ]

    /// Levels times scales, in single precision: the difference to the zero point is rounded, then the product.
    mutating func grouped(_ form: StoredForm) throws(ReaderError) -> [Float] {
        let grouping = try Grouping(form, self), count = try makes(form, .float32)
        let type = try layout("levels", of: form).type
        try checkBits(form, of: type)
        let levels = try integers("levels", of: form, Self.small, count: grouping.levelCount)
        let scales = try floats("scales", of: form, [.float32, .float16], count: grouping.scaleCount)
        var zeroPoints: [Int64]?
        if form.parts["zero-points"] != nil {
            zeroPoints = try integers("zero-points", of: form, [type], count: grouping.scaleCount)
        }
        var output: [Float] = []
        output.reserveCapacity(count)
        if let zeroPoints {
            grouping.forEach { output.append(Float(levels[$0] - zeroPoints[$1]) * scales[$1]) }
        } else {
            grouping.forEach { output.append(Float(levels[$0]) * scales[$1]) }
        }
        return output
    }

    /// Entries of a table times scales.
    mutating func tabled(_ form: StoredForm) throws(ReaderError) -> [Float] {
        let grouping = try Grouping(form, self), count = try makes(form, .float32)
        let type = try layout("codes", of: form).type, bits = try checkBits(form, of: type)
        let codes = try integers("codes", of: form, [.uint8, .uint4, .uint2], count: grouping.levelCount)
        let scales = try floats("scales", of: form, [.float32, .float16], count: grouping.scaleCount)
        try require(layout("table", of: form).dimensions.count == 1, "The table has more than one axis, or none.")
        let table = try floats("table", of: form, [.float32], count: 1 << bits)
        var output: [Float] = []
        output.reserveCapacity(count)
        // Codes that only pad the last block are not looked at: they need not be in the table.
        try grouping.forEach { (level, scale) throws(ReaderError) in
            let code = Int(codes[level])
            guard code < table.count else {
                throw failure("Code \(code) is past the \(table.count) numbers of its table.")
            }
            output.append(table[code] * scales[scale])
        }
        return output
    }

    /// The values that indices number.
    mutating func codebook(_ form: StoredForm) throws(ReaderError) -> [Float] {
        let count = try makes(form, .float32)
        let indices = try integers("indices", of: form, [.uint8], count: count)
        let dimensions = try layout("values", of: form).dimensions
        try require(dimensions.count == 1 && dimensions[0] <= 256, "The values have the shape \(dimensions).")
        let values = try floats("values", of: form, [.float32], count: nil)
        try require(indices.allSatisfy { $0 < values.count }, "An index is past its \(values.count) values.")
        return indices.map { values[Int($0)] }
    }

    /// The bits of a level or code of `type`.
    @discardableResult
    private func checkBits(_ form: StoredForm, of type: ElementType) throws(ReaderError) -> Int {
        try require(Self.small.contains(type), "Levels or codes cannot be of type \(type).")
        let bits = form.settings["bits"] ?? type.bitCount
        try require(bits >= 1 && bits <= type.bitCount, "\(bits) bits do not fit \(type).")
        return bits
    }
}
