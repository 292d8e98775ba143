package import PithEvaluation

/// Compares models with one reference, whose outputs are kept, on rows that threads share.
///
/// The rows are cut into parts that do not depend on the number of threads, so neither do the errors.
package struct ParallelEvaluator {
    private let parts: [Evaluator]
    private let threads: Int
    /// The samples, a few at a time.
    let source: any SampleSource

    /// Parts that the rows are cut into, at most, and where that takes smaller batches.
    ///
    /// Batches stay as large as can be: kernels that round at run time have one range for a whole batch.
    private static let pieces = 8, smallPieces = 4
    /// Outputs of the reference kept in memory, at most.
    private static let mostBytes = 64 << 20

    /// Runs `reference` over `rows`.
    ///
    /// Few rows are run in smaller batches, where card and graph leave that open, so that there are four parts.
    /// - Throws: `EvaluationError` `.emptyRange` without rows; what the source and the reference throw.
    package init(
        source: any SampleSource, reference: any InferenceModel, rows: Range<Int>, threads: Int
    ) async throws {
        // Says what is wrong where there are no rows.
        _ = try Evaluator(source: source, reference: reference, rows: rows)
        let share = max((rows.count + ParallelEvaluator.smallPieces - 1) / ParallelEvaluator.smallPieces, 1)
        let first = source.sampleRows(rows.lowerBound..<rows.lowerBound + 1).first ?? rows.lowerBound
        let plan = try BatchPlan(for: source, models: [reference], row: first)
        let size = source.batchSize ?? plan.limited(to: share).size
        let shared = FidelitySource(source, batch: size)
        let ranges = shared.pieces(of: rows, batch: size, count: ParallelEvaluator.pieces)
        (self.source, self.threads) = (shared, threads)
        parts = try await Parallel.map(ranges, threads: threads) { range in
            try Evaluator(source: shared, reference: reference, rows: range)
                .keepingReferenceOutputs(upTo: ParallelEvaluator.mostBytes / ranges.count)
        }
    }

    /// The error of each compared output of `candidate`.
    ///
    /// - Throws: What the source and the models throw.
    package func errors(of candidate: any InferenceModel) async throws -> [OutputError] {
        ParallelEvaluator.joined(try await Parallel.map(parts, threads: threads) { try $0.errorSums(of: candidate) })
    }

    /// The same on one thread, for those who compare several candidates at once.
    func errorsOnOneThread(of candidate: any InferenceModel) throws -> [OutputError] {
        ParallelEvaluator.joined(try parts.map { try $0.errorSums(of: candidate) })
    }

    private static func joined(_ parts: [OutputErrorSums]) -> [OutputError] {
        guard var sums = parts.first else { return [] }
        for part in parts.dropFirst() { sums.merge(part) }
        return sums.errors
    }
}
