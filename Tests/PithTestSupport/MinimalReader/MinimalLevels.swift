/// Decodes levels, one at a time.
struct MinimalLevels {
    private let count: Int
    private let states: Int, unit: Int, rowsPerLane: Int
    private let rows: [UInt8], columns: [UInt8]
    private let tableOfSum: [Int]
    private var walks: [Int]
    private let tables: [MinimalBlock.Table]

    /// What comes after an even and after an odd number, by states and state.
    private static let next = [
        1: [(0, 0)], 4: [(0, 2), (2, 0), (1, 3), (3, 1)],
        8: [(0, 2), (7, 5), (1, 3), (6, 4), (2, 0), (5, 7), (3, 1), (4, 6)],
    ]

    private var lanes: Int { (rows.count + rowsPerLane - 1) / rowsPerLane }

    /// Reads what stands before the coder's states.
    init(_ input: inout MinimalInput, _ count: Int, _ block: MinimalBlock) throws {
        self.count = count
        states = Int(try input.byte())
        unit = try input.varint()
        rowsPerLane = try input.varint()
        let sums = Int(try input.byte())
        try require(Self.next[states] != nil && unit > 0 && unit <= count && (1...31).contains(sums), "levels")
        let rowCount = (count + unit - 1) / unit
        try require(rowsPerLane > 0 && rowsPerLane <= rowCount, "rows of a lane")
        rows = sums > 1 ? try block.plane(&input, rowCount, nil) : [UInt8](repeating: 0, count: rowCount)
        columns = sums > 1 ? try block.plane(&input, unit, nil) : [UInt8](repeating: 0, count: unit)
        try require(Int(rows.max() ?? 0) + Int(columns.max() ?? 0) < sums, "classes")
        var table = [0]
        for _ in 1..<max(sums, 1) { table.append(table[table.count - 1] + (try input.bits(1))) }
        tableOfSum = table
        let laneCount = (rowCount + rowsPerLane - 1) / rowsPerLane, bits = states == 8 ? 3 : states == 4 ? 2 : 0
        try require(laneCount <= 64, "lanes")
        walks = try (0..<laneCount).map { _ in try input.bits(bits) }
        let sets = states == 1 ? 1 : 2
        let isMirrored = try input.bits(1) == 1
        tables = try (0..<(table[table.count - 1] + 1) * sets).map { _ in
            isMirrored ? try Self.mirrored(try block.table(&input, sum: 2048)) : try block.table(&input)
        }
        input.align()
    }

    private static func mirrored(_ half: MinimalBlock.Table) throws -> MinimalBlock.Table {
        try require(half.frequencies[128...].allSatisfy { $0 == 0 }, "mirrored table")
        let frequencies = (0..<256).map { $0 == 0 ? 0 : half.frequencies[abs($0 - 128)] * ($0 == 128 ? 2 : 1) }
        let slots = (0..<256).flatMap { [Int](repeating: $0, count: frequencies[$0]) }
        let starts = (0..<256).map { symbol in frequencies[..<symbol].reduce(0, +) }
        return (frequencies, starts, slots)
    }

    /// The levels, to the end of the input.
    mutating func levels(_ input: inout MinimalInput) throws -> [UInt8] {
        var coders = try (0..<lanes).map { _ in
            try input.take(4).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        }
        var output = [UInt8](repeating: 0, count: count)
        for step in 0..<rowsPerLane * unit {
            for lane in 0..<lanes {
                let place = lane * rowsPerLane * unit + step
                guard place < count else { continue }
                let table = self.table(at: place, walk: walks[lane]), slot = Int(coders[lane] & 4095)
                let symbol = table.slots[slot]
                var coder =
                    UInt32(table.frequencies[symbol]) * (coders[lane] >> 12) + UInt32(slot - table.starts[symbol])
                if coder < 1 << 16 { coder = coder << 16 | UInt32(try input.byte()) | UInt32(try input.byte()) << 8 }
                coders[lane] = coder
                output[place] = try take(symbol - 128, lane)
            }
        }
        try require(input.isAtEnd && coders.allSatisfy { $0 == 1 << 16 }, "coders")
        return output
    }

    /// Set 1 of 4 states belongs to the last two, of 8 states to the odd ones.
    private func set(of walk: Int) -> Int { states == 8 ? walk % 2 : walk / 2 }

    private func table(at place: Int, walk: Int) -> MinimalBlock.Table {
        let number = tableOfSum[Int(rows[place / unit]) + Int(columns[place % unit])]
        return states == 1 ? tables[number] : tables[2 * number + set(of: walk)]
    }

    /// The level of number `k`, after which the lane walks on.
    private mutating func take(_ k: Int, _ lane: Int) throws -> UInt8 {
        let level = states == 1 ? k : set(of: walks[lane]) == 0 ? 2 * k : 2 * k - k.signum()
        try require((-128...127).contains(level), "level")
        if let next = Self.next[states]?[walks[lane]] { walks[lane] = k % 2 == 0 ? next.0 : next.1 }
        return UInt8(bitPattern: Int8(level))
    }
}
