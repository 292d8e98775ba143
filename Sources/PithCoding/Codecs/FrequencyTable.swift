internal import CPithKernels

/// How often each byte value occurs in a run of symbols, out of 4096.
///
/// Frequencies lie between 0 and 4095 and add up to 4096. Stored: first and last used symbol (8 bits each), then for each
/// symbol between them the number of binary digits of its frequency (4 bits, 0 for none) and the digits below the highest;
/// 15 in place of a number of digits, and 8 bits *r*, stand for *r* + 1 symbols without a frequency.
struct FrequencyTable: Equatable {
    private(set) var frequencies: [UInt16]

    /// Sum of all frequencies.
    static let total = 1 << Int(PITH_RANS_BITS)
    /// Stands for a run of symbols that do not occur, from the second number on where that is shorter.
    private static let gap = 15, shortestGap = 4

    /// The table nearest to counted symbols, of which there is at least one; its frequencies add up to `total`.
    init(counts: [UInt32], total: Int = FrequencyTable.total) {
        frequencies = [UInt16](repeating: 0, count: 256)
        unsafe pith_rans_normalize_to(UInt32(total), counts, &frequencies)
    }

    /// Reads a stored table; nil when it ends early, does not add up to `total`, or gives all of it to one value.
    init?(_ reader: inout BitReader, total: Int = FrequencyTable.total) {
        frequencies = [UInt16](repeating: 0, count: 256)
        guard let first = reader.bits(8), let last = reader.bits(8), first <= last else { return nil }
        var sum = 0, symbol = first
        while symbol <= last {
            guard let length = reader.bits(4), length <= 12 || length == FrequencyTable.gap else { return nil }
            if length == FrequencyTable.gap {
                guard let more = reader.bits(8) else { return nil }
                symbol += more + 1
                continue
            }
            if length > 0 {
                guard let low = reader.bits(length - 1) else { return nil }
                frequencies[symbol] = UInt16(1 << (length - 1) | low)
                guard frequencies[symbol] < total else { return nil }
                sum += Int(frequencies[symbol])
            }
            symbol += 1
        }
        guard sum == total, frequencies[first] > 0, frequencies[last] > 0 else { return nil }
    }

    /// The table of numbers around 128 whose distances from there have these frequencies, which add up to half the total; nil
    /// where a distance is above 127.
    var mirrored: FrequencyTable? {
        guard frequencies[128...].allSatisfy({ $0 == 0 }) else { return nil }
        var table = self
        for distance in 0..<128 {
            table.frequencies[128 - distance] = frequencies[distance]
            table.frequencies[128 + distance] = frequencies[distance]
        }
        table.frequencies[0] = 0
        table.frequencies[128] = 2 * frequencies[0]
        return table
    }

    /// Appends the stored form.
    func write(to bits: inout BitWriter) {
        let first = frequencies.firstIndex { $0 > 0 } ?? 0, last = frequencies.lastIndex { $0 > 0 } ?? 0
        bits.bits(first, 8)
        bits.bits(last, 8)
        var symbol = first
        while symbol <= last {
            let gap = frequencies[symbol...].prefix { $0 == 0 }.count
            if gap >= FrequencyTable.shortestGap {
                bits.bits(FrequencyTable.gap, 4)
                bits.bits(gap - 1, 8)
                symbol += gap
                continue
            }
            let frequency = Int(frequencies[symbol]), length = Int.bitWidth - frequency.leadingZeroBitCount
            bits.bits(length, 4)
            if length > 1 { bits.bits(frequency & (1 << (length - 1) - 1), length - 1) }
            symbol += 1
        }
    }

    /// An estimate of the stored form's bits from counts: what a table costs before it is made.
    static func storedBits(of counts: [UInt32]) -> Int {
        var bits = 16, gap = FrequencyTable.shortestGap
        for count in counts {
            gap = count == 0 ? gap + 1 : 0
            bits += count > 0 ? 8 : gap < FrequencyTable.shortestGap ? 4 : 0
        }
        return bits
    }
}
