internal import PithTensor

/// How many samples a run takes.
///
/// The data card's `batch` if it gives one; otherwise the length that a graph fixes; otherwise one sample for inputs
/// that carry state or are whole tensors of their own (a state of zeros has its batch built in), and 32 for the rest.
public struct BatchPlan: Sendable, Hashable {
    /// Samples in a run where neither card nor graph says.
    public static let usualSize = 32
    /// Samples in a run.
    public let size: Int
    /// Whether every run must have exactly `size` samples; the last one is filled up by repeating its last row.
    public let isFixed: Bool

    /// Creates a plan.
    public init(size: Int, isFixed: Bool) {
        precondition(size > 0, "A run of \(size) samples does nothing.")
        self.size = size
        self.isFixed = isFixed
    }

    /// Samples in a run whose activations are all held at once.
    public static let observedSize = 8

    /// The same plan with at most `count` samples in a run, where the graph leaves that open.
    public func limited(to count: Int = BatchPlan.observedSize) -> BatchPlan {
        isFixed ? self : BatchPlan(size: min(size, count), isFixed: false)
    }

    /// Finds the plan that suits all `models`; `row` is any row of the source.
    ///
    /// - Throws: `EvaluationError` `.batchMismatch` where card, graphs and carried state ask for different sizes, and
    ///   what the source throws.
    public init(for source: any SampleSource, models: [any InferenceModel], row: Int) throws {
        let one = try source.inputs(rows: [row]), two = try source.inputs(rows: [row, row])
        let stacked = one.keys.filter { one[$0]?.shape != two[$0]?.shape }.sorted()
        let fixed = Set(models.flatMap { model in stacked.compactMap { model.fixedBatch(ofInput: $0) } }).sorted()
        let ownState = one.keys.contains { !stacked.contains($0) && one[$0].map { $0.shape.rank > 1 } == true }
        let wanted = source.carried.isEmpty ? source.batchSize : 1
        let size = wanted ?? fixed.first ?? (ownState ? 1 : Self.usualSize)
        guard fixed.count < 2, size > 0, fixed.isEmpty || fixed == [size],
            source.carried.isEmpty || source.batchSize ?? 1 == 1
        else {
            throw EvaluationError(
                code: .batchMismatch, subject: "batch",
                problem: Self.conflict(source: source, fixed: fixed),
                remedy:
                    "Give `batch` the size that the graph takes, or leave it out; carried state runs one sample "
                    + "at a time."
            )
        }
        self.init(size: size, isFixed: !fixed.isEmpty)
    }

    private static func conflict(source: any SampleSource, fixed: [Int]) -> String {
        var parts = fixed.map { "a graph takes exactly \($0)" }
        if let size = source.batchSize { parts.append("the data card says \(size)") }
        if !source.carried.isEmpty { parts.append("carried state needs 1") }
        return "the sizes do not agree: \(parts.joined(separator: ", "))."
    }
}
