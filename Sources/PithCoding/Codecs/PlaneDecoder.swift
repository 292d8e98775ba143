internal import CPithKernels
internal import PithTensor

/// Brings stored planes back to bytes, with scratch memory of its own.
final class PlaneDecoder {
    private var table = [UInt32](repeating: 0, count: FrequencyTable.total + Int(PITH_RANS_SPARE))
    private let instructions: InstructionSet

    init(upTo instructions: InstructionSet) { self.instructions = instructions }

    /// The next `count` bytes as they lie there, when the next plane is stored so; nil, and nothing read, when it is not.
    ///
    /// - Throws: `CodingError` `.truncated` when there are fewer.
    func stored(_ reader: inout ByteReader, _ count: Int) throws(CodingError) -> Storage? {
        guard reader.peek(1).first == PlaneMode.stored.rawValue else { return nil }
        try reader.skip(1)
        return try reader.take(count)
    }

    /// Decodes the next plane into `target`, which has the count that it must have, in class order for the modes `classes` and
    /// `parts`.
    ///
    /// - Returns: Whether the bytes are in class order.
    /// - Throws: `CodingError` `.corrupt` or `.truncated`.
    func decode(
        _ reader: inout ByteReader, classes: UnitClasses?, allowsRepeats: Bool = false,
        into target: UnsafeMutableBufferPointer<UInt8>
    ) throws(CodingError) -> Bool {
        let start = reader.offset
        guard let mode = PlaneMode(rawValue: try reader.byte()) else {
            throw reader.corrupt("a plane's mode is unknown", at: start)
        }
        switch mode {
        case .stored:
            let bytes = try reader.take(target.count)
            unsafe bytes.withUnsafeBytes { unsafe UnsafeMutableRawBufferPointer(target).copyMemory(from: $0) }
        case .constant:
            let value = try reader.byte()
            unsafe target.update(repeating: value)
        case .entropy:
            unsafe try decode(&reader, runs: [target.count], into: target)
        case .classes:
            guard let classes else { throw reader.corrupt("a plane wants classes and its block has none", at: start) }
            unsafe try decode(&reader, runs: classes.runs, into: target)
            return true
        case .parts:
            guard let classes else { throw reader.corrupt("a plane wants classes where there are none", at: start) }
            var done = 0
            for run in classes.runs {
                let part = unsafe UnsafeMutableBufferPointer(rebasing: target[done..<done + run])
                _ = unsafe try decode(&reader, classes: nil, into: part)
                done += run
            }
            return true
        case .repeats:
            guard allowsRepeats else { throw reader.corrupt("repeats stand where numbers must", at: start) }
            unsafe try RepeatPlanes.decode(&reader, by: self, into: target)
        }
        return false
    }

    /// The next plane as an array of `count` bytes.
    ///
    /// - Throws: `CodingError` as `decode`.
    func small(_ reader: inout ByteReader, _ count: Int) throws(CodingError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count), failure: CodingError?
        unsafe bytes.withUnsafeMutableBufferPointer { target in
            do throws(CodingError) {
                _ = unsafe try decode(&reader, classes: nil, into: target)
            } catch { failure = error }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Decodes runs of symbols with a table each.
    private func decode(
        _ reader: inout ByteReader, runs: [Int], into target: UnsafeMutableBufferPointer<UInt8>
    ) throws(CodingError) {
        let start = reader.offset
        let length = try reader.varint("a plane's length", atMost: reader.remaining)
        var part = try reader.part(length, named: "plane")
        let laneBits = try part.byte()
        guard laneBits <= 6 else { throw reader.corrupt("a plane has more than 64 lanes", at: start) }
        let frequencies = try readTables(&part, runs.count)
        let lanes = 1 << Int(laneBits)
        let states = try part.take(4 * lanes), words = try part.take(part.remaining)
        guard words.byteCount % 2 == 0 else { throw reader.corrupt("a plane's words are cut", at: start) }
        let status = unsafe states.withUnsafeBytes { states in
            unsafe words.withUnsafeBytes { words in
                unsafe pith_rans_decode(
                    frequencies, runs, runs.count, UInt32(lanes),
                    states.baseAddress?.assumingMemoryBound(to: UInt8.self),
                    words.baseAddress?.assumingMemoryBound(to: UInt8.self), words.count / 2, target.baseAddress, &table,
                    instructions.rawValue)
            }
        }
        guard status == 0 else { throw reader.corrupt("a plane does not decode to its end", at: start) }
    }

    /// Reads `count` frequency tables, one after the other.
    private func readTables(_ part: inout ByteReader, _ count: Int) throws(CodingError) -> [UInt16] {
        // A table has at most 2 bytes of bounds and 15 bits a symbol.
        var bits = BitReader(part.peek(count * 482)), frequencies: [UInt16] = []
        frequencies.reserveCapacity(256 * count)
        for _ in 0..<count {
            guard let table = FrequencyTable(&bits) else { throw part.corrupt("a frequency table does not add up") }
            frequencies += table.frequencies
        }
        guard bits.hasCleanEnd else { throw part.corrupt("a frequency table has bits behind it") }
        try part.skip(bits.bytesRead)
        return frequencies
    }
}
