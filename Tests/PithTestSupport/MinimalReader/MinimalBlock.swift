/// Decodes blocks and planes one symbol at a time.
public struct MinimalBlock {
    let width: Int
    let isRotated: Bool

    /// Blocks of elements of `width` bytes.
    public init(width: Int, isRotated: Bool) {
        self.width = width
        self.isRotated = isRotated
    }

    /// The bytes of the `count` elements in `body`.
    public func decoded(_ body: [UInt8], _ count: Int) throws -> [UInt8] {
        var input = MinimalInput(body)
        let bytes = try elements(&input, count)
        try require(input.isAtEnd, "block end")
        return bytes
    }

    private func elements(_ input: inout MinimalInput, _ count: Int) throws -> [UInt8] {
        switch try input.byte() {
        case 0: return try input.take(count * width)
        case 1:
            let one = try input.take(width)
            return (0..<count).flatMap { _ in one }
        case 2: return try planes(&input, count)
        case 3: return try sparse(&input, count)
        case 4:
            let size = Int(try input.byte()) + 1, values = try input.take(size * width)
            return try plane(&input, count, nil).flatMap { values[Int($0) * width..<Int($0 + 1) * width] }
        case 5: return try plane(&input, count * width, nil)
        case 6:
            try require(width == 1, "width of levels")
            var levels = try MinimalLevels(&input, count, self)
            return try levels.levels(&input)
        default: throw MinimalReader.Refusal(reason: "method")
        }
    }

    private func sparse(_ input: inout MinimalInput, _ count: Int) throws -> [UInt8] {
        let found = try input.varint(), mask = try plane(&input, (count + 7) / 8, nil)
        let kept = try elements(&input, found)
        var bytes: [UInt8] = [], next = 0
        for index in 0..<count {
            let isSet = mask[index / 8] >> UInt8(index % 8) & 1 == 1
            bytes += isSet ? kept[next * width..<(next + 1) * width] : ArraySlice(repeating: 0, count: width)
            next += isSet ? 1 : 0
        }
        return bytes
    }

    /// Units in classes.
    struct Classes {
        let unit: Int
        let map: [Int]
        let count: Int

        /// Elements of a block in class order.
        func order(_ elements: Int) -> [[Int]] {
            (0..<count).map { number in
                map.indices.filter { map[$0] == number }
                    .flatMap { $0 * unit..<min(($0 + 1) * unit, elements) }
            }
        }
    }

    private func planes(_ input: inout MinimalInput, _ count: Int) throws -> [UInt8] {
        let classCount = Int(try input.byte())
        var classes: Classes?
        if classCount > 1 {
            let unit = try input.varint()
            var bitCount = 0
            while 1 << bitCount < classCount { bitCount += 1 }
            let map = try (0..<(count + unit - 1) / unit).map { _ in try input.bits(bitCount) }
            input.align()
            classes = Classes(unit: unit, map: map, count: classCount)
        }
        let parts = try (0..<width).map { _ in try plane(&input, count, classes) }
        var bytes: [UInt8] = []
        for index in 0..<count {
            var word = parts.reduce(UInt64(0)) { $0 << 8 | UInt64($1[index]) }
            if isRotated { word = word >> 1 | (word & 1) << UInt64(8 * width - 1) }
            bytes += (0..<width).map { UInt8(truncatingIfNeeded: word >> UInt64(8 * $0)) }
        }
        return bytes
    }

    func plane(_ input: inout MinimalInput, _ count: Int, _ classes: Classes?) throws -> [UInt8] {
        switch try input.byte() {
        case 0: return try input.take(count)
        case 1: return [UInt8](repeating: try input.byte(), count: count)
        case 2: return try symbols(&input, runs: [[Int](0..<count)])
        case 3:
            guard let classes else { throw MinimalReader.Refusal(reason: "classes") }
            return try symbols(&input, runs: classes.order(count))
        case 4: return try repeats(&input, count)
        case 5:
            guard let classes else { throw MinimalReader.Refusal(reason: "classes") }
            var output = [UInt8](repeating: 0, count: count)
            for places in classes.order(count) {
                try require(input.next.map { $0 <= 2 } ?? false, "mode")
                for (place, byte) in zip(places, try plane(&input, places.count, nil)) { output[place] = byte }
            }
            return output
        default: throw MinimalReader.Refusal(reason: "mode")
        }
    }

    /// Entropy coded symbols; each run lists the places of its symbols.
    private func symbols(_ input: inout MinimalInput, runs: [[Int]]) throws -> [UInt8] {
        var part = MinimalInput(try input.take(try input.varint()))
        let lanes = 1 << Int(try part.byte()), tables = try runs.map { _ in try table(&part) }
        part.align()
        var states = try (0..<lanes).map { _ in
            try part.take(4).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        }
        var output = [UInt8](repeating: 0, count: runs.reduce(0) { $0 + $1.count })
        for (run, table) in zip(runs, tables) {
            for (index, place) in run.enumerated() {
                let lane = index % lanes, slot = Int(states[lane] & 4095)
                let symbol = table.slots[slot]
                var state =
                    UInt32(table.frequencies[symbol]) * (states[lane] >> 12) + UInt32(slot - table.starts[symbol])
                if state < 1 << 16 { state = state << 16 | UInt32(try part.byte()) | UInt32(try part.byte()) << 8 }
                states[lane] = state
                output[place] = UInt8(symbol)
            }
        }
        try require(part.isAtEnd && states.allSatisfy { $0 == 1 << 16 }, "states")
        return output
    }

    func table(_ part: inout MinimalInput, sum: Int = 4096) throws -> Table {
        var frequencies = [Int](repeating: 0, count: 256), starts = frequencies, slots: [Int] = []
        let first = try part.bits(8), last = try part.bits(8)
        try require(first <= last, "table")
        var skip = 0
        for symbol in first...last {
            if skip > 0 {
                skip -= 1
                continue
            }
            let length = try part.bits(4)
            if length == 15 {
                skip = try part.bits(8)
                continue
            }
            if length > 0 { frequencies[symbol] = 1 << (length - 1) | (try part.bits(length - 1)) }
            starts[symbol] = slots.count
            slots += [Int](repeating: symbol, count: frequencies[symbol])
        }
        try require(slots.count == sum, "table sum")
        return (frequencies, starts, slots)
    }

    /// Frequencies and starts of the 256 symbols, and the symbol of each of the 4096 slots.
    typealias Table = (frequencies: [Int], starts: [Int], slots: [Int])

    private func repeats(_ input: inout MinimalInput, _ count: Int) throws -> [UInt8] {
        let sizes = try (0..<4).map { _ in try input.varint() }
        let literals = try plane(&input, sizes[1], nil)
        var lengths = MinimalInput(try plane(&input, sizes[2], nil))
        var distances = MinimalInput(try plane(&input, sizes[3], nil))
        var output: [UInt8] = [], taken = 0
        for _ in 0..<sizes[0] {
            let run = try lengths.varint(), length = try lengths.varint() + 4, distance = try distances.varint()
            try require(run <= literals.count - taken, "literals")
            output += literals[taken..<taken + run]
            taken += run
            try require(distance > 0 && distance <= output.count, "distance")
            for _ in 0..<length { output.append(output[output.count - distance]) }
        }
        output += literals[taken...]
        try require(output.count == count, "repeats")
        return output
    }
}
