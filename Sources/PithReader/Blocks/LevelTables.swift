/// The tables of levels, and the walk through the sets of levels they stand for.
struct LevelTables: Sendable {
    let stateCount: Int
    /// The slots of all tables, 4096 each; those of set 0 and set 1 follow each other where there are two sets.
    let slots: [UInt32]

    /// The number of bits of a state.
    static func bitCount(ofStates count: Int) -> Int { count == 8 ? 3 : count == 4 ? 2 : 0 }

    /// Reads the bit that says how the tables are stored, and `count` tables for each set.
    init(_ input: inout ByteReader, count: Int, stateCount: Int) throws(ReaderError) {
        self.stateCount = stateCount
        let setCount = stateCount == 1 ? 1 : 2, isMirrored = try input.bits(1) == 1
        var slots: [UInt32] = []
        for number in 0..<count * setCount {
            let frequencies =
                isMirrored ? try Self.mirrored(&input) : try FrequencyTable.frequencies(&input, sum: 4096)
            for symbol in 0..<256 where frequencies[symbol] > 0 {
                let level = Self.level(symbol - 128, set: stateCount == 1 ? nil : number % 2)
                try input.require((-128...127).contains(level), "A table has the level \(level).")
            }
            slots += FrequencyTable(frequencies: frequencies).slots
        }
        self.slots = slots
    }

    /// A table whose numbers are as frequent as their negatives.
    private static func mirrored(_ input: inout ByteReader) throws(ReaderError) -> [Int] {
        let half = try FrequencyTable.frequencies(&input, sum: 2048)
        try input.require(half[128...].allSatisfy { $0 == 0 }, "A mirrored table has a value above 127.")
        var frequencies = [Int](repeating: 0, count: 256)
        frequencies[128] = 2 * half[0]
        for value in 1...127 {
            frequencies[128 + value] = half[value]
            frequencies[128 - value] = half[value]
        }
        return frequencies
    }

    /// The level of number `k`; the set is nil where there is one.
    @inline(__always)
    static func level(_ k: Int, set: Int?) -> Int {
        switch set {
        case nil: k
        case 0: 2 * k
        default: 2 * k - k.signum()
        }
    }

    /// The set that a state takes levels from: the last two of 4 states, the odd ones of 8, have set 1.
    @inline(__always)
    func set(of state: Int) -> Int { stateCount == 8 ? state & 1 : state >> 1 }

    /// The states after an even and after an odd number, for each state.
    static func steps(ofStates count: Int) -> [Int] {
        switch count {
        case 4: [0, 2, 2, 0, 1, 3, 3, 1]
        case 8: [0, 2, 7, 5, 1, 3, 6, 4, 2, 0, 5, 7, 3, 1, 4, 6]
        default: [0, 0]
        }
    }
}
