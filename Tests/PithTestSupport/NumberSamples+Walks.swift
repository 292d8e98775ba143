extension NumberSamples {
    /// Levels that walk through a trellis of 4 or 8 states from state `start` on, or any with 1; row `i / unit` and column
    /// `i % unit` have scales between `1 / spread` and 1.
    public mutating func levels(
        _ count: Int, states: Int, start: Int = 0, unit: Int = 64, scale: Double = 8, spread: Double = 1
    ) -> [Int8] {
        let next =
            states == 8
            ? [(0, 2), (7, 5), (1, 3), (6, 4), (2, 0), (5, 7), (3, 1), (4, 6)] : [(0, 2), (2, 0), (1, 3), (3, 1)]
        let rows = (0..<(count + unit - 1) / unit).map { _ in 1 / spread + uniform() * (1 - 1 / spread) }
        let columns = (0..<unit).map { _ in 1 / spread + uniform() * (1 - 1 / spread) }
        var state = start
        return (0..<count).map { index in
            let value = Double(normal()) * scale * rows[index / unit] * columns[index % unit]
            let k = max(-60, min(60, Int((states == 1 ? value : value / 2).rounded())))
            guard states > 1 else { return Int8(k) }
            let isOdd = (states == 8 ? state % 2 : state / 2) == 1
            state = k % 2 == 0 ? next[state].0 : next[state].1
            return Int8(isOdd ? 2 * k - k.signum() : 2 * k)
        }
    }
}
