extension FormDecoder {
    /// Integers of few bits, put together from the parts that hold them.
    mutating func packed(_ form: StoredForm) throws(ReaderError) -> [Int64] {
        let bits = form.settings["bits"] ?? 0, offset = form.settings["offset"] ?? 0
        try require((1...8).contains(bits), "Packed integers have \(bits) bits.")
        try require(offset == 0 || offset == 1 << (bits - 1), "Integers of \(bits) bits have the offset \(offset).")
        let count = try makes(form, offset == 0 ? .uint8 : .int8)
        let codes = try form.parts["bytes"] == nil ? runs(form, bits, count) : neighbours(form, bits, count)
        return offset == 0 ? codes : codes.map { $0 - Int64(offset) }
    }

    /// Integers that stand side by side in their bytes, the first in the lowest bits.
    private mutating func neighbours(_ form: StoredForm, _ bits: Int, _ count: Int) throws(ReaderError) -> [Int64] {
        try require([1, 2, 4, 8].contains(bits), "Integers of \(bits) bits do not fill bytes.")
        for part in ["bits-4", "bits-2", "bits-1"] {
            try require(form.parts[part] == nil, "Packed integers have both 'bytes' and '\(part)'.")
        }
        let size = byteCount(count, bits), mask = Int64(1 << bits - 1)
        let bytes = try integers("bytes", of: form, [.uint8], count: size)
        var codes = [Int64](repeating: 0, count: count)
        for index in 0..<count { codes[index] = bytes[index * bits / 8] >> Int64(index * bits % 8) & mask }
        return codes
    }

    /// Integers whose bits are split into runs, each in a part of its own.
    private mutating func runs(_ form: StoredForm, _ bits: Int, _ count: Int) throws(ReaderError) -> [Int64] {
        let widths = [4, 2, 1].filter { form.parts["bits-\($0)"] != nil }
        try require(widths.reduce(0, +) == bits, "The parts \(widths) of integers do not make \(bits) bits.")
        var codes = [Int64](repeating: 0, count: count), shift: Int64 = 0
        for width in widths {
            let size = byteCount(count, width), mask = Int64(1 << width - 1)
            let bytes = try integers("bits-\(width)", of: form, [.uint8], count: size)
            for index in 0..<count {
                codes[index] |= (bytes[index % size] >> Int64(index / size * width) & mask) << shift
            }
            shift += Int64(width)
        }
        return codes
    }

    /// Bytes that hold `count` integers; the count is small enough to be counted in bits.
    private func byteCount(_ count: Int, _ bits: Int) -> Int { count / 8 * bits + (count % 8 * bits + 7) / 8 }
}
