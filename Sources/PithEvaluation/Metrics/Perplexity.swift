internal import Foundation

/// The mean negative log likelihood of the next token in nats: metric `perplexity`, a loss.
///
/// For logits `z` at position `t` and the token `x` at `t + 1` the part is `log(sum(exp(z))) - z[x]`; the last position
/// has no next token. The exponent of the mean is the perplexity itself.
///
/// - Complexity: O(numbers) time; one sum a sample. Log-sum-exp runs in double precision around the row's maximum.
public struct Perplexity: MeanMetric {
    /// Token ids of a batch.
    public struct Tokens: Sendable {
        /// One id for each position of each sample.
        public let ids: [Int]
        /// Whether a position is text and not padding; nil when all are.
        public let mask: [Bool]?

        /// Creates targets from ids and the mask of the same length.
        public init(ids: [Int], mask: [Bool]? = nil) {
            precondition(mask == nil || mask?.count == ids.count, "A mask has one entry for each token.")
            self.ids = ids
            self.mask = mask
        }
    }

    public static let higherIsBetter = false
    public private(set) var mean = SampleMean()

    public init() {}

    /// The perplexity: the exponent of the mean; nil where it is not finite.
    public var perplexity: Double? {
        value.map { exp($0) }.flatMap { $0.isFinite ? $0 : nil }
    }

    /// Counts a batch of logits `[N, T, V]` against its tokens `[N, T]`.
    ///
    /// Positions whose next token is padding are left out.
    /// - Throws: `EvaluationError` `.invalidOutput` when positions and tokens differ in number, `.invalidLabels` for
    ///   a token outside the vocabulary.
    public mutating func add(_ outputs: OutputRows, against targets: Tokens) throws(EvaluationError) {
        let length = outputs.rowsPerSample
        guard targets.ids.count == outputs.rowCount else {
            throw EvaluationError(
                code: .invalidOutput, subject: "perplexity",
                problem: "\(outputs.rowCount) rows of logits do not match \(targets.ids.count) tokens.",
                remedy: "Perplexity needs logits [samples, tokens, vocabulary]; name that output in the data card.")
        }
        if let bad = targets.ids.first(where: { $0 < 0 || $0 >= outputs.width }) {
            throw EvaluationError(
                code: .invalidLabels, subject: "perplexity",
                problem: "token \(bad) is outside the vocabulary 0..<\(outputs.width) of the output.",
                remedy: "Use the tokenizer that belongs to this model.")
        }
        for sample in 0..<outputs.sampleCount {
            var sum = 0.0, count = 0.0
            for row in sample * length..<max((sample + 1) * length - 1, sample * length)
            where targets.mask?[row + 1] ?? true {
                sum += Self.nats(outputs.values[outputs.range(ofRow: row)], of: targets.ids[row + 1])
                count += 1
            }
            mean.append(sum: sum, weight: count)
        }
    }

    /// `log(sum(exp(logits))) - logits[token]`, not finite when a logit is NaN or infinitely large.
    static func nats(_ logits: ArraySlice<Float>, of token: Int) -> Double {
        logSumExp(logits) - Double(logits[logits.startIndex + token])
    }

    /// `log(sum(exp(values)))` around the maximum.
    static func logSumExp(_ values: ArraySlice<Float>) -> Double {
        let top = Double(values.max() ?? 0)
        var sum = 0.0
        for index in values.indices { sum += exp(Double(values[index]) - top) }
        return top + log(sum)
    }
}
