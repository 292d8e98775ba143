/// Decodes the bodies of blocks to the bytes of their elements.
package struct BlockDecoder: Sendable {
    let width: Int
    let isRotated: Bool
    /// Whether a body may be coded by a codec; the directory's parts may not.
    private var allowsCodecs = true

    /// Decodes elements of `width` bytes, 1 to 8.
    package init(width: Int, isRotated: Bool) {
        precondition((1...8).contains(width), "An element has 1 to 8 bytes.")
        self.width = width
        self.isRotated = isRotated
    }

    init(_ type: ElementType) { self.init(width: type.codedWidth, isRotated: type.isRotated) }

    /// Decodes the parts of the directory, which stand for bytes of text.
    static var directory: BlockDecoder {
        var decoder = BlockDecoder(.text)
        decoder.allowsCodecs = false
        return decoder
    }

    /// The bytes of the `count` elements in `body`, at most 2^20.
    package func decoded(_ body: ByteReader, count: Int) throws(ReaderError) -> [UInt8] {
        var input = body
        let bytes = try elements(&input, count, isInner: false)
        try input.finish()
        return bytes
    }

    private func elements(_ input: inout ByteReader, _ count: Int, isInner: Bool) throws(ReaderError) -> [UInt8] {
        let method = try input.byte()
        if isInner && method > 2 { throw input.failure("Method \(method) stands in a sparse block.") }
        switch method {
        case 0: return try input.take(count * width)
        case 1: return try constant(&input, count)
        case 2: return try planes(&input, count)
        case 3: return try sparse(&input, count)
        case 4: return try palette(&input, count)
        case 5: return try PlaneDecoder(allowsRepeats: true).decoded(&input, count: count * width)
        case 6:
            try input.require(width == 1, "Levels stand in a block of elements of \(width) bytes.")
            return try LevelsDecoder.decoded(&input, count: count)
        case 16...20:
            try input.require(allowsCodecs, "Method \(method) may not stand in the directory.")
            throw Self.codec(method, input.subject)
        default:
            throw ReaderError(
                code: .unsupported, subject: input.subject, problem: "Method \(method) is not known to this reader.",
                remedy: "Use a newer reader.")
        }
    }

    private static func codec(_ method: UInt8, _ subject: String) -> ReaderError {
        let codec = ["deflate", "zstd", "lz4", "lzo", "brotli"][Int(method) - 16]
        return ReaderError(
            code: .unsupported, subject: subject, problem: "It is coded by \(codec), which this reader leaves out.",
            remedy: "Run pith unpack, then pith pack again with the default codec.")
    }

    private func constant(_ input: inout ByteReader, _ count: Int) throws(ReaderError) -> [UInt8] {
        let element = try input.take(width)
        if width == 1 { return [UInt8](repeating: element[0], count: count) }
        var output = [UInt8](repeating: 0, count: count * width)
        for place in output.indices { output[place] = element[place % width] }
        return output
    }

    private func sparse(_ input: inout ByteReader, _ count: Int) throws(ReaderError) -> [UInt8] {
        let found = try input.number()
        try input.require(found >= 1 && found <= count, "\(found) of \(count) elements are not zero.")
        let mask = try PlaneDecoder().decoded(&input, count: (count + 7) / 8)
        let setBits = mask.reduce(0) { $0 + $1.nonzeroBitCount }
        let unused = count % 8 == 0 ? 0 : (mask.last ?? 0) >> UInt8(count % 8)
        try input.require(setBits == found && unused == 0, "\(setBits) bits are set for \(found) elements.")
        let kept = try elements(&input, found, isInner: true)
        var output = [UInt8](repeating: 0, count: count * width), next = 0
        for (number, byte) in mask.enumerated() where byte != 0 {
            for bit in 0..<8 where byte >> UInt8(bit) & 1 == 1 {
                let place = (8 * number + bit) * width
                for offset in 0..<width { output[place + offset] = kept[next + offset] }
                next += width
            }
        }
        return output
    }

    private func palette(_ input: inout ByteReader, _ count: Int) throws(ReaderError) -> [UInt8] {
        let last = try input.byte(), values = try input.take((Int(last) + 1) * width)
        let numbers = try PlaneDecoder(allowsRepeats: true).decoded(&input, count: count)
        let highest = numbers.max() ?? 0
        try input.require(highest <= last, "Element \(highest) of a palette of \(Int(last) + 1) is asked for.")
        var output = [UInt8](repeating: 0, count: count * width), place = 0
        for number in numbers {
            let start = Int(number) * width
            for offset in 0..<width { output[place + offset] = values[start + offset] }
            place += width
        }
        return output
    }

    // MARK: Planes

    private func planes(_ input: inout ByteReader, _ count: Int) throws(ReaderError) -> [UInt8] {
        let decoder = PlaneDecoder(classes: try ElementClasses.read(&input, elementCount: count))
        var output = [UInt8](repeating: 0, count: count * width)
        for number in 0..<width {
            var place = width - 1 - number
            for byte in try decoder.decoded(&input, count: count) {
                output[place] = byte
                place += width
            }
        }
        if isRotated { rotateBack(&output) }
        return output
    }

    /// Moves the lowest bit of each element to the top, where the sign belongs.
    private func rotateBack(_ bytes: inout [UInt8]) {
        for start in stride(from: 0, to: bytes.count, by: width) {
            let sign = bytes[start] << 7
            for place in start..<start + width - 1 { bytes[place] = bytes[place] >> 1 | bytes[place + 1] << 7 }
            bytes[start + width - 1] = bytes[start + width - 1] >> 1 | sign
        }
    }
}
