public import PithModel

/// A model while a recipe works on it, with the account of what was done.
public struct Workpiece: Sendable {
    public var model: Model
    /// The model as it was put on the bench, which errors are measured against whatever stages came before.
    public let original: Model
    /// Where the weights of the input went.
    public var trace = WeightTrace()
    /// What was done to each weight that has a stored form, by its qualified name.
    public var encodings: [String: Encoding] = [:]
    /// Why a weight is what it is, by its qualified name.
    public var reasons: [String: String] = [:]
    /// Why the layer that reads a weight computes in float, by the weight's qualified name.
    public var floatReasons: [String: String] = [:]
    /// Statements about the model as a whole, in the order they were found.
    public var notes: [String] = []
    /// What the recipe asks and could not be done; `--strict` refuses these.
    public var refusals: [String] = []
    /// Weights of layers that a stage could not take, with the reason; a later stage that takes one removes it, and
    /// `--strict` refuses what is left.
    public var unhandled: [String: String] = [:]
    /// Measured choices, to be kept in the recipe of the output.
    public var decisions: [String: JSONValue] = [:]

    /// The model before its activations were smoothed, for the stage that follows: kernels that are not taken need no
    /// smoothing.
    var unsmoothed: Unsmoothed?

    /// What smoothing changes.
    struct Unsmoothed: Sendable {
        let model: Model
        let trace: WeightTrace
        let reasons: [String: String]
        let notes: [String]
        let decisions: [String: JSONValue]
    }

    /// The model whose weights were rounded on inputs in float, for the stage that follows: where activations stay float after
    /// all, nothing has to be made up for.
    var roundedOnFloat: RoundedOnFloat?

    /// What rounding changes.
    struct RoundedOnFloat: Sendable {
        let model: Model
        let trace: WeightTrace
        let encodings: [String: Encoding]
    }

    /// The account of one encoding.
    public struct Encoding: Sendable, Hashable {
        /// Name of the technique.
        public var technique: String
        /// Signal-to-quantization-noise ratio of the weight in dB; nil when nothing was lost.
        public var sqnrDB: Double?
        /// A remark for the ledger.
        public var note: String
    }

    /// Puts a model on the bench.
    public init(model: Model) {
        self.model = model
        original = model
    }

    /// Says of weights that have been encoded since `before` which stage did it: a stage may do its work by others.
    mutating func credit(_ technique: String, since before: Set<String>) {
        for name in encodings.keys where !before.contains(name) { encodings[name]?.technique = technique }
    }

    /// Adds a statement once.
    public mutating func note(_ text: String) {
        if !notes.contains(text) { notes.append(text) }
    }
}
