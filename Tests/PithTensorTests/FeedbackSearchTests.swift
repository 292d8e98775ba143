import PithTensor
import PithTestSupport
import Testing

@Suite struct FeedbackSearchTests {
    /// A way through the trellis with the errors that it has made in its row.
    private struct Way {
        var cost: Float
        var levels: [Int8] = []
        var sums: [Float]
    }

    /// The transitions of the format: for each state the next one for an even and an odd number.
    private static let next8 = [(0, 2), (7, 5), (1, 3), (6, 4), (2, 0), (5, 7), (3, 1), (4, 6)]
    private static let next4 = [(0, 2), (2, 0), (1, 3), (3, 1)]

    private static func set(_ states: Int, _ state: Int) -> Int {
        states == 1 ? 0 : states == 8 ? state % 2 : state / 2
    }

    /// Distances from zero that a state offers for `x`, with the state that each leads to.
    private static func offers(_ states: Int, _ state: Int, _ x: Float) -> [(level: Int, next: Int, number: Int)] {
        guard states > 1 else {
            let near = min(Int(x + 0.5), 127)
            return [(near, 0, near), (max(near - 1, 0), 0, max(near - 1, 0))]
        }
        let set = set(states, state), next = (states == 8 ? next8 : next4)[state]
        return [0, 1].flatMap { odd -> [(level: Int, next: Int, number: Int)] in
            // Levels whose number is even or odd lie 4 apart; the nearest, and the one below it.
            let all = stride(from: odd, through: 64, by: 2).map { set == 0 ? 2 * $0 : max(2 * $0 - 1, 0) }
                .filter { $0 <= [124, 126, 127, 125][2 * set + odd] }
            let offset = Float([0, 2, -1, 1][2 * set + odd])
            let place = min(max(Int((x - offset) * 0.25 + 0.5), 0), all.count - 1)
            return [place, max(place - 1, 0)].map {
                (all[$0], odd == 0 ? next.0 : next.1, (all[$0] + set) / 2)
            }
        }
    }

    /// The search in plain words: every state keeps the cheapest way into it.
    private static func reference(
        _ targets: [Float], _ steps: [Float], _ feedback: LevelFeedback, states: Int, rates: [Float], isClosed: Bool
    ) -> [Int8] {
        let columns = feedback.columns, none = [Float](repeating: 0, count: columns)
        var ways: [Int: Way] = [0: Way(cost: 0, sums: none)]
        for index in targets.indices {
            let column = index % columns
            var after: [Int: Way] = [:]
            for state in ways.keys.sorted() {
                guard let way = ways[state] else { continue }
                let sums = column == 0 ? none : way.sums, wanted = targets[index] + sums[column]
                let x = min(abs(wanted) / steps[index], LevelSearch.largestValue)
                let weight = feedback.pivots[column] * (steps[index] * steps[index])
                for offer in offers(states, state, x) {
                    let error = x - Float(offer.level)
                    let rate = rates[set(states, state) * LevelSearch.ratesPerSet + offer.number]
                    let cost = way.cost + (weight * (error * error) + rate)
                    guard after[offer.next].map({ cost < $0.cost }) ?? true else { continue }
                    let level = wanted < 0 ? -offer.level : offer.level
                    let made = targets[index] - Float(level) * steps[index]
                    var moved = sums
                    for later in column + 1..<max(columns, column + 1) {
                        moved[later] += made * feedback.factors[column * columns + later]
                    }
                    after[offer.next] = Way(cost: cost, levels: way.levels + [Int8(level)], sums: moved)
                }
            }
            ways = after
        }
        return (isClosed ? ways[0] : ways.values.min { $0.cost < $1.cost })?.levels ?? []
    }

    private struct Case {
        let targets: [Float]
        let steps: [Float]
        let feedback: LevelFeedback

        init(rows: Int, columns: Int, seed: UInt64) {
            var samples = NumberSamples(seed: seed)
            targets = (0..<rows * columns).map { _ in samples.normal() * 6 }
            steps = (0..<rows * columns).map { $0 / columns % 3 == 1 ? 2.5 : 1 }
            var factors = [Float](repeating: 0, count: columns * columns)
            for column in 0..<columns {
                for later in column + 1..<max(columns, column + 1) {
                    factors[column * columns + later] = samples.normal() * 0.3
                }
            }
            feedback = LevelFeedback(
                factors: factors, pivots: (0..<columns).map { _ in Float(0.4 + samples.uniform()) })
        }

        func search(
            states: Int, runLength: Int?, rates: [Float], first: Int = 0
        ) -> (levels: [Int8], counts: [UInt32], last: Int) {
            var levels = [Int8](repeating: 0, count: targets.count)
            var counts = [UInt32](repeating: 0, count: rates.count)
            let last = Kernels.searchLevels(
                targets.span, steps: steps.span, feedback, states: states, runLength: runLength, first: first,
                rates: rates, into: &levels, counts: &counts)
            return (levels, counts, last)
        }
    }

    private static func rates(_ states: Int) -> [Float] {
        (0..<LevelSearch.rates(states: states)).map { Float($0 % LevelSearch.ratesPerSet) * 0.07 }
    }

    @Test(arguments: [1, 4, 8], [1, 2, 7, 31, 32, 33, 60])
    func `the search agrees with one that keeps each way for itself`(_ states: Int, _ columns: Int) {
        let rows = 60 / columns, item = Case(rows: rows, columns: columns, seed: UInt64(31 * states + columns))
        let rates = Self.rates(states)
        for isClosed in [true, false] {
            let found = item.search(states: states, runLength: isClosed ? rows * columns : nil, rates: rates)
            let expected = Self.reference(
                item.targets, item.steps, item.feedback, states: states, rates: rates, isClosed: isClosed)
            #expect(found.levels == expected)
            #expect(found.counts.reduce(0, +) == UInt32(rows * columns))
            #expect(!isClosed || found.last == 0)
        }
    }

    @Test(arguments: [1, 4, 8]) func `runs side by side are found as each alone`(_ states: Int) {
        let columns = 9, perRun = 4, rows = 4 * 35 + 3, rates = Self.rates(states)
        let all = Case(rows: rows, columns: columns, seed: 8)
        let found = all.search(states: states, runLength: perRun * columns, rates: rates)
        for start in [0, 64, 136, 140] {
            let range = start * columns..<min(start + perRun, rows) * columns
            let expected = Self.reference(
                Array(all.targets[range]), Array(all.steps[range]), all.feedback, states: states, rates: rates,
                isClosed: true)
            #expect(Array(found.levels[range]) == expected)
        }
    }

    @Test(arguments: [5, 77, 78, 79, 80, 81]) func `a walk goes on from the state that the one before it ended in`(
        _ seed: UInt64
    ) {
        let item = Case(rows: 5, columns: 6, seed: seed), rates = Self.rates(8)
        /// The state after levels, or nil when one is not in the set of its state.
        func end(of levels: [Int8], from first: Int) -> Int? {
            var state = first
            for level in levels.map({ Int($0) }) {
                guard state % 2 == 0 ? level % 2 == 0 : level == 0 || level % 2 != 0 else { return nil }
                let number = state % 2 == 0 ? level / 2 : (level + level.signum()) / 2
                state = number % 2 == 0 ? Self.next8[state].0 : Self.next8[state].1
            }
            return state
        }
        var state = 0
        for _ in 0..<6 {
            let found = item.search(states: 8, runLength: nil, rates: rates, first: state)
            #expect(end(of: found.levels, from: state) == found.last)
            state = found.last
        }
        for first in 0..<8 {
            let found = item.search(states: 8, runLength: nil, rates: rates, first: first)
            #expect(end(of: found.levels, from: first) == found.last)
        }
    }

    @Test func `errors that are out of reach leave the largest level`() {
        let feedback = LevelFeedback(factors: [0, 50, 0, 0], pivots: [1, 1])
        var levels = [Int8](repeating: 0, count: 2), counts = [UInt32](repeating: 0, count: LevelSearch.plainRates)
        let targets: [Float] = [300, 4], ones: [Float] = [1, 1]
        _ = Kernels.searchLevels(
            targets.span, steps: ones.span, feedback, states: 1, runLength: nil,
            rates: [Float](repeating: 0, count: LevelSearch.plainRates), into: &levels, counts: &counts)
        #expect(levels == [127, 127])
    }

    @Test(arguments: [1, 15, 64, 65, 200]) func `errors of a block are added to the columns behind it in order`(
        _ width: Int
    ) {
        var samples = NumberSamples(seed: UInt64(width))
        let item = Case(rows: 1, columns: 7, seed: 3), block = 1..<4, end = 6
        let errors = (0..<width * block.count).map { _ in samples.normal() }
        var sums = (0..<width * 7).map { _ in samples.normal() }, expected = sums
        Kernels.addErrors(errors, of: block, by: item.feedback, upTo: end, to: &sums)
        for column in block.upperBound..<end {
            for place in 0..<width {
                for (index, from) in block.enumerated() {
                    expected[column * width + place] +=
                        errors[index * width + place] * item.feedback.factors[from * 7 + column]
                }
            }
        }
        #expect(sums == expected)
    }
}
