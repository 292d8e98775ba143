/// A mean kept as one sum and one weight for each sample, so that samples can be drawn again.
public struct SampleMean: Sendable, Hashable {
    /// What each sample adds.
    public private(set) var sums: [Double] = []
    /// How many numbers each sample's sum is made of.
    public private(set) var weights: [Double] = []

    /// Starts without samples.
    public init() {}

    /// Adds a sample.
    public mutating func append(sum: Double, weight: Double) {
        sums.append(sum)
        weights.append(weight)
    }

    /// Number of samples.
    public var count: Int { sums.count }

    /// The sums divided by the weights; nil without weight, and where it is not finite.
    public var value: Double? {
        let weight = weights.reduce(0, +), mean = sums.reduce(0, +) / weight
        return weight > 0 && mean.isFinite ? mean : nil
    }
}

/// A score that is a mean over samples, gathered batch by batch.
public protocol MeanMetric: Sendable {
    /// What the outputs are held against.
    associatedtype Targets: Sendable
    /// Whether a larger value is better; losses are better when smaller.
    static var higherIsBetter: Bool { get }
    /// The mean so far with its parts.
    var mean: SampleMean { get }
    /// Starts without samples.
    init()
    /// Counts a batch.
    mutating func add(_ outputs: OutputRows, against targets: Targets) throws(EvaluationError)
}

extension MeanMetric {
    /// The score so far; nil without samples, and where it is not finite.
    public var value: Double? { mean.value }

    /// Refuses targets that do not have a number for each number of the outputs.
    static func check(_ targets: [Float], for outputs: OutputRows, metric: String) throws(EvaluationError) {
        guard targets.count == outputs.values.count else {
            throw EvaluationError(
                code: .invalidLabels, subject: metric,
                problem:
                    "\(targets.count) label numbers do not match \(outputs.values.count) output numbers of "
                    + "\(outputs.sampleCount) samples.",
                remedy: "Give labels of the output's shape, or name another output in the data card.")
        }
    }
}
