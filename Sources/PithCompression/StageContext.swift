public import PithFormats

/// What a stage may use besides the model.
public struct StageContext: Sendable {
    /// The weights to touch.
    public var selector: Selector
    /// Data to calibrate on; nil when the user gave none.
    public var dataset: Dataset?
    /// Threads for work on tensors; never shows in the output.
    public var threads: Int
    /// Seed of every random choice of the stage.
    public var seed: UInt64
    /// Answers to questions about speed, measured once on a machine.
    public var profile: MachineProfile
    /// Told what is being done; may be ignored.
    public var progress: @Sendable (String) -> Void

    /// Creates a context.
    public init(
        selector: Selector = Selector(), dataset: Dataset? = nil, threads: Int = 1, seed: UInt64 = 0,
        profile: MachineProfile = .fixedRules, progress: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.selector = selector
        self.dataset = dataset
        self.threads = threads
        self.seed = seed
        self.profile = profile
        self.progress = progress
    }
}
