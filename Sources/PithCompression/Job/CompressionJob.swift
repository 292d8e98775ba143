import Foundation
import PithCoding
import PithEvaluation
import PithFormats
import PithModel
import PithRuntime
import PithTensor

/// The main job: reads a model, applies a recipe, writes the result, runs it, measures it, and keeps the promises.
///
/// The output file appears only when everything held.
public struct CompressionJob: Sendable {
    public var input: String
    public var output: String
    public var recipe: Recipe
    public var options: CompressionOptions
    /// Told what is being done; may be ignored.
    public var progress: @Sendable (String) -> Void

    /// Creates a job.
    public init(
        input: String, output: String, recipe: Recipe, options: CompressionOptions,
        progress: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.input = input
        self.output = output
        self.recipe = recipe
        self.options = options
        self.progress = progress
    }

    /// Runs the job.
    ///
    /// - Throws: `FormatError` for input that can not be read; `CompressionError` `.promiseBroken` or `.mismatch` when
    ///   the result does not hold what was asked; `RuntimeError`; `EvaluationError`; `CancellationError`.
    public func run() async throws -> CompressionReport {
        let clock = ContinuousClock(), start = options.start ?? clock.now
        try OutputPath.requireModelEnding(output)
        progress("reading \(input)")
        let original = try readModel()
        // The runtime's own checks come first: a graph it refuses is refused before any work on it.
        let reference = try Session(path: input)
        try WeightSoundness(original).require(besides: Set(recipe.stages.flatMap(\.selector.exclude)))
        let dataset = try options.data.map {
            try Dataset(path: $0, graphInputs: original.graph.requiredInputs).suited(to: reference)
        }
        try OutputPath.check(
            output, endings: [".data"], read: dataset?.files ?? [], models: [(path: input, model: original)])
        let piece = try await applied(to: original, dataset)
        progress("writing and checking")
        let pending = try await PendingOutput(piece.model, of: input, path: output, threads: options.threads)
        // Measured before the output appears: it may replace the input.
        let inputBytes = try ModelFacts.fileBytes(of: original, at: input)
        try refuseUnhandled(piece, isLarger: pending.byteCount > inputBytes)
        if let limit = options.maximumSize, pending.byteCount > limit {
            throw broken("size", "the output has \(pending.byteCount) bytes, more than the \(limit) allowed.")
        }
        let source: any SampleSource = try dataset ?? SyntheticSource(for: reference, seed: options.seed)
        let calibration = dataset?.calibrationRows ?? 0..<0
        let verification = try await OutputVerifier(
            path: pending.modelPath, piece: piece, original: reference, source: source,
            rows: calibration.isEmpty ? source.evaluationRows : calibration, threads: options.threads
        ).verify()
        let scoringStart = clock.now
        let scores = try score(pending.modelPath, source, dataset)
        let scoringSeconds = scoringStart.duration(to: clock.now).seconds
        try keepPromises(scores)
        let digest = SHA256Digest(of: try MappedFile(path: pending.outputPath).storage)
        let parameters = ModelFacts(original).parameterCount
        try pending.commit()
        return CompressionReport(
            input: .init(path: input, bytes: inputBytes, parameters: parameters),
            output: .init(
                path: output, bytes: pending.byteCount,
                bitsPerWeight: Double(pending.byteCount) * 8 / Double(max(parameters, 1)), sha256: digest.hex),
            accuracy: scores.evaluation?.accuracy, fidelity: scores.evaluation?.fidelity,
            classes: scores.evaluation?.classes, latency: scores.latency,
            seconds: start.duration(to: clock.now).seconds, scoringSeconds: scoringSeconds,
            peakBytes: ProcessMemory.peakBytes, recipe: recipe, decisions: piece.decisions,
            minimumRuntime: MinimumRuntime.name(of: piece.model), verification: verification,
            notes: notes(piece, dataset, scores, verification, grown: pending.byteCount - inputBytes),
            ledger: Ledger(original: original, piece: piece).rows)
    }

    private func readModel() throws -> Model {
        let model = try ONNXReader.read(path: input)
        guard let name = model.graph.repeatedWeightName() else { return model }
        throw FormatError(
            code: .unsupported, subject: input, problem: "two of its weights would both be called '\(name)'.",
            remedy: "Rename one of them, or the node whose graph holds it.")
    }

    // MARK: Stages

    private func applied(to original: Model, _ dataset: Dataset?) async throws -> Workpiece {
        var piece = Workpiece(model: original)
        try await apply(recipe.stages.indices, to: &piece, of: original, dataset)
        try sign(&piece, dataset)
        return piece
    }

    /// Applies some stages of the recipe to what the stages before them made of `original`.
    func apply(
        _ stages: Range<Int>, to piece: inout Workpiece, of original: Model, _ dataset: Dataset?
    ) async throws {
        for index in stages {
            try Task.checkCancellation()
            let stage = recipe.stages[index]
            let context = StageContext(
                selector: stage.selector, dataset: dataset, threads: options.threads,
                seed: options.seed &+ UInt64(index), profile: options.profile, progress: progress)
            piece.checkNames(of: stage.selector, in: original)
            let before = Set(piece.encodings.keys)
            let hadUnsmoothed = piece.unsmoothed != nil, hadRoundedOnFloat = piece.roundedOnFloat != nil
            do {
                try await stage.technique.apply(to: &piece, in: context)
            } catch let error as CompressionError where error.code == .invalidData {
                // Where it is the data itself that is not finite, the place in the file says more than the activation.
                if let dataset { try dataset.requireFinite(dataset.calibrationRows) }
                throw error
            }
            piece.tellIdle(stage, number: index + 1, since: before)
            // They were for that stage alone.
            if hadUnsmoothed { piece.unsmoothed = nil }
            if hadRoundedOnFloat { piece.roundedOnFloat = nil }
        }
    }

    /// Writes into a model what it was made from and how.
    func sign(_ piece: inout Workpiece, _ dataset: Dataset?) throws {
        try Provenance(
            recipe: recipe, decisions: piece.decisions, seed: options.seed, input: input, dataset: dataset
        ).write(to: &piece.model)
    }

    /// Whether the recipe was to compress weights, and none was.
    private func leftAll(_ piece: Workpiece) -> Bool {
        piece.encodings.isEmpty && recipe.stages.contains { !($0.technique is CleanUp) }
    }

    /// Under `--strict` whatever the recipe asks and the result lacks ends the work.
    private func refuseUnhandled(_ piece: Workpiece, isLarger: Bool) throws(CompressionError) {
        var refusals = piece.refusals + piece.unhandled.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
        if leftAll(piece) { refusals.append("no weight was compressed") }
        if isLarger { refusals.append("the output is larger than the input") }
        guard options.isStrict, let first = refusals.first else { return }
        throw CompressionError(
            code: .refused, subject: "--strict",
            problem: "the recipe could not handle everything: \(first)"
                + (refusals.count > 1 ? " (and \(refusals.count - 1) more)." : "."),
            remedy:
                "Correct the recipe, exclude such weights with `where`, or leave out --strict to keep them as they are."
        )
    }

    // MARK: Scores and promises

    /// Output SQNR below which a better way is named, in dB.
    private static let modestSQNR = 20.0

    private struct Scores {
        var evaluation: EvaluationReport?
        /// The output that errs most, where a floor was asked for and there are several.
        var worst: OutputError?
        var latency: LatencyReport?
    }

    private func score(_ candidatePath: String, _ source: any SampleSource, _ dataset: Dataset?) throws -> Scores {
        var scores = Scores()
        if dataset != nil {
            var several = SessionOptions()
            several.threads = options.threads
            // Waiting threads would otherwise take the time of whatever else runs on the machine.
            several.configuration["session.intra_op.allow_spinning"] = "0"
            let evaluator = try Evaluator(source: source, reference: try Session(path: input, options: several))
            let candidate = try Session(path: candidatePath, options: several)
            scores.evaluation = try evaluator.evaluate(candidate) { done, total in progress("scoring \(done)/\(total)")
            }
            if options.minimumSQNR != nil, evaluator.comparedOutputs.count > 1 {
                scores.worst = try evaluator.errors(of: candidate).min { $0.sqnrDB < $1.sqnrDB }
            }
        }
        progress("timing")
        let timer = try Evaluator(source: source, reference: try Session(path: input))
        let settings = try Latency(budgetSeconds: 0.5)
        scores.latency = try timer.latency(of: [try Session(path: candidatePath)], settings: settings).first
        return scores
    }

    private func keepPromises(_ scores: Scores) throws(CompressionError) {
        if options.maximumDrop != nil || options.minimumSQNR != nil, let evaluation = scores.evaluation,
            evaluation.fidelity == nil
        {
            throw broken(
                "fidelity",
                "no output of the original is a finite number on the evaluation rows: nothing can be promised.",
                remedy: "Repair the model, or look at the ranges of its inputs in the data card.")
        }
        if let points = options.maximumDrop {
            guard let accuracy = scores.evaluation?.accuracy else {
                throw broken(
                    "--max-drop", "there is no metric to measure a drop of.", remedy: "Give --data with labels.")
            }
            guard accuracy.keeps(maximumDropPoints: points) else {
                let upper = accuracy.dropUpper95.map { ($0 * 100).formatted(digits: 2) } ?? "unknown"
                throw broken(
                    "accuracy",
                    "the drop of \(accuracy.metric.rawValue) may be as large as \(upper) points (upper end of "
                        + "the 95 % interval, \(accuracy.samples) samples), not below \(points).",
                    remedy: "Give more evaluation data, allow more, or use a gentler recipe such as int8-weights.")
            }
        }
        if let floor = options.minimumSQNR {
            guard let fidelity = scores.evaluation?.fidelity, fidelity.sqnrDB >= floor else {
                let found = scores.evaluation?.fidelity.map { $0.sqnrDB.formatted(digits: 1) } ?? "unknown"
                throw broken("fidelity", "the output SQNR is \(found) dB, less than the \(floor) asked for.")
            }
            if let worst = scores.worst, worst.sqnrDB < floor {
                throw broken(
                    "fidelity",
                    "the SQNR of its output '\(worst.name)' is \(worst.sqnrDB.formatted(digits: 1)) dB, less than the \(floor) asked for.",
                    remedy:
                        "Relax the promise, choose another recipe, or name the output that counts with `output` in the data card."
                )
            }
        }
        if let factor = options.requiredSpeedup {
            guard let latency = scores.latency, latency.reaches(speedup: factor) else {
                let found = scores.latency?.sureSpeedup.map { $0.formatted(digits: 4) } ?? "unknown"
                let equal = factor == 1 ? " (\(LatencyReport.equalSpeedup) still counts as equal)" : ""
                throw broken("speed", "the output runs at \(found) times the input's speed, not \(factor)\(equal).")
            }
        }
    }

    private func broken(
        _ subject: String, _ problem: String, remedy: String = "Relax the promise, or choose another recipe."
    ) -> CompressionError {
        CompressionError(code: .promiseBroken, subject: subject, problem: problem, remedy: remedy)
    }

    private func notes(
        _ piece: Workpiece, _ dataset: Dataset?, _ scores: Scores, _ verification: Verification, grown: Int
    ) -> [String] {
        var notes = piece.notes + (dataset?.notes ?? []) + (scores.evaluation?.notes ?? [])
        if dataset == nil {
            notes.insert(
                "No data was given: nothing was scored. --data DATA adds calibrated activations, fidelity and accuracy.",
                at: 0)
        }
        if leftAll(piece) { notes.append("No weight was compressed: the list of weights tells why, weight by weight.") }
        if grown > 0 { notes.append("The output is \(grown) bytes larger than the input.") }
        if dataset == nil, verification.nonFiniteNumbers > 0 {
            notes.append(
                "The original's outputs hold \(verification.nonFiniteNumbers) numbers that are not finite, on made-up inputs: "
                    + "where both models have them they count as equal.")
        }
        if verification.isMadeUp, verification.optimizedSQNR < Verification.lowSQNR {
            notes.append(
                "On made-up inputs the outputs lie only \(verification.optimizedSQNR.formatted(digits: 1)) dB from the original's. "
                    + "Such inputs may be far from what the model was made for: measure with --data before using the result."
            )
        }
        if let fidelity = scores.evaluation?.fidelity, fidelity.sqnrDB < Verification.lowSQNR {
            notes.append(
                "The output lies only \(fidelity.sqnrDB.formatted(digits: 1)) dB from the original's: look at the accuracy "
                    + "before using it, or ask for a floor with --min-sqnr.")
        } else if let fidelity = scores.evaluation?.fidelity, fidelity.sqnrDB < CompressionJob.modestSQNR,
            !recipe.stages.contains(where: { $0.technique is any LayerwiseTechnique })
        {
            notes.append(
                "The output lies \(fidelity.sqnrDB.formatted(digits: 1)) dB from the original's. Recipes that round with the help "
                    + "of data may err less: try int8-accurate, or int4-accurate.")
        } else if dataset != nil, verification.optimizedSQNR < Verification.lowSQNR {
            notes.append(
                "The output '\(verification.worstOutput)' lies only \(verification.optimizedSQNR.formatted(digits: 1)) dB "
                    + "from the original's.")
        }
        if let latency = scores.latency, latency.isSlower, let speedup = latency.speedup {
            notes.append("The output is slower than the input: \(speedup.formatted(digits: 2)) times its speed.")
        }
        return notes
    }
}
