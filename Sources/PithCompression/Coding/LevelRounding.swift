import PithCoding
import PithTensor

/// Chooses the levels of one weight for the least error and bits, in passes: the bits that a level takes are those that the
/// pass before gives it.
struct LevelRounding {
    /// States of the trellis; 1 for none.
    let states: Int
    /// What a bit counts, against what it is worth at high rates.
    let rateWeight: Double

    /// Levels, and how often each of their numbers was taken.
    struct Found: Sendable {
        var levels: [Int8]
        var counts: [UInt32]

        /// `count` levels to be found.
        init(count: Int, states: Int) {
            levels = [Int8](repeating: 0, count: count)
            counts = [UInt32](repeating: 0, count: LevelSearch.rates(states: states))
        }

        /// Adds levels that come after these.
        mutating func append(_ other: Found) {
            levels += other.levels
            for index in counts.indices { counts[index] += other.counts[index] }
        }
    }

    private static let mostPasses = 3
    /// Numbers after which a walk comes back to state 0.
    static let runLength = 4096
    /// Mean squared error in squared steps, without regard to bits: measured on Gaussian weights.
    private var expectedNoise: Double { states == 1 ? 1.0 / 12 : states == 4 ? 0.25 : 0.243 }
    /// Squared steps for a bit: the slope of the error over the rate, 2 ln 2 times the error.
    private var lambda: Double { rateWeight * 2 * 0.6931471805599453 * expectedNoise }

    /// Levels between -127 and 127 of a weight with these steps.
    func levels(of values: Span<Float>, _ steps: LevelSteps) -> [Int8] {
        let scaled = steps.scaled(values), weights = steps.weights(count: values.count)
        var rates = firstRates, found = Found(count: values.count, states: states)
        for pass in 1...passes {
            found.counts = [UInt32](repeating: 0, count: rates.count)
            Kernels.searchLevels(
                scaled.span, weights: weights.span, states: states, runLength: LevelRounding.runLength, rates: rates,
                into: &found.levels, counts: &found.counts)
            if pass < passes { rates = self.rates(from: found.counts) }
        }
        return found.levels
    }

    /// Levels that `search` finds at given rates.
    func levels(_ search: (_ rates: [Float]) async throws -> Found) async throws -> [Int8] {
        var found = try await search(firstRates)
        for _ in 1..<passes { found = try await search(rates(from: found.counts)) }
        return found.levels
    }

    /// Without regard to bits one pass does it.
    private var passes: Int { rateWeight > 0 ? LevelRounding.mostPasses : 1 }
    private var firstRates: [Float] { [Float](repeating: 0, count: LevelSearch.rates(states: states)) }

    /// Lambda times the bits of each distance from zero, its sign included, by how often it was taken.
    private func rates(from counts: [UInt32]) -> [Float] {
        let sets = states == 1 ? 1 : 2, size = counts.count / sets
        return (0..<sets).flatMap { set in
            let part = counts[set * size..<(set + 1) * size]
            // A little for what was not seen, so that it can be taken at a price.
            let total = part.reduce(UInt64(size)) { $0 + 64 * UInt64($1) }
            return part.enumerated().map { distance, count in
                let information = BinaryLogarithm.of256ths(total) - BinaryLogarithm.of256ths(64 * UInt64(count) + 1)
                return Float(lambda * (Double(information) / 256 + (distance > 0 ? 1 : 0)))
            }
        }
    }
}
