/// Times of one model over the rounds of a measurement, in milliseconds.
public struct LatencySummary: Sendable, Hashable, Codable {
    /// The median of the rounds.
    public var medianMilliseconds: Double
    /// The fastest round.
    public var minimumMilliseconds: Double
    /// A tenth of the rounds were faster: the time of the model itself, where other work slows most rounds.
    public var quietMilliseconds: Double
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
        quietMilliseconds = Self.quantile(sorted, 0.1)
        lowerQuartileMilliseconds = Self.quantile(sorted, 0.25)
        upperQuartileMilliseconds = Self.quantile(sorted, 0.75)
        rounds = seconds.count
        self.runsPerRound = runsPerRound
    }

    /// Whether the middle half of the rounds lies within a quarter of the median.
    var isSteady: Bool { upperQuartileMilliseconds - lowerQuartileMilliseconds <= 0.25 * medianMilliseconds }

    static func quantile(_ sorted: [Double], _ part: Double) -> Double {
        PairedBootstrap.quantile(of: sorted, at: part)
    }
}
