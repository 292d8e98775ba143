/// What a run of `compress` was asked for besides the recipe.
public struct CompressionOptions: Sendable {
    /// Path of a data card or `.npz`; nil leaves activations in float.
    public var data: String?
    /// Largest loss of the metric, in points: the upper end of its 95 % interval must stay below.
    public var maximumDrop: Double?
    /// Smallest ratio of the input's run time to the output's.
    public var requiredSpeedup: Double?
    /// Largest output in bytes.
    public var maximumSize: Int?
    /// Smallest output SQNR on evaluation data in dB.
    public var minimumSQNR: Double?
    /// Whether a weight or layer that the recipe could not handle is an error.
    public var isStrict = false
    /// Threads for the work itself; never shows in the output.
    public var threads = 1
    /// Seed of every random choice.
    public var seed: UInt64 = 0
    /// Answers to questions about speed.
    public var profile = MachineProfile.standard()
    /// When the work began, for the report's `seconds`; nil counts from the start of the job.
    public var start: ContinuousClock.Instant?

    public init() {}
}
