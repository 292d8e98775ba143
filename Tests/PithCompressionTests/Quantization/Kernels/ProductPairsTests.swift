import PithCompression
import PithModel
import PithTensor
import Testing

@Suite struct ProductPairsTests {
    /// A row of heavy-tailed numbers.
    private func row(_ count: Int, seed: UInt64) -> [Float] {
        var numbers = RandomNumbers(seed: seed)
        return (0..<count).map { _ in numbers.heavyTailed() }
    }

    /// Levels in the order in which a kernel sums: all channels of one place, then those of the next.
    private func summed(_ levels: [Int8], places: Int) -> [Int] {
        let channels = levels.count / places
        return (0..<places).flatMap { place in (0..<channels).map { Int(levels[$0 * places + place]) } }
    }

    /// The largest sum of magnitudes of neighbours with one sign.
    private func largest(_ levels: [Int]) -> Int {
        stride(from: 1, to: levels.count, by: 2).map { place in
            let (first, second) = (levels[place - 1], levels[place])
            return first * second > 0 ? abs(first + second) : 0
        }.max() ?? 0
    }

    @Test(arguments: [(16, 1), (27, 9), (64, 4), (33, 3), (1, 1), (18, 9), (7, 7)])
    func `at the smallest scale every pair is exact, and none is coarser than it must be`(inputs: Int, places: Int) {
        let pairs = ProductPairs(inputs: inputs, places: places)
        for seed in 1...50 {
            let numbers = row(inputs, seed: UInt64(seed * inputs))
            let own = numbers.map { abs($0) }.max()! / 127, least = pairs.smallestScale(of: numbers.span)
            let scale = max(own, least)
            var levels = numbers.map { Int8(($0 / scale).rounded(.toNearestOrEven)) }
            let sum = largest(summed(levels, places: places))
            #expect(sum <= ProductPairs.limit)
            if least > own { #expect(sum >= ProductPairs.limit - 2) }
            #expect(pairs.limit(&levels) == 0)
        }
    }

    @Test func `what is too much is taken from the larger of two`() {
        let pairs = ProductPairs(inputs: 7)
        var levels: [Int8] = [100, 40, -100, -28, 127, -127, 127]
        #expect(pairs.limit(&levels) == 1)
        #expect(levels == [88, 40, -100, -28, 127, -127, 127])
        levels = [-40, -127, 64, 65, -128, -128, 0]
        #expect(pairs.limit(&levels) == 3)
        #expect(levels == [-40, -88, 64, 64, 0, -128, 0])
    }

    @Test func `numbers as large as floats can be have a finite scale`() {
        let numbers = [Float](repeating: .greatestFiniteMagnitude, count: 2)
        let scale = ProductPairs(inputs: 2).smallestScale(of: numbers.span)
        #expect(scale.isFinite && scale > numbers[0] / 127)
    }

    @Test(arguments: [WeightRounder.Method.nearest, .feedback, .refined])
    func `rounding with data leaves no pair that overflows, and errs less than seven bits`(
        method: WeightRounder.Method
    ) throws {
        let columns = 36, rows = 24
        var numbers = RandomNumbers(seed: 7), moments = SecondMoments(dimension: columns)
        try moments.add(rows: numbers.correlated(300, columns: columns).span)
        let weights = (0..<rows * columns).map { _ in numbers.heavyTailed() }
        let problem = try RoundingProblem(
            named: "w", weights: weights, rows: rows, columns: columns, inputs: moments, hasBias: false, damping: 0.01)
        var rounder = WeightRounder()
        (rounder.method, rounder.criterion) = (method, .range)
        func rounded(bits: Int, _ pairs: ProductPairs?) throws -> RoundedWeights {
            rounder.format = LevelFormat(bits: bits, isSymmetric: true)
            rounder.pairs = pairs
            return try rounder.round(problem)
        }
        let found = try rounded(bits: 8, ProductPairs(inputs: columns, places: 9))
        for row in 0..<rows {
            let levels = found.codes[row * columns..<(row + 1) * columns].map { Int8(Int($0) - 128) }
            #expect(largest(summed(levels, places: 9)) <= ProductPairs.limit)
        }
        func error(_ weights: RoundedWeights) -> Double { problem.errors(of: weights.values()).reduce(0, +) }
        #expect(try error(found) < error(rounded(bits: 7, nil)))
        #expect(try error(found) < 4 * error(rounded(bits: 8, nil)))
    }

    @Test(arguments: [([12, 5], 1), ([5, 12], 0), ([2, 7, 5], 2), ([2, 20, 9], 1)])
    func `scales of channels leave every pair of the weight exact`(lengths: [Int], axis: Int) throws {
        let weight = try GraphBench.random("w", lengths, seed: 3).decoded()
        // Both directions of a recurrent layer are encoded together, row after row.
        let isRecurrent = axis > 0 && axis < lengths.count - 1
        let flat = isRecurrent ? try weight.reshaped(to: Shape([lengths[0] * lengths[1], lengths[2]])) : weight
        let channels = isRecurrent ? 0 : axis
        let rows = try #require(PairedRows(flat.shape, axis: channels, isConvolution: false))
        let plain = try SymmetricIntegers.encode(flat, named: "w", axis: channels)
        let safe = try SymmetricIntegers.encode(
            flat, named: "w", axis: channels, smallestScales: rows.smallestScales(of: flat))
        #expect(!rows.isExact(plain) && rows.isExact(safe))
        let whole = try #require(PairedRows(weight.shape, axis: axis, isConvolution: false))
        let levels = try safe.levels.reshaped(to: weight.shape)
        #expect(whole.isExact(GroupedIntegers(levels: levels, scales: Tensor(scalar: Float(1)), grouping: .tensor)))
    }
}
