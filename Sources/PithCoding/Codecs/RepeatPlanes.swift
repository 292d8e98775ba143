internal import CPithKernels
internal import PithTensor

/// The stored form of repeats: counts, then literals, lengths and distances as planes.
enum RepeatPlanes {
    /// The stored form of `bytes` without its mode.
    static func encoded(_ bytes: [UInt8], by planes: PlaneEncoder) -> [UInt8] {
        var finder = RepeatFinder(bytes)
        let sequences = finder.sequences()
        var literals: [UInt8] = [], lengths = ByteWriter(), distances = ByteWriter(), position = 0
        for sequence in sequences {
            literals += bytes[position..<position + sequence.literals]
            position += sequence.literals + sequence.length
            lengths.varint(sequence.literals)
            lengths.varint(sequence.length - RepeatFinder.shortest)
            distances.varint(sequence.distance)
        }
        literals += bytes[position...]
        var out = ByteWriter()
        for count in [sequences.count, literals.count, lengths.bytes.count, distances.bytes.count] { out.varint(count) }
        var stored = out.bytes
        for plane in [literals, lengths.bytes, distances.bytes] {
            unsafe plane.withUnsafeBufferPointer { buffer in
                guard let base = buffer.baseAddress else { return stored.append(PlaneMode.stored.rawValue) }
                unsafe planes.encode(base, buffer.count, into: &stored)
            }
        }
        return stored
    }

    /// Puts the bytes together again into `target`, which has the count that they must have.
    ///
    /// - Throws: `CodingError` `.corrupt` for a sequence that leaves the bytes, `.truncated` for an early end.
    static func decode(
        _ reader: inout ByteReader, by planes: PlaneDecoder, into target: UnsafeMutableBufferPointer<UInt8>
    ) throws(CodingError) {
        let limit = target.count
        let sequences = try reader.varint("the number of repeats", atMost: limit / RepeatFinder.shortest)
        let literalCount = try reader.varint("the number of literals", atMost: limit)
        let lengthCount = try reader.varint("the bytes of the lengths", atMost: 8 * sequences)
        let distanceCount = try reader.varint("the bytes of the distances", atMost: 3 * sequences)
        let literals = try planes.small(&reader, literalCount)
        var lengths = ByteReader(try planes.small(&reader, lengthCount), named: "\(reader.subject), lengths")
        var distances = ByteReader(try planes.small(&reader, distanceCount), named: "\(reader.subject), distances")
        var position = 0, taken = 0
        for _ in 0..<sequences {
            let run = try lengths.varint("a run of literals", atMost: min(literalCount - taken, limit - position))
            for index in 0..<run { unsafe target[position + index] = literals[taken + index] }
            position += run
            taken += run
            let room = limit - position - RepeatFinder.shortest
            guard room >= 0, position > 0 else { throw reader.corrupt("a repeat leaves its block") }
            let length = try lengths.varint("a repeat's length", atMost: room) + RepeatFinder.shortest
            let distance = try distances.varint("a repeat's distance", atMost: min(position, RepeatFinder.window))
            guard distance > 0 else { throw reader.corrupt("a repeat's distance is 0") }
            for index in position..<position + length { unsafe target[index] = target[index - distance] }
            position += length
        }
        guard literalCount - taken == limit - position, lengths.remaining == 0, distances.remaining == 0 else {
            throw reader.corrupt("its repeats make \(position + literalCount - taken) bytes of \(limit)")
        }
        for index in 0..<limit - position { unsafe target[position + index] = literals[taken + index] }
    }
}
