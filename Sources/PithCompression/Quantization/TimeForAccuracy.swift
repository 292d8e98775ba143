/// How much time the most accurate of several results may cost.
package enum TimeForAccuracy {
    /// The share of the fastest one's speed from which on accuracy alone decides.
    package static let slack = 0.95
    /// The least share of that speed.
    package static let least = 0.8
    /// What each further percent of that speed has to gain, in dB.
    package static let decibelsPerPercent = 0.75

    /// The place of the best of `results`: of the most decibels, less the price of what is slower than `slack`; the first of
    /// equals, nil for none.
    ///
    /// - Complexity: O(*n*).
    package static func best(of results: [(sqnrDB: Double, speedup: Double)]) -> Int? {
        guard let fastest = results.map(\.speedup).max() else { return nil }
        func worth(_ place: Int) -> Double {
            let share = results[place].speedup / fastest
            guard share >= least else { return -.infinity }
            return results[place].sqnrDB - max(0, slack - share) * 100 * decibelsPerPercent
        }
        return results.indices.reduce(nil) { best, place in
            best.map { worth(place) > worth($0) ? place : $0 } ?? place
        }
    }
}
