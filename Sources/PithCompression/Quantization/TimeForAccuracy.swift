/// How much time the most accurate of several results may cost.
package enum TimeForAccuracy {
    /// The share of the fastest one's speed from which on accuracy alone decides.
    package static let slack = 0.96
    /// The least share of that speed.
    package static let least = 0.8
    /// What leaving that share has to gain, and what each further percent of that speed, in dB: both speed and error are measured
    /// on few rows.
    package static let toll = 2.0, decibelsPerPercent = 0.5

    /// The place of the best of `results`: of the most decibels, less the price of what is slower than `slack`; the first of
    /// equals, nil for none.
    ///
    /// - Complexity: O(*n*).
    package static func best(of results: [(sqnrDB: Double, speedup: Double)]) -> Int? {
        guard let fastest = results.map(\.speedup).max() else { return nil }
        func worth(_ place: Int) -> Double {
            let share = results[place].speedup / fastest
            guard share >= least else { return -.infinity }
            let price = share < slack ? toll + (slack - share) * 100 * decibelsPerPercent : 0
            return results[place].sqnrDB - price
        }
        return results.indices.reduce(nil) { best, place in
            best.map { worth(place) > worth($0) ? place : $0 } ?? place
        }
    }
}
