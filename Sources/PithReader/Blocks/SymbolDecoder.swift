/// Decodes entropy coded symbols: interleaved asymmetric numeral systems with words of 16 bits.
struct SymbolDecoder {
    private var states: [UInt32]
    private var words: ByteReader

    /// The symbols of all runs, one after the other; each run has its own table.
    static func decoded(_ input: inout ByteReader, runs: [Int]) throws(ReaderError) -> [UInt8] {
        var part = try input.part(try input.number())
        let power = try part.byte()
        try part.require(power <= 6, "There are 2^\(power) states.")
        var tables: [FrequencyTable] = []
        for _ in runs { tables.append(try FrequencyTable(&part)) }
        try part.align()
        var decoder = try SymbolDecoder(part, stateCount: 1 << Int(power))
        var output = [UInt8](repeating: 0, count: runs.reduce(0, +)), place = 0
        for (count, table) in zip(runs, tables) {
            try decoder.decode(table, into: &output, at: place..<place + count)
            place += count
        }
        try decoder.finish()
        return output
    }

    /// Starts with the states that come next.
    init(_ input: ByteReader, stateCount: Int) throws(ReaderError) {
        words = input
        states = []
        for _ in 0..<stateCount { states.append(UInt32(truncatingIfNeeded: try words.little(4))) }
    }

    private mutating func decode(
        _ table: FrequencyTable, into output: inout [UInt8], at range: Range<Int>
    ) throws(ReaderError) {
        let slots = table.slots, bytes = words.bytes, end = words.end, mask = states.count - 1
        var position = words.position, lane = 0
        for place in range {
            let state = states[lane], entry = slots[Int(state & 4095)]
            var next = Self.next(state, entry)
            if next < 1 << 16 {
                guard position + 2 <= end else { throw words.failure("The words of coded symbols end early.") }
                next = next << 16 | UInt32(bytes[position + 1]) << 8 | UInt32(bytes[position])
                position += 2
            }
            states[lane] = next
            output[place] = UInt8(truncatingIfNeeded: entry >> 24)
            lane = (lane + 1) & mask
        }
        words.move(to: position)
    }

    /// One symbol by the state number `lane`, with the table that begins at `table` in `slots`.
    @inline(__always)
    mutating func symbol(_ slots: [UInt32], at table: Int, lane: Int) throws(ReaderError) -> Int {
        let state = states[lane], entry = slots[table + Int(state & 4095)]
        var next = Self.next(state, entry)
        if next < 1 << 16 { next = next << 16 | UInt32(try words.word()) }
        states[lane] = next
        return Int(entry >> 24)
    }

    /// The state after a symbol, before words are taken; it stays below 2^32 for every state and entry.
    @inline(__always)
    private static func next(_ state: UInt32, _ entry: UInt32) -> UInt32 {
        (entry >> 12 & 4095) &* (state >> 12) &+ (entry & 4095)
    }

    /// Refuses words that are left, and states that are not those the coder began with.
    func finish() throws(ReaderError) {
        try words.require(words.isAtEnd, "Words of coded symbols are left over.")
        try words.require(states.allSatisfy { $0 == 1 << 16 }, "The states of coded symbols do not come out.")
    }
}
