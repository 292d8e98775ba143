public import PithTensor

/// Measures how long one run of each of several models takes, side by side, so that noise of the machine meets all
/// alike.
///
/// After a warm-up every model runs in short blocks, taken in turn and in reversed order every second round. A block
/// is a few runs of the same model, so that fast models are seen with warm caches; the round's time is the median of
/// its block. Times are told as medians over rounds, speedups from the quietest tenth of them.
///
/// - Complexity: time as the settings say; memory of one number for each model and round.
public struct Latency: Sendable, Hashable {
    /// Rounds at least.
    public var minimumRounds: Int
    /// Rounds at most.
    public var maximumRounds: Int
    /// Rounds go on until this much time has passed.
    public var budgetSeconds: Double
    /// Runs of each model before the clock counts.
    public var warmUpRuns: Int
    /// Runs of a block take about this long.
    public var blockSeconds: Double
    /// Runs of a block at most.
    public var maximumBlockRuns: Int

    /// Creates a measurement; the usual one takes about a second for models that run in milliseconds.
    ///
    /// - Throws: `EvaluationError` `.invalidSettings` for counts below 1 (warm-up: 0) or times that are negative or
    ///   no numbers.
    public init(
        minimumRounds: Int = 30, maximumRounds: Int = 2000, budgetSeconds: Double = 1, warmUpRuns: Int = 5,
        blockSeconds: Double = 0.001, maximumBlockRuns: Int = 16
    ) throws(EvaluationError) {
        guard minimumRounds > 0, maximumRounds >= minimumRounds, warmUpRuns >= 0, maximumBlockRuns > 0,
            budgetSeconds >= 0, blockSeconds >= 0
        else {
            throw EvaluationError(
                code: .invalidSettings, subject: "latency",
                problem:
                    "\(minimumRounds) to \(maximumRounds) rounds of up to \(maximumBlockRuns) runs in "
                    + "\(budgetSeconds) seconds can not be measured.",
                remedy: "Give at least one round and one run, and a time from zero up.")
        }
        self.minimumRounds = minimumRounds
        self.maximumRounds = maximumRounds
        self.budgetSeconds = budgetSeconds
        self.warmUpRuns = warmUpRuns
        self.blockSeconds = blockSeconds
        self.maximumBlockRuns = maximumBlockRuns
    }

    /// Times `models`, the reference first, all on `inputs`; each takes those it knows.
    ///
    /// `threads` is what the sessions were opened with; it is only told.
    /// - Throws: What the models throw, and `CancellationError`.
    public func measure(
        _ models: [any InferenceModel], inputs: [String: Tensor], threads: Int = 1
    ) throws -> [LatencyReport] {
        let given = models.map { model in
            let known = Set(model.inputNames)
            return inputs.filter { known.contains($0.key) }
        }
        let outputs = models.map(\.outputNames)
        let clock = ContinuousClock()
        return try measure(count: models.count, threads: threads) { index in
            let start = clock.now
            _ = try models[index].run(given[index], outputs: outputs[index])
            return start.duration(to: clock.now).seconds
        }
    }

    /// Times `count` things; `run` runs one of them and answers the seconds it took.
    ///
    /// - Returns: One report for each thing but the first, against the first; for a single thing one report without
    ///   candidate.
    public func measure(
        count: Int, threads: Int = 1, run: (Int) throws -> Double
    ) throws -> [LatencyReport] {
        precondition(count > 0, "There is nothing to time.")
        let blocks = try warmUp(count: count, run: run)
        var rounds = [[Double]](repeating: [], count: count)
        let clock = ContinuousClock(), start = clock.now
        for round in 0..<maximumRounds {
            guard round < minimumRounds || start.duration(to: clock.now).seconds < budgetSeconds else { break }
            try Task.checkCancellation()
            for position in 0..<count {
                let index = round % 2 == 0 ? position : count - 1 - position
                var times: [Double] = []
                for _ in 0..<blocks[index] { times.append(try run(index)) }
                rounds[index].append(LatencySummary.quantile(times.sorted(), 0.5))
            }
        }
        let summaries = zip(rounds, blocks).map { LatencySummary(seconds: $0, runsPerRound: $1) }
        guard count > 1 else { return [LatencyReport(reference: summaries[0], threads: threads)] }
        return (1..<count).map { index in
            let ratios = zip(rounds[0], rounds[index]).map { $1 > 0 ? $0 / $1 : 1 }.sorted()
            return LatencyReport(
                reference: summaries[0], candidate: summaries[index],
                pairedSpeedup: LatencySummary.quantile(ratios, 0.5), threads: threads)
        }
    }

    /// Runs each thing a few times and finds how many runs fill a block.
    private func warmUp(count: Int, run: (Int) throws -> Double) throws -> [Int] {
        try (0..<count).map { index in
            var fastest = Double.infinity
            for _ in 0..<max(warmUpRuns, 1) { fastest = min(fastest, try run(index)) }
            guard fastest > 0 else { return maximumBlockRuns }
            return Int(min(max(blockSeconds / fastest, 1), Double(maximumBlockRuns)).rounded(.up))
        }
    }
}
