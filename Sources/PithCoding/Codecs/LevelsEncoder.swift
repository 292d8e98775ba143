internal import CPithKernels
internal import PithTensor

/// Codes integer levels of one byte: those that follow a trellis by the numbers in its sets, others as they are, with tables for
/// the scales of rows and columns.
final class LevelsEncoder {
    private let planes: PlaneEncoder
    private let symbols = ByteBuffer(), states = ByteBuffer(), words = ByteBuffer()

    /// Levels for each lane, about, and most lanes: a lane costs two bytes.
    private static let laneElements = 1 << 13, mostLanes = 32
    /// Levels looked at before a walk is followed to its end.
    private static let sampleCount = 256

    init(planes: PlaneEncoder) { self.planes = planes }

    /// A walk through all levels of a block.
    private struct Walk {
        /// 1 without a trellis, else 4 or 8; and the state before the first level.
        let states: Int, start: Int
    }

    /// How the levels of a block are to be coded; it holds for as long as the encoder has not seen another block.
    struct Plan {
        fileprivate let shape: LevelsShape
        fileprivate let classes: LevelClasses
        /// How often each symbol is in each set of each sum of classes.
        fileprivate let counts: [UInt32]
        /// About the bytes that the block takes.
        let estimatedBytes: Int

        /// Whether its levels follow a trellis.
        var isTrellis: Bool { shape.states > 1 }
    }

    /// Looks for a walk and for classes.
    func plan(_ base: UnsafePointer<UInt8>, _ count: Int, unit: Int) -> Plan {
        let unit = max(1, min(unit > 0 ? unit : 64, count))
        symbols.resize(to: count)
        states.resize(to: count)
        let walk = unsafe walk(base, count), rows = (count + unit - 1) / unit
        let lanes = min(LevelsEncoder.mostLanes, max(1, count / LevelsEncoder.laneElements))
        let shape = LevelsShape(
            count: count, unit: unit, rowsPerLane: (rows + lanes - 1) / lanes, states: walk.states)
        let found = unsafe classes(base, shape)
        return Plan(
            shape: shape, classes: found.classes, counts: found.counts, estimatedBytes: found.cost / 8 + 6 * lanes)
    }

    /// The block's body.
    func encoded(_ plan: Plan) -> [UInt8] {
        var out = ByteWriter()
        out.byte(BlockMethod.levels.rawValue)
        out.byte(UInt8(plan.shape.states))
        out.varint(plan.shape.unit)
        out.varint(plan.shape.rowsPerLane)
        out.byte(UInt8(plan.classes.sums))
        var body = out.bytes
        if plan.classes.sums > 1 {
            for map in [plan.classes.rows, plan.classes.columns] {
                unsafe map.withUnsafeBufferPointer { map in
                    guard let start = map.baseAddress else { return }
                    unsafe planes.encode(start, map.count, into: &body)
                }
            }
        }
        append(plan, to: &body)
        return body
    }

    /// The first trellis that the levels follow, with their symbols and states; a walk of one state follows any.
    private func walk(_ base: UnsafePointer<UInt8>, _ count: Int) -> Walk {
        let symbols = unsafe symbols.pointer.assumingMemoryBound(to: UInt8.self).baseAddress
        let before = unsafe states.pointer.assumingMemoryBound(to: UInt8.self).baseAddress
        let found = unsafe base.withMemoryRebound(to: Int8.self, capacity: count) { levels in
            for states in [8, 4] {
                for start in 0..<states {
                    let short = min(count, LevelsEncoder.sampleCount)
                    guard unsafe pith_levels_walk(levels, short, UInt32(states), UInt32(start), symbols, before) >= 0,
                        unsafe pith_levels_walk(levels, count, UInt32(states), UInt32(start), symbols, before) >= 0
                    else { continue }
                    return Walk(states: states, start: start)
                }
            }
            _ = unsafe pith_levels_walk(levels, count, 1, 0, symbols, before)
            return Walk(states: 1, start: 0)
        }
        return found
    }

    /// The cheapest of classes for rows, for columns, for both and for none, with its symbols counted and its bits.
    private func classes(
        _ base: UnsafePointer<UInt8>, _ shape: LevelsShape
    ) -> (classes: LevelClasses, counts: [UInt32], cost: Int) {
        var rows = [UInt32](repeating: 0, count: shape.rows), columns = [UInt32](repeating: 0, count: shape.unit)
        unsafe base.withMemoryRebound(to: Int8.self, capacity: shape.count) { levels in
            unsafe pith_levels_sums(levels, shape.count, shape.unit, &rows, &columns)
        }
        // The last row may be short; its mean is taken over whole rows' length all the same.
        let both = LevelClasses(rows: rows, of: shape.unit, columns: columns, of: shape.rows)
        let pairs = count(shape, both.pairs)
        var best: (classes: LevelClasses, counts: [UInt32], cost: Int)?
        for (hasRows, hasColumns) in [(true, true), (true, false), (false, true), (false, false)] {
            var classes = both.only(rows: hasRows, columns: hasColumns)
            let counts = classes.sum(pairs, of: both, sets: shape.sets)
            let cost = classes.merge(counts, sets: shape.sets)
            if cost < best?.cost ?? .max { best = (classes, counts, cost) }
        }
        guard let best else { preconditionFailure("One class for everything is always there.") }
        return best
    }

    /// How often each symbol of the walk is in each set of each sum of `classes`.
    private func count(_ shape: LevelsShape, _ classes: LevelClasses) -> [UInt32] {
        var counts = [UInt32](repeating: 0, count: classes.sums * shape.sets * 256)
        unsafe shape.withLayout(classes) { layout in
            var layout = unsafe layout
            unsafe pith_levels_count(
                &layout, symbols.pointer.baseAddress?.assumingMemoryBound(to: UInt8.self),
                states.pointer.baseAddress?.assumingMemoryBound(to: UInt8.self), &counts)
        }
        return counts
    }

    /// Appends which sums share tables, the states at the starts of the lanes, the tables, and what the coder made.
    private func append(_ plan: Plan, to body: inout [UInt8]) {
        let (classes, shape) = (plan.classes, plan.shape)
        guard let symbols = unsafe symbols.pointer.assumingMemoryBound(to: UInt8.self).baseAddress,
            let before = unsafe states.pointer.assumingMemoryBound(to: UInt8.self).baseAddress
        else { return }
        var bits = BitWriter()
        for sum in 1..<max(classes.sums, 1) { bits.bits(classes.tables[sum] > classes.tables[sum - 1] ? 1 : 0, 1) }
        for lane in 0..<shape.lanes where shape.states > 1 {
            unsafe bits.bits(Int(before[lane * shape.chunk]), shape.bitsPerState)
        }
        var coderStates = [UInt32](repeating: 0, count: shape.lanes)
        words.resize(to: 2 * (shape.count + 32))
        let end = unsafe words.pointer.assumingMemoryBound(to: UInt16.self).baseAddress.map {
            unsafe $0 + shape.count + 32
        }
        guard let end = unsafe end else { return }
        let wordCount = unsafe shape.withLayout(classes) { layout in
            var layout = unsafe layout
            let tables = LevelsEncoder.tables(classes, plan.counts, sets: shape.sets, &bits)
            return unsafe pith_levels_encode(&layout, tables, symbols, before, end, &coderStates)
        }
        body += bits.bytes
        var states = ByteWriter()
        for state in coderStates { states.number(state) }
        body += states.bytes
        unsafe body.append(contentsOf: UnsafeRawBufferPointer(start: end - wordCount, count: 2 * wordCount))
    }

    /// Encoder's tables for each set of each table of the classes, whose stored forms go to `bits`.
    private static func tables(
        _ classes: LevelClasses, _ counts: [UInt32], sets: Int, _ bits: inout BitWriter
    ) -> [UInt64] {
        let count = classes.tableCount * sets
        var histograms = [[UInt32]](repeating: [UInt32](repeating: 0, count: 256), count: count)
        for sum in 0..<classes.sums {
            for set in 0..<sets {
                let table = Int(classes.tables[sum]) * sets + set, start = (sum * sets + set) * 256
                for symbol in 0..<256 { histograms[table][symbol] += counts[start + symbol] }
            }
        }
        // A table that nothing uses still has to be one.
        for index in histograms.indices where histograms[index].allSatisfy({ $0 == 0 }) {
            histograms[index][Int(PITH_LEVELS_MIDDLE)] = 1
        }
        let isMirrored = isMirrored(histograms)
        bits.bits(isMirrored ? 1 : 0, 1)
        var tables = [UInt64](repeating: 0, count: 256 * count)
        for (index, histogram) in histograms.enumerated() {
            let table = stored(histogram, isMirrored: isMirrored, &bits)
            unsafe tables.withUnsafeMutableBufferPointer { tables in
                guard let base = tables.baseAddress else { return }
                unsafe pith_rans_encoder_table(table.frequencies, base + 256 * index)
            }
        }
        return tables
    }

    /// Writes the table of a histogram, by distances where all tables are mirrored, and answers it whole.
    private static func stored(
        _ histogram: [UInt32], isMirrored: Bool, _ bits: inout BitWriter
    ) -> FrequencyTable {
        guard isMirrored else {
            let table = FrequencyTable(counts: histogram)
            table.write(to: &bits)
            return table
        }
        let half = FrequencyTable(counts: folded(histogram), total: FrequencyTable.total / 2)
        half.write(to: &bits)
        return half.mirrored ?? FrequencyTable(counts: histogram)
    }

    /// Whether tables of distances from zero, half as long, save more than the signs lose.
    private static func isMirrored(_ histograms: [[UInt32]]) -> Bool {
        // The lowest number has no counterpart, and a table of one symbol takes in the next.
        guard histograms.allSatisfy({ counts in counts[0] == 0 && counts[2..<255].contains { $0 > 0 } }) else {
            return false
        }
        let (whole, half) = histograms.reduce((0, 0)) { sums, counts in
            let folded = folded(counts), signed = Int(counts.reduce(0, +) - folded[0])
            return unsafe (
                sums.0 + Int(pith_entropy_cost(counts) >> 8) + FrequencyTable.storedBits(of: counts),
                sums.1 + Int(pith_entropy_cost(folded) >> 8) + FrequencyTable.storedBits(of: folded) + signed
            )
        }
        return half <= whole
    }

    private static func folded(_ counts: [UInt32]) -> [UInt32] {
        var folded = [UInt32](repeating: 0, count: 256)
        unsafe pith_levels_fold(counts, &folded)
        return folded
    }
}
