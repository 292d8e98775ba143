import PithTensor
import PithTestSupport
import Testing

@Suite struct LevelSearchTests {
    private static func next(_ states: Int, _ state: Int) -> (even: Int, odd: Int) {
        states == 8
            ? [(0, 2), (7, 5), (1, 3), (6, 4), (2, 0), (5, 7), (3, 1), (4, 6)][state]
            : [(0, 2), (2, 0), (1, 3), (3, 1)][state]
    }

    private static func set(_ states: Int, _ state: Int) -> Int { states == 8 ? state % 2 : state / 2 }

    /// The least cost of a walk from state 0 to state 0, over all levels that there are.
    private static func leastCost(_ values: [Float], _ weights: [Float], states: Int, rates: [Float]) -> Double {
        var costs = [Double](repeating: .infinity, count: states)
        costs[0] = 0
        for (value, weight) in zip(values, weights) {
            var after = [Double](repeating: .infinity, count: states)
            for state in 0..<states where costs[state].isFinite {
                let set = set(states, state)
                for k in -63...63 {
                    let level = Double(set == 0 ? 2 * k : 2 * k - k.signum()), error = Double(value) - level
                    let cost =
                        costs[state] + Double(weight) * error * error
                        + Double(rates[set * LevelSearch.ratesPerSet + abs(k)])
                    let next = k % 2 == 0 ? next(states, state).even : next(states, state).odd
                    after[next] = min(after[next], cost)
                }
            }
            costs = after
        }
        return costs[0]
    }

    /// What a walk costs; nil when it is none from state 0 to state 0.
    private static func cost(
        _ levels: [Int8], _ values: [Float], _ weights: [Float], states: Int, rates: [Float]
    ) -> Double? {
        var state = 0, cost = 0.0
        for (index, level) in levels.enumerated() {
            let set = set(states, state), level = Int(level)
            guard set == 0 ? level % 2 == 0 : level == 0 || level % 2 != 0 else { return nil }
            let k = set == 0 ? level / 2 : (level + level.signum()) / 2, error = Double(values[index]) - Double(level)
            cost += Double(weights[index]) * error * error + Double(rates[set * LevelSearch.ratesPerSet + abs(k)])
            state = k % 2 == 0 ? next(states, state).even : next(states, state).odd
        }
        return state == 0 ? cost : nil
    }

    private static func search(
        _ values: [Float], _ weights: [Float], states: Int, runLength: Int, rates: [Float], into levels: inout [Int8],
        counts: inout [UInt32]
    ) {
        Kernels.searchLevels(
            values.span, weights: weights.span, states: states, runLength: runLength, rates: rates, into: &levels,
            counts: &counts)
    }

    @Test(arguments: [4, 8], [1, 2, 3, 50, 333]) func `the walk that is found costs what the best of all walks does`(
        _ states: Int, _ count: Int
    ) throws {
        var samples = NumberSamples(seed: UInt64(states * count))
        let values = (0..<count).map { _ in samples.normal() * 9 }
        let weights = (0..<count).map { _ in Float(0.5 + samples.uniform()) }
        // Rates rise with the distance from zero; the best level is then never past the nearest.
        let rates = (0..<2 * LevelSearch.ratesPerSet).map { Float($0 % LevelSearch.ratesPerSet) * 0.11 }
        for weighted in [true, false] {
            let used = weighted ? weights : [Float](repeating: 1, count: count)
            var levels = [Int8](repeating: 0, count: count)
            var counts = [UInt32](repeating: 0, count: rates.count)
            Self.search(
                values, weighted ? weights : [], states: states, runLength: 4096, rates: rates, into: &levels,
                counts: &counts)
            let found = try #require(Self.cost(levels, values, used, states: states, rates: rates))
            let least = Self.leastCost(values, used, states: states, rates: rates)
            #expect(abs(found - least) <= 1e-4 * least + 1e-3, "\(found) against \(least)")
            #expect(counts.reduce(0, +) == UInt32(count))
        }
    }

    @Test(arguments: [4, 8]) func `pieces of any length are one walk, and each is found for itself`(_ states: Int)
        throws
    {
        var samples = NumberSamples(seed: 5)
        let values = (0..<10_000).map { _ in samples.normal() * 12 }
        let rates = [Float](repeating: 0, count: 2 * LevelSearch.ratesPerSet)
        var levels = [Int8](repeating: 0, count: values.count), counts = [UInt32](repeating: 0, count: rates.count)
        Self.search(values, [], states: states, runLength: 300, rates: rates, into: &levels, counts: &counts)
        let ones = [Float](repeating: 1, count: values.count)
        #expect(Self.cost(levels, values, ones, states: states, rates: rates) != nil)
        for start in [0, 4800, 9900] {
            let end = min(start + 300, values.count), part = Array(values[start..<end])
            var alone = [Int8](repeating: 0, count: part.count), counts = counts
            Self.search(part, [], states: states, runLength: 300, rates: rates, into: &alone, counts: &counts)
            #expect(alone == Array(levels[start..<end]))
        }
    }

    @Test func `the largest numbers have levels`() {
        let values: [Float] = [124, -124, 124, 124, -124, 123.5, -123.5, 0, -0.0]
        let rates = [Float](repeating: 0, count: 2 * LevelSearch.ratesPerSet)
        var levels = [Int8](repeating: 0, count: values.count), counts = [UInt32](repeating: 0, count: rates.count)
        Self.search(values, [], states: 8, runLength: 64, rates: rates, into: &levels, counts: &counts)
        for (value, level) in zip(values, levels) { #expect(abs(value - Float(level)) <= 4) }
    }

    @Test func `without a trellis rates pull numbers to the level below`() {
        let values: [Float] = [0.6, -0.6, 2.9, 2.6, -126.8]
        var rates = [Float](repeating: 0, count: LevelSearch.plainRates)
        var levels = [Int8](repeating: 0, count: values.count), counts = [UInt32](repeating: 0, count: rates.count)
        Self.search(values, [], states: 1, runLength: 64, rates: rates, into: &levels, counts: &counts)
        #expect(levels == [1, -1, 3, 3, -127])
        for distance in rates.indices { rates[distance] = Float(distance) * 0.3 }
        Self.search(values, [], states: 1, runLength: 64, rates: rates, into: &levels, counts: &counts)
        #expect(levels == [0, 0, 3, 2, -127])
    }
}
