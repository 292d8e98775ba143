/// How often each byte value occurs, as an entropy coder needs it.
struct FrequencyTable: Sendable {
    /// For each of the 4096 slots its symbol (8 bits), frequency (12 bits), and place within the symbol's slots (12).
    let slots: [UInt32]

    init(frequencies: [Int]) {
        var slots: [UInt32] = []
        slots.reserveCapacity(4096)
        for (symbol, frequency) in frequencies.enumerated() {
            let entry = UInt32(symbol) << 24 | UInt32(frequency) << 12
            for place in 0..<frequency { slots.append(entry | UInt32(place)) }
        }
        precondition(slots.count == 4096, "Frequencies add up to 4096.")
        self.slots = slots
    }

    init(_ input: inout ByteReader) throws(ReaderError) {
        self.init(frequencies: try Self.frequencies(&input, sum: 4096))
    }

    /// Reads 256 frequencies that add up to `sum`, all of them smaller than it.
    static func frequencies(_ input: inout ByteReader, sum: Int) throws(ReaderError) -> [Int] {
        let first = try input.bits(8), last = try input.bits(8)
        try input.require(first <= last, "A table goes from \(first) to \(last).")
        var frequencies = [Int](repeating: 0, count: 256), symbol = first, total = 0
        while symbol <= last {
            let length = try input.bits(4)
            if length == 15 {
                symbol += try input.bits(8) + 1
                continue
            }
            try input.require(length <= 12, "A frequency has \(length) bits.")
            if length > 0 { frequencies[symbol] = 1 << (length - 1) + (try input.bits(length - 1)) }
            try input.require(frequencies[symbol] < sum, "A frequency is \(frequencies[symbol]) of \(sum).")
            total += frequencies[symbol]
            symbol += 1
        }
        try input.require(total == sum, "Frequencies add up to \(total), not to \(sum).")
        let hasEnds = frequencies[first] > 0 && frequencies[last] > 0
        try input.require(hasEnds, "The first or last value of a table has no frequency.")
        return frequencies
    }
}
