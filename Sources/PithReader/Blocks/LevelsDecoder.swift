/// Decodes levels: small signed integers, coded by the classes of their row and column.
struct LevelsDecoder {
    private let count: Int
    private let unit: Int
    private let rowsPerLane: Int
    private var rows: [UInt8]
    private var columns: [UInt8]
    private var tableOfSum = [0]
    /// The first state of each lane.
    private var states: [Int] = []
    private let tables: LevelTables

    /// The `count` levels that come next, to the end of the input.
    static func decoded(_ input: inout ByteReader, count: Int) throws(ReaderError) -> [UInt8] {
        try LevelsDecoder(&input, count).levels(&input)
    }

    /// Reads what stands before the coder's states.
    private init(_ input: inout ByteReader, _ count: Int) throws(ReaderError) {
        let stateCount = Int(try input.byte())
        try input.require([1, 4, 8].contains(stateCount), "Levels have \(stateCount) states.")
        self.count = count
        unit = try input.number()
        try input.require(unit >= 1 && unit <= count, "A row has \(unit) of \(count) levels.")
        let rowCount = (count + unit - 1) / unit
        rowsPerLane = try input.number()
        try input.require(rowsPerLane >= 1 && rowsPerLane <= rowCount, "A lane has \(rowsPerLane) of \(rowCount) rows.")
        let laneCount = (rowCount + rowsPerLane - 1) / rowsPerLane
        try input.require(laneCount <= 64, "There are \(laneCount) lanes.")
        let sumCount = Int(try input.byte())
        try input.require((1...31).contains(sumCount), "Classes have \(sumCount) sums.")
        rows = [UInt8](repeating: 0, count: rowCount)
        columns = [UInt8](repeating: 0, count: unit)
        if sumCount > 1 {
            rows = try PlaneDecoder().decoded(&input, count: rowCount)
            columns = try PlaneDecoder().decoded(&input, count: unit)
        }
        let highest = Int(rows.max() ?? 0) + Int(columns.max() ?? 0)
        try input.require(highest < sumCount, "Classes add up to \(highest), with \(sumCount) sums.")
        for sum in 1..<max(1, sumCount) { tableOfSum.append(tableOfSum[sum - 1] + (try input.bits(1))) }
        let bitCount = LevelTables.bitCount(ofStates: stateCount)
        for _ in 0..<laneCount { states.append(try input.bits(bitCount)) }
        tables = try LevelTables(&input, count: tableOfSum[sumCount - 1] + 1, stateCount: stateCount)
        try input.align()
    }

    /// All lanes stand in the same column of their rows, so each column is taken once for all.
    private func levels(_ input: inout ByteReader) throws(ReaderError) -> [UInt8] {
        let laneCount = states.count, laneLength = rowsPerLane * unit, slots = tables.slots
        let steps = LevelTables.steps(ofStates: tables.stateCount), hasSets = tables.stateCount > 1
        var coder = try SymbolDecoder(input, stateCount: laneCount)
        var states = states, output = [UInt8](repeating: 0, count: count)
        // What does not change along a row: the first table of each lane, before the column's class is added.
        var rowClasses = [Int](repeating: 0, count: laneCount)
        for row in 0..<rowsPerLane {
            let first = row * unit, present = (0..<laneCount).prefix { $0 * laneLength + first < count }
            for lane in present { rowClasses[lane] = Int(rows[lane * rowsPerLane + row]) }
            for column in 0..<unit {
                let columnClass = Int(columns[column])
                for lane in present {
                    let place = lane * laneLength + first + column
                    guard place < count else { break }
                    let number = tableOfSum[rowClasses[lane] + columnClass]
                    let state = states[lane], set = hasSets ? tables.set(of: state) : 0
                    let table = 4096 * (hasSets ? 2 * number + set : number)
                    let k = try coder.symbol(slots, at: table, lane: lane) - 128
                    output[place] = UInt8(truncatingIfNeeded: LevelTables.level(k, set: hasSets ? set : nil))
                    states[lane] = steps[2 * state + (k & 1)]
                }
            }
        }
        try coder.finish()
        input.move(to: input.end)
        return output
    }
}
