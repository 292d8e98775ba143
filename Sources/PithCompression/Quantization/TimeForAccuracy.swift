/// How much time the most accurate of several results may cost.
package enum TimeForAccuracy {
    /// The share of the fastest one's speed from which on accuracy alone decides.
    package static let slack = 0.96
    /// The least share of that speed.
    package static let least = 0.8
    /// What leaving that share has to gain, and what each further percent of that speed, in dB: both speed and error are measured
    /// on few rows.
    package static let toll = 2.0, decibelsPerPercent = 0.5
    /// The least lead over plain integers, as a ratio of speeds, and what each percent costs a result that keeps it, in dB.
    ///
    /// Every layer in integers is what is usual: who is faster than that by more than the noise of timing has time to spend.
    package static let lead = 1.05, decibelsPerPercentAhead = 0.1

    /// The place of the best of `results`: of the most decibels, less the price of what is slower than `slack`.
    ///
    /// The first of equals, nil for none. `plain` is the speed with every layer in integers, where that is known.
    ///
    /// - Complexity: O(*n*).
    package static func best(of results: [(sqnrDB: Double, speedup: Double)], plain: Double? = nil) -> Int? {
        guard let fastest = results.map(\.speedup).max() else { return nil }
        func worth(_ place: Int) -> Double {
            let speedup = results[place].speedup, share = speedup / fastest
            guard share >= least else { return -.infinity }
            guard share < slack else { return results[place].sqnrDB }
            let percent = (slack - share) * 100, isAhead = plain.map { speedup >= lead * $0 } ?? false
            return results[place].sqnrDB
                - (isAhead ? percent * decibelsPerPercentAhead : toll + percent * decibelsPerPercent)
        }
        return results.indices.reduce(nil) { best, place in
            best.map { worth(place) > worth($0) ? place : $0 } ?? place
        }
    }
}
