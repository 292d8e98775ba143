import PithEvaluation
import PithFormats
import PithModel

/// Finds how strong a recipe has to be for a size: the finest steps of its stages whose output fits, by bisection.
///
/// All steps change by one factor, a whole number of sixteenths of an octave. The search has a time limit, after which the
/// finest steps known to fit are taken; without meeting it, the result is the same every time.
struct StrengthSearch {
    /// The job with the recipe as it was given.
    let job: CompressionJob
    /// Most bytes of the output.
    let limit: Int
    var timeLimit = Duration.seconds(1200)

    /// Sixteenths of an octave, each way.
    private static let reach = 96

    /// What was found, in one sentence.
    struct Result {
        let recipe: Recipe
        let note: String
    }

    /// A recipe and what stands ready of its work.
    private struct Bench {
        let original: Model
        let dataset: Dataset?
        /// The model after the stages that have no strength.
        let piece: Workpiece
        /// The first stage that has one.
        let first: Int
    }

    /// Runs the search.
    ///
    /// - Throws: `CompressionError` `.promiseBroken` when the widest steps are too large a file; what reading, stages and writing
    ///   throw; `CancellationError`.
    func run() async throws -> Result {
        let clock = ContinuousClock(), start = clock.now, bench = try await bench()
        var high = Self.reach, low = -Self.reach - 1, trials = 1
        let largest = try await size(high, bench)
        guard largest <= limit else {
            throw CompressionError(
                code: .promiseBroken, subject: "--max-size",
                problem: "with the widest steps the output still has \(largest) bytes, more than the "
                    + "\(limit) allowed.",
                remedy: job.output.lowercased().hasSuffix(".pith")
                    ? "Allow more, or use a recipe with fewer weights kept in float."
                    : "Write a .pith file, where wide steps take fewer bytes, or allow more.")
        }
        var isCut = false
        // `high` fits; `low` does not, or is past the end.
        while high - low > 1, !isCut {
            let middle = (high + low) / 2
            let byteCount = try await size(middle, bench)
            trials += 1
            if byteCount <= limit { high = middle } else { low = middle }
            isCut = start.duration(to: clock.now) > timeLimit
        }
        let steps = recipe(high).stages.compactMap { ($0.technique as? TrellisCoder)?.step.formatted(digits: 4) }
        let end =
            if isCut { "; the time limit ended the search early." } else if high == -Self.reach {
                ". No finer ones were tried, though more bytes are allowed: a recipe with a smaller `step` starts from finer ones."
            } else { "." }
        return Result(
            recipe: recipe(high),
            note: "The finest steps that fit \(limit) bytes were found in \(trials) trials: step "
                + steps.joined(separator: ", ") + end)
    }

    private func bench() async throws -> Bench {
        let original = try ONNXReader.read(path: job.input)
        let dataset = try job.options.data.map { try Dataset(path: $0, graphInputs: original.graph.requiredInputs) }
        let first = job.recipe.stages.firstIndex { $0.technique is TrellisCoder } ?? 0
        var piece = Workpiece(model: original)
        try await job.apply(0..<first, to: &piece, of: original, dataset)
        return Bench(original: original, dataset: dataset, piece: piece, first: first)
    }

    /// Bytes of the output with steps wider by so many sixteenths of an octave.
    private func size(_ change: Int, _ bench: Bench) async throws -> Int {
        var trial = job, piece = bench.piece
        trial.recipe = recipe(change)
        try await trial.apply(bench.first..<trial.recipe.stages.count, to: &piece, of: bench.original, bench.dataset)
        try trial.sign(&piece, bench.dataset)
        let pending = try await PendingOutput(
            piece.model, of: trial.input, path: trial.output, threads: trial.options.threads)
        job.progress("\(pending.byteCount) bytes, \(limit) allowed")
        return pending.byteCount
    }

    private func recipe(_ change: Int) -> Recipe {
        var recipe = job.recipe
        for index in recipe.stages.indices {
            guard var technique = recipe.stages[index].technique as? TrellisCoder else { continue }
            technique.widen(sixteenths: change)
            recipe.stages[index].technique = technique
        }
        return recipe
    }
}
