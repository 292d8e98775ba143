import PithCoding
import PithTensor
import PithTestSupport
import Testing

@Suite struct LevelsCodingTests {
    /// Levels to code.
    struct Case: Sendable, CustomTestStringConvertible {
        let states: Int
        let count: Int
        var start = 0
        var unit = 64
        var spread = 1.0

        var testDescription: String { "\(states) states, \(count) levels in rows of \(unit)" }

        var levels: [Int8] {
            var samples = NumberSamples(seed: UInt64(states + count))
            return samples.levels(count, states: states, start: start, unit: unit, spread: spread)
        }
    }

    static let walks = [
        Case(states: 8, count: 1024), Case(states: 4, count: 5000, start: 3), Case(states: 8, count: 70_001, start: 6),
        Case(states: 8, count: 1 << 18, unit: 512, spread: 6), Case(states: 4, count: 300_000, start: 1, unit: 384),
        Case(states: 8, count: 4097, unit: 4097), Case(states: 4, count: 20_000, unit: 8191, spread: 3),
    ]
    static let plain = [
        Case(states: 1, count: 1 << 17, unit: 256, spread: 9), Case(states: 1, count: 90_001, unit: 300, spread: 12),
    ]

    private func encoded(_ levels: [Int8], unit: Int, upTo instructions: InstructionSet = .widest) -> [UInt8] {
        Storage(NumberSamples.bytes(levels)).withBytes {
            BlockEncoder(upTo: instructions).encode($0, layout: NumberLayout(.int8), unit: unit)
        }
    }

    private func decoded(_ body: [UInt8], _ count: Int, upTo instructions: InstructionSet = .widest) throws(CodingError)
        -> [UInt8]
    {
        let buffer = ByteBuffer()
        try BlockDecoder(upTo: instructions).decode(
            Storage(body), layout: NumberLayout(.int8), count: count, named: "levels", into: buffer)
        return buffer.bytes(0..<buffer.count)
    }

    @Test(arguments: walks + plain) func `levels come back, here, by the portable loop and by the plain reader`(
        _ block: Case
    ) throws {
        let levels = block.levels, body = encoded(levels, unit: block.unit), bytes = NumberSamples.bytes(levels)
        #expect(body.first == BlockMethod.levels.rawValue && body.dropFirst().first == UInt8(block.states))
        #expect(encoded(levels, unit: block.unit, upTo: .portable) == body)
        #expect(try decoded(body, levels.count) == bytes)
        #expect(try decoded(body, levels.count, upTo: .portable) == bytes)
        #expect(try PlainReader.elements(of: body, count: levels.count, width: 1, isRotated: false) == bytes)
    }

    @Test(arguments: [4, 8]) func `walks take what their numbers hold and 0,5 % more at most`(_ states: Int) throws {
        let block = Case(states: states, count: 1 << 20, unit: 1024), levels = block.levels
        // Numbers in both sets are drawn alike, so a single entropy is theirs.
        let numbers = levels.map { Int($0) % 2 == 0 ? Int($0) / 2 : (Int($0) + Int($0).signum()) / 2 }
        let bits = Double(encoded(levels, unit: block.unit).count) * 8 / Double(levels.count)
        #expect(bits <= NumberSamples.entropy(numbers) * 1.005)
        // Blind to the walk it would be about one bit more.
        #expect(bits < NumberSamples.entropy(levels) - 0.88)
    }

    @Test func `rows and columns of different scales take less than one table can give`() throws {
        let block = Case(states: 1, count: 1 << 18, unit: 512, spread: 6), levels = block.levels
        let bits = Double(encoded(levels, unit: block.unit).count) * 8 / Double(levels.count)
        #expect(bits < NumberSamples.entropy(levels) - 0.15)
    }

    @Test(arguments: [walks[2], walks[3], plain[0]]) func `damaged levels are refused or harmless, and never crash`(
        _ block: Case
    ) throws {
        let levels = block.levels, body = encoded(levels, unit: block.unit)
        var samples = NumberSamples(seed: 19), refused = 0
        for _ in 0..<400 {
            var damaged = body
            damaged[Int(samples.uniform() * Double(min(body.count, 3000)))] ^= 1 << UInt8(samples.uniform() * 8)
            do {
                #expect(try decoded(damaged, levels.count).count == levels.count)
            } catch { refused += 1 }
            let cut = Array(body[..<Int(samples.uniform() * Double(body.count))])
            #expect(throws: CodingError.self) { try decoded(cut, levels.count) }
        }
        #expect(refused > 350)
        #expect(throws: CodingError.self) { try decoded(body + [0], levels.count) }
        #expect(throws: CodingError.self) { try decoded(body, levels.count + 1) }
    }

    @Test func `a mirrored table that gives all to one value is refused by both readers`() {
        // One row of 8 and no classes; mirrored; values 0 to 0, a frequency of 2048; a coder's state, and words for 8 levels.
        let body: [UInt8] = [6, 1, 8, 1, 1] + [1, 0, 0x18, 0] + [0, 0, 1, 0] + [UInt8](repeating: 0, count: 16)
        #expect {
            try decoded(body, 8)
        } throws: {
            ($0 as? CodingError)?.problem.contains("table of levels does not add up") == true
        }
        #expect(throws: (any Error).self) {
            try PlainReader.elements(of: body, count: 8, width: 1, isRotated: false)
        }
    }

    @Test func `heads of levels that contradict themselves are refused`() throws {
        let body = encoded(Self.walks[0].levels, unit: 64)
        // Method, states, row, rows of a lane, sums of classes.
        for (place, value) in [(1, 0), (1, 2), (1, 16), (2, 0), (3, 0), (3, 17), (4, 0), (4, 32)] {
            var damaged = body
            damaged[place] = UInt8(value)
            #expect { try decoded(damaged, 1024) } throws: { ($0 as? CodingError)?.code == .corrupt }
        }
    }

    @Test func `levels are no method for elements of two bytes`() throws {
        let body = encoded(Self.walks[0].levels, unit: 64)
        #expect(throws: CodingError.self) {
            try BlockDecoder().decode(
                Storage(body), layout: NumberLayout(.float16), count: 512, named: "halves", into: ByteBuffer())
        }
    }

    @Test func `levels at the ends of their range come back`() throws {
        var samples = NumberSamples(seed: 4)
        for extremes in [[Int8(-128), 127], [-127, 127], [-128, 126], [-1, 1], [0, 127]] {
            let levels = (0..<4096).map { _ in extremes[samples.uniform() < 0.9 ? 0 : 1] }
            #expect(try decoded(encoded(levels, unit: 64), 4096) == NumberSamples.bytes(levels))
        }
        let even = samples.levels(4096, states: 8).map { $0 & -4 }
        #expect(try decoded(encoded(even, unit: 64), 4096) == NumberSamples.bytes(even))
    }
}
