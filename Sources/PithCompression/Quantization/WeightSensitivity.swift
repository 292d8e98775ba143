import PithEvaluation
import PithFormats
import PithModel
import PithTensor

/// What other numbers in one weight do to the model's outputs, everything else in float.
struct WeightSensitivity: Sendable {
    /// The model with the weights that are tried open.
    let open: OpenModel
    private let evaluator: Evaluator

    /// Rows that are looked at, at most and at least; large models are measured on fewer.
    private static let mostRows = 64, fewestRows = 8
    /// Parameters times rows times trials that are enough.
    private static let enoughWork = 40_000_000_000
    /// Outputs of the reference kept in memory, at most.
    private static let mostBytes = 64 << 20

    /// Prepares so many trials with the dense `weights` of the main graph, on the first of the `rows`.
    ///
    /// - Throws: What runtime and data throw.
    init(
        _ model: Model, _ weights: [String], trials: Int, source: any SampleSource, rows: Range<Int>
    ) throws {
        open = try OpenModel(model, opening: weights)
        let work = max(ModelFacts(model).parameterCount, 1) * max(trials, 1)
        let count = min(max(Self.enoughWork / work, Self.fewestRows), Self.mostRows)
        let looked = rows.prefix(count)
        evaluator = try Evaluator(source: source, reference: open, rows: looked.startIndex..<looked.endIndex)
            .keepingReferenceOutputs(upTo: Self.mostBytes)
    }

    /// Noise as a part of the signal, summed over the outputs, with `numbers` in the weight `name`.
    ///
    /// - Throws: What runtime and data throw.
    func noise(of name: String, as numbers: Tensor) throws -> Double {
        try evaluator.errors(of: open.replacing([name: numbers])).reduce(0) { $0 + $1.noiseToSignal }
    }
}
