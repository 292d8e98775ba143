import PithEvaluation
import PithFormats
import PithModel
import PithTensor

/// Chooses for each activation the calibrator whose rounding is measured to err least.
///
/// First by the outputs of the nodes that read the activation, all other activations and the weights as they are (``RangeErrors``).
/// That choice and each calibrator for all activations are then compared at the output of the model in integers, and the best is
/// where the second step starts: where accuracy is the objective, one activation after the other, those that disturb their readers
/// most first, gets each other range that a calibrator gives it, and keeps what makes the model's output better.
///
/// Rows are those held out from the ranges; the second step needs a gain on those and none lost on the others, or it would learn the
/// few rows by heart (on a small classifier 2 dB were gained on 125 rows held out, and nothing on new ones). The work is bounded by the size of the activations, not by time.
///
/// - Complexity: one run of a graph six times the model's over at most 32 rows, six runs of the model in integers over the rows held
///   out, and four more for each activation in the second step.
struct RangeChoice {
    let piece: Workpiece
    /// Nodes that are in float where the model's output is measured.
    let excluded: Set<Int>
    let settings: StaticQuantizer
    let type: ScalarType
    /// Where the model's output is measured, on rows of its own each: a gain on one set of rows alone is no gain.
    let benches: [CandidateBench]
    let context: StageContext

    /// Activations with their ranges.
    struct Made {
        var observations: [String: Observation]
        /// The calibrator of each activation.
        var calibrators: [String: Calibrator]
        /// Output SQNR on each set of rows.
        var sqnrDB: [Double] = []

        var mean: Double { sqnrDB.reduce(0, +) / Double(max(sqnrDB.count, 1)) }

        /// What it is, for people: how many activations each calibrator was chosen for.
        var summary: String {
            Calibrator.rules.compactMap { rule in
                let count = calibrators.values.reduce(0) { $0 + ($1 == rule ? 1 : 0) }
                return count > 0 ? "\(rule.rawValue) \(count)" : nil
            }.joined(separator: ", ")
        }
    }

    /// One activation and the ranges it may get, each with the first calibrator that gives it.
    private struct Entry {
        let value: String
        var options: [(calibrator: Calibrator, range: ActivationRange)]
        var errors: [Double] = []
    }

    /// Activations times rows times trials that the second step looks at, at most, in elements.
    private static let enoughWork = 3e10
    /// Rows held out below which the second step would learn them by heart.
    private static let fewestRows = 64
    /// What a range must gain at the model's output, in dB: less is noise.
    private static let leastGain = 0.005
    /// What outputs that are not finite count as, in dB, so that means stay finite.
    private static let ruined = -1000.0

    /// The observations with a chosen range in each activation that has a format.
    ///
    /// - Throws: What runtime and data throw; `CancellationError`.
    func made(
        from observations: [String: Observation], source: any SampleSource, seen: Range<Int>, heldOut: Range<Int>
    ) async throws -> Made {
        context.progress("choosing ranges")
        var entries = self.entries(observations)
        let errors = try RangeErrors(
            piece.model,
            questions: entries.map { entry in
                RangeErrors.Question(value: entry.value, formats: entry.options.map { $0.range.format(type) })
            }
        ).measure(source: source, rows: heldOut)
        for index in entries.indices where index < errors.count { entries[index].errors = errors[index] }
        var made = try await start(entries, observations)
        if settings.objective == .accuracy, heldOut.count >= RangeChoice.fewestRows {
            let work = entries.reduce(0.0) { $0 + Double(observations[$1.value]?.histogram.count ?? 0) }
            let trials =
                RangeChoice.enoughWork * Double(max(seen.count, 1))
                / max(work * Double(benches.reduce(0) { $0 + $1.rowCount }), 1)
            try await refine(&made, entries, trials: Int(min(trials, 10_000)))
        }
        return made
    }

    /// The activations that have a format of their own, in the order of the graph.
    private func entries(_ observations: [String: Observation]) -> [Entry] {
        let placement = Placement(piece.model.graph, excluded: excluded), levels = type.integerRange?.count ?? 256
        var seen: Set<String> = []
        return placement.values.compactMap { value in
            let root = placement.root(of: value)
            guard let observation = observations[root], observation.histogram.nonFinite == 0, seen.insert(root).inserted
            else { return nil }
            var options: [(Calibrator, ActivationRange)] = []
            for rule in Calibrator.rules {
                let range = observation.range(rule, percentile: settings.percentile, levels: levels)
                if !options.contains(where: { $0.1 == range }) { options.append((rule, range)) }
            }
            return Entry(value: root, options: options)
        }
    }

    /// The best at the model's output of: the least error in each activation's readers, and each calibrator for all.
    private func start(_ entries: [Entry], _ observations: [String: Observation]) async throws -> Made {
        let smallest = entries.map { entry in
            entry.options.indices.min { (entry.errors[$0], $0) < (entry.errors[$1], $1) } ?? 0
        }
        var starts = [made(observations, entries, smallest)]
        for rule in Calibrator.rules {
            starts.append(uniform(rule, observations, entries))
        }
        let measured = try await Parallel.map(starts, threads: context.threads) { start in
            var start = start
            start.sqnrDB = try sqnrDB(start.observations)
            return start
        }
        return measured.dropFirst().reduce(measured[0]) { $1.mean > $0.mean ? $1 : $0 }
    }

    private func made(_ observations: [String: Observation], _ entries: [Entry], _ picks: [Int]) -> Made {
        var made = Made(observations: observations, calibrators: [:])
        for (entry, pick) in zip(entries, picks) { made.set(entry.value, entry.options[pick]) }
        return made
    }

    /// One calibrator for all activations.
    private func uniform(_ rule: Calibrator, _ observations: [String: Observation], _ entries: [Entry]) -> Made {
        var made = Made(observations: observations, calibrators: [:])
        let levels = type.integerRange?.count ?? 256
        for entry in entries {
            guard let range = observations[entry.value]?.range(rule, percentile: settings.percentile, levels: levels)
            else { continue }
            made.set(entry.value, (rule, range))
        }
        return made
    }

    /// Tries the other ranges of one activation after the other at the model's output.
    private func refine(_ made: inout Made, _ entries: [Entry], trials: Int) async throws {
        var left = trials
        let order = entries.indices.sorted { first, second in
            (entries[second].errors.min() ?? 0, first) < (entries[first].errors.min() ?? 0, second)
        }
        for index in order {
            let entry = entries[index], current = made.observations[entry.value]?.chosen
            let others = entry.options.filter { $0.range != current }
            guard !others.isEmpty else { continue }
            left -= others.count
            guard left >= 0 else { break }
            context.progress("choosing the range of \(entry.value)")
            let base = made
            let tried = try await Parallel.map(others, threads: context.threads) { option in
                var next = base
                next.set(entry.value, option)
                next.sqnrDB = try sqnrDB(next.observations)
                return next
            }
            for next in tried where next.mean > max(made.mean, base.mean + RangeChoice.leastGain) {
                if zip(next.sqnrDB, base.sqnrDB).allSatisfy({ $0 >= $1 }) { made = next }
            }
        }
    }

    /// Output SQNR with the layers in integers on each set of rows, in dB.
    private func sqnrDB(_ observations: [String: Observation]) throws -> [Double] {
        try Task.checkCancellation()
        let candidate = try StaticCandidate(
            piece, excluding: excluded, observations: observations, settings: settings, activationType: type)
        let bytes = try ONNXWriter.encode(candidate.model)
        return try benches.map { max(try $0.sqnrDBOnOneThread(of: bytes), RangeChoice.ruined) }
    }
}

extension RangeChoice.Made {
    fileprivate mutating func set(_ value: String, _ option: (calibrator: Calibrator, range: ActivationRange)) {
        observations[value]?.chosen = option.range
        calibrators[value] = option.calibrator
    }
}
