internal import CPithKernels
internal import PithTensor

/// Brings levels back from the numbers in the sets of their trellis.
final class LevelsDecoder {
    private let planes: PlaneDecoder
    private var tables: [UInt32] = []
    private let instructions: InstructionSet

    init(planes: PlaneDecoder, upTo instructions: InstructionSet) {
        self.planes = planes
        self.instructions = instructions
    }

    /// Decodes the rest of a body, behind its method, into `target`.
    ///
    /// - Throws: `CodingError` `.corrupt` or `.truncated` when the body does not make exactly these levels.
    func decode(_ reader: inout ByteReader, into target: UnsafeMutableBufferPointer<UInt8>) throws(CodingError) {
        let shape = try readShape(&reader, target.count)
        let start = reader.offset
        var classes = try readClasses(&reader, shape)
        let (starts, isNew) = try readTables(&reader, shape, sums: classes.sums)
        classes.setTables(startingAt: isNew)
        let states = try reader.take(4 * shape.lanes), words = try reader.take(reader.remaining)
        guard words.byteCount % 2 == 0 else { throw reader.corrupt("the words of levels are cut", at: start) }
        let decode = unsafe instructions == .widest ? pith_levels_decode : pith_levels_decode_portable
        let status = unsafe shape.withLayout(classes) { layout in
            var layout = unsafe layout
            return unsafe states.withUnsafeBytes { states in
                unsafe words.withUnsafeBytes { words in
                    unsafe decode(
                        &layout, tables, starts, states.baseAddress?.assumingMemoryBound(to: UInt8.self),
                        words.baseAddress?.assumingMemoryBound(to: UInt8.self), words.count / 2,
                        UnsafeMutableRawPointer(target.baseAddress)?.assumingMemoryBound(to: Int8.self))
                }
            }
        }
        guard status == 0 else { throw reader.corrupt("the levels do not decode to their end", at: start) }
    }

    private func readShape(_ reader: inout ByteReader, _ count: Int) throws(CodingError) -> LevelsShape {
        let start = reader.offset, states = Int(try reader.byte())
        guard states == 1 || states == 4 || states == 8 else {
            throw reader.corrupt("there is no trellis of \(states) states", at: start)
        }
        let unit = try reader.varint("the size of a row", atMost: count)
        guard unit > 0 else { throw reader.corrupt("its rows are empty", at: start) }
        let rows = (count + unit - 1) / unit, rowsPerLane = try reader.varint("the rows of a lane", atMost: rows)
        let shape = LevelsShape(count: count, unit: unit, rowsPerLane: max(rowsPerLane, 1), states: states)
        guard rowsPerLane > 0, shape.lanes <= LevelsShape.mostLanes else {
            throw reader.corrupt("\(rowsPerLane) rows a lane make no or more than 64 lanes", at: start)
        }
        return shape
    }

    private func readClasses(_ reader: inout ByteReader, _ shape: LevelsShape) throws(CodingError) -> LevelClasses {
        let start = reader.offset, sums = Int(try reader.byte())
        guard (1...LevelClasses.mostSums).contains(sums) else {
            throw reader.corrupt("its classes have \(sums) sums", at: start)
        }
        guard sums > 1 else { return LevelClasses(rows: shape.rows, columns: shape.unit) }
        let rows = try planes.small(&reader, shape.rows), columns = try planes.small(&reader, shape.unit)
        guard Int(rows.max() ?? 0) + Int(columns.max() ?? 0) < sums else {
            throw reader.corrupt("a row's and a column's class add up to more than \(sums - 1)", at: start)
        }
        return LevelClasses(rows: rows, columns: columns, sums: sums)
    }

    /// Reads which sums have new tables, the states at the starts of the lanes, and the tables.
    private func readTables(
        _ reader: inout ByteReader, _ shape: LevelsShape, sums: Int
    ) throws(CodingError) -> (starts: [UInt8], isNew: [Bool]) {
        let start = reader.offset
        // A table has at most 2 bytes of bounds and 15 bits a symbol.
        var bits = BitReader(reader.peek((sums + 7) / 8 + shape.lanes + sums * shape.sets * 482 + 1))
        var isNew: [Bool] = [], starts = [UInt8](repeating: 0, count: shape.lanes)
        for _ in 1..<max(sums, 1) { isNew.append(bits.bits(1) == 1) }
        for lane in 0..<shape.lanes { starts[lane] = UInt8(bits.bits(shape.bitsPerState) ?? 0) }
        let count = (isNew.count { $0 } + 1) * shape.sets, isMirrored = bits.bits(1) == 1
        // Filling a table changes the start of the next, which is filled after it.
        let needed = count * FrequencyTable.total + Int(PITH_RANS_SPARE)
        if tables.count < needed { tables = [UInt32](repeating: 0, count: needed) }
        for index in 0..<count {
            let total = isMirrored ? FrequencyTable.total / 2 : FrequencyTable.total
            let stored = FrequencyTable(&bits, total: total)
            guard let table = isMirrored ? stored?.mirrored : stored else {
                throw reader.corrupt("a frequency table of levels does not add up", at: start)
            }
            let isWrong = unsafe tables.withUnsafeMutableBufferPointer { tables in
                guard let base = tables.baseAddress else { return true }
                let place = unsafe base + index * FrequencyTable.total
                unsafe pith_rans_decoder_table(table.frequencies, place)
                return unsafe pith_levels_decoder_table(place, UInt32(shape.states), UInt32(index % shape.sets)) != 0
            }
            guard !isWrong else { throw reader.corrupt("a table has a level outside -128...127", at: start) }
        }
        guard bits.hasCleanEnd else { throw reader.corrupt("the tables of levels have bits behind them", at: start) }
        try reader.skip(bits.bytesRead)
        return (starts, isNew)
    }
}
