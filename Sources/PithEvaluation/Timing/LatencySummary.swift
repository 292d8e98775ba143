/// Times of one model over the rounds of a measurement, in milliseconds.
public struct LatencySummary: Sendable, Hashable, Codable {
    /// The median of the rounds.
    public var medianMilliseconds: Double
    /// The fastest round.
    public var minimumMilliseconds: Double
    /// A quarter of the rounds were faster.
    public var lowerQuartileMilliseconds: Double
    /// A quarter of the rounds were slower.
    public var upperQuartileMilliseconds: Double
    /// Rounds measured.
    public var rounds: Int
    /// Runs in a round.
    public var runsPerRound: Int

    /// Sums up the seconds of each round, of which there must be one.
    public init(seconds: [Double], runsPerRound: Int) {
        precondition(!seconds.isEmpty, "There are no rounds to sum up.")
        let sorted = seconds.sorted().map { $0 * 1000 }
        medianMilliseconds = Self.quantile(sorted, 0.5)
        minimumMilliseconds = sorted[0]
        lowerQuartileMilliseconds = Self.quantile(sorted, 0.25)
        upperQuartileMilliseconds = Self.quantile(sorted, 0.75)
        rounds = seconds.count
        self.runsPerRound = runsPerRound
    }

    static func quantile(_ sorted: [Double], _ part: Double) -> Double {
        PairedBootstrap.quantile(of: sorted, at: part)
    }
}
