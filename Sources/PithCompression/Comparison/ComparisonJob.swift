public import Foundation
import PithEvaluation
import PithFormats
import PithModel
import PithRuntime
public import PithTensor

/// Compares candidates with a reference: bytes, error, score, time and memory of each, and the error of each layer.
///
/// Recipes are applied first, into `folder`; all models are then scored on the same rows, timed in one interleaved run,
/// and looked into layer by layer.
public struct ComparisonJob: Sendable {
    /// Path of the model that all others are held against, or of its container.
    public var reference: String
    public var candidates: [ComparisonCandidate]
    /// Data, threads, seed and machine profile; promises do not apply.
    public var options: CompressionOptions
    /// An empty folder for what recipes make; it is the caller's to remove.
    public var folder: URL
    /// Path of a page that the caller will write: refused where it is a file that is read; nil writes none.
    public var page: String?
    /// Tells the peak memory of a process that loads a model and runs it once on these inputs; nil measures none.
    public var memory: (@Sendable (_ model: String, _ inputs: [String: Tensor]) throws -> Int?)?
    /// Told what is being done; may be ignored.
    public var progress: @Sendable (String) -> Void

    /// Creates a job.
    public init(
        reference: String, candidates: [ComparisonCandidate], options: CompressionOptions, folder: URL,
        page: String? = nil, memory: (@Sendable (_ model: String, _ inputs: [String: Tensor]) throws -> Int?)? = nil,
        progress: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.reference = reference
        self.candidates = candidates
        self.options = options
        self.folder = folder
        self.page = page
        self.memory = memory
        self.progress = progress
    }

    /// Runs the job.
    ///
    /// - Throws: `FormatError` for models or data that can not be read; `CompressionError` for a recipe that could not be
    ///   applied, its subject naming the candidate; `RuntimeError`; `EvaluationError`; `CancellationError`.
    public func run() async throws -> ComparisonReport {
        let clock = ContinuousClock(), start = options.start ?? clock.now
        progress("reading \(reference)")
        let path = try await ContainedModel.path(of: reference, in: folder, threads: options.threads)
        let original = try ONNXReader.read(path: path), session = try Session(path: path)
        let dataset = try options.data.map {
            try Dataset(path: $0, graphInputs: original.graph.requiredInputs).suited(to: session)
        }
        let source: any SampleSource = try dataset ?? SyntheticSource(for: session, seed: options.seed)
        // Models are loaded before recipes are applied: a file that is none is refused before long work.
        var files: [String: String] = [:]
        for candidate in candidates where !candidate.isRecipe {
            files[candidate.name] = try await ContainedModel.path(
                of: candidate.name, in: folder, threads: options.threads)
        }
        let others = try files.values.sorted().map { (path: $0, model: try ONNXReader.read(path: $0)) }
        if let page {
            try OutputPath.check(
                page, read: (dataset?.files ?? []) + candidates.map(\.name) + [reference],
                models: [(path: path, model: original)] + others)
        }
        var contenders: [Contender] = []
        for (index, candidate) in candidates.enumerated() {
            contenders.append(try await contender(candidate, files[candidate.name], of: path, index))
        }
        let bench = try ComparisonBench(
            path: path, named: reference, model: original, source: source, isMadeUp: dataset == nil,
            threads: options.threads)
        var entries: [ComparisonReport.Entry] = []
        for contender in contenders {
            try Task.checkCancellation()
            entries.append(try entry(for: contender, bench))
        }
        let latencies = try time(contenders, bench)
        for (index, latency) in latencies.enumerated() { entries[index].latency = latency }
        var subject = bench.reference(entries, milliseconds: latencies.first?.reference.medianMilliseconds)
        try measureMemory(contenders, bench, &subject, &entries)
        return ComparisonReport(
            reference: subject, data: options.data, candidates: entries, notes: notes(dataset, latencies),
            seconds: start.duration(to: clock.now).seconds)
    }

    /// What is found out about a candidate; one that takes other inputs is named as the user named it.
    private func entry(for contender: Contender, _ bench: ComparisonBench) throws -> ComparisonReport.Entry {
        do { return try bench.entry(for: contender, progress: progress) } catch let error as RuntimeError {
            guard error.code == .invalidInput else { throw error }
            throw RuntimeError(
                code: error.code, subject: "candidate '\(contender.candidate.name)'", problem: error.problem,
                remedy: "A candidate takes the inputs of the reference, \(reference): "
                    + "compare it with a model that takes the same.")
        }
    }

    /// The candidate as a file.
    private func contender(
        _ candidate: ComparisonCandidate, _ file: String?, of original: String, _ index: Int
    ) async throws -> Contender {
        guard case .recipe(let recipe) = candidate.origin else {
            return Contender(candidate, path: file ?? candidate.name)
        }
        // What saves in a container's coding alone is shown as a container.
        let path = folder.appendingPathComponent("\(index).\(recipe.hasStrength ? "pith" : "onnx")").path
        progress("applying \(candidate.name)")
        var plain = CompressionOptions()
        plain.data = options.data
        plain.threads = options.threads
        plain.seed = options.seed
        plain.profile = options.profile
        let job = CompressionJob(
            input: original, output: path, recipe: recipe, options: plain,
            progress: { [progress] in progress("\(candidate.name): \($0)") })
        do {
            let made = try await job.run()
            let model = try await ContainedModel.path(of: path, in: folder, threads: options.threads)
            return Contender(candidate, path: model, made: made)
        } catch let error as CompressionError {
            throw CompressionError(
                code: error.code, subject: "candidate '\(candidate.name)': \(error.subject)", problem: error.problem,
                remedy: error.remedy)
        }
    }

    /// Times all models on one sample, one thread each, in turn.
    private func time(_ contenders: [Contender], _ bench: ComparisonBench) throws -> [LatencyReport] {
        progress("timing")
        let timer = try Evaluator(source: bench.source, reference: try Session(path: bench.path))
        let settings = try Latency(budgetSeconds: 0.4 * Double(contenders.count + 1))
        return try timer.latency(of: try contenders.map { try Session(path: $0.path) }, settings: settings)
    }

    private func measureMemory(
        _ contenders: [Contender], _ bench: ComparisonBench, _ subject: inout ComparisonReport.Reference,
        _ entries: inout [ComparisonReport.Entry]
    ) throws {
        guard let memory else { return }
        progress("measuring memory")
        let inputs = try bench.firstInputs()
        subject.peakBytes = try memory(bench.path, inputs)
        for (index, contender) in contenders.enumerated() {
            entries[index].peakBytes = try memory(contender.path, inputs)
        }
    }

    private func notes(_ dataset: Dataset?, _ latencies: [LatencyReport]) -> [String] {
        let isBusy = latencies.contains { !$0.isSteady }
        let busy =
            isBusy ? ["The machine was busy while times were measured: measure again before you rely on them."] : []
        guard let dataset else {
            return [
                "No data was given: models are compared on made-up inputs, which may be far from what the model was made for. "
                    + "--data DATA adds real ones, and scores."
            ] + busy
        }
        return busy + dataset.notes
    }
}

extension ComparisonCandidate {
    /// Whether a recipe makes it.
    var isRecipe: Bool { if case .recipe = origin { true } else { false } }
}

/// A candidate as a file, with what `compress` found out about it where a recipe made it.
struct Contender: Sendable {
    let candidate: ComparisonCandidate
    let path: String
    let made: CompressionReport?

    init(_ candidate: ComparisonCandidate, path: String, made: CompressionReport? = nil) {
        self.candidate = candidate
        self.path = path
        self.made = made
    }
}
