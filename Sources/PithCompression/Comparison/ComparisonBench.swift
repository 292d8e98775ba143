import PithEvaluation
import PithFormats
import PithModel
import PithRuntime
import PithTensor

/// Scores candidates against one reference.
struct ComparisonBench {
    /// Where samples come from.
    let source: any SampleSource
    /// The reference's model file.
    let path: String
    /// The reference as it was given.
    private let name: String
    private let model: Model
    private let facts: ModelFacts
    private let bytes: Int
    private let isMadeUp: Bool
    private let threads: Int
    private let evaluator: Evaluator

    /// Outputs of the reference kept in memory, at most.
    private static let mostBytes = 64 << 20

    /// Prepares to score on the evaluation rows of `source`; `path` is the model of the reference called `name`.
    ///
    /// - Throws: What runtime and data throw.
    init(
        path: String, named name: String, model: Model, source: any SampleSource, isMadeUp: Bool, threads: Int
    ) throws {
        self.path = path
        self.name = name
        self.model = model
        self.source = source
        self.isMadeUp = isMadeUp
        self.threads = threads
        facts = ModelFacts(model)
        bytes = try Self.bytes(of: model, at: path, named: name)
        evaluator = try Evaluator(source: source, reference: Session(path: path, options: Self.options(threads)))
            .keepingReferenceOutputs(upTo: Self.mostBytes)
    }

    /// Bytes of a model's files; of its container where that is what it is called: it is what is kept.
    private static func bytes(of model: Model, at path: String, named name: String) throws -> Int {
        try ContainedModel.isContainer(name)
            ? MappedFile(path: name).storage.byteCount : ModelFacts.fileBytes(of: model, at: path)
    }

    /// How sessions are opened that work on `threads` threads.
    static func options(_ threads: Int) -> SessionOptions {
        var options = SessionOptions()
        options.threads = threads
        // Waiting threads would otherwise take the time of whatever else runs on the machine.
        options.configuration["session.intra_op.allow_spinning"] = "0"
        return options
    }

    /// Everything about a candidate but time and memory.
    ///
    /// - Throws: What runtime and data throw; `CancellationError`.
    func entry(for contender: Contender, progress: @escaping (String) -> Void) throws -> ComparisonReport.Entry {
        let name = contender.candidate.name, candidate = try ONNXReader.read(path: contender.path)
        let bytes = try contender.made?.output.bytes ?? Self.bytes(of: candidate, at: contender.path, named: name)
        var entry = ComparisonReport.Entry(
            name: name, isRecipe: contender.candidate.isRecipe, bytes: bytes,
            ratio: Double(self.bytes) / Double(max(bytes, 1)),
            bitsPerWeight: Double(bytes) * 8 / Double(max(facts.parameterCount, 1)),
            minimumRuntime: MinimumRuntime.name(of: candidate), outputs: [], layers: LayerReport(), notes: [])
        try score(contender, &entry, progress)
        progress("\(name): layers")
        do {
            entry.layers = try LayerComparison(reference: model, candidate: candidate, threads: threads)
                .measure(source: source, rows: source.evaluationRows)
        } catch let error as RuntimeError {
            entry.layers.notes.append("Layers are not compared: \(error)")
        }
        return entry
    }

    private func score(
        _ contender: Contender, _ entry: inout ComparisonReport.Entry, _ progress: @escaping (String) -> Void
    ) throws {
        let known = (source as? Dataset)?.notes ?? []
        // What holds for all candidates is told once, and not by `compress`.
        entry.notes = (contender.made?.notes ?? []).filter {
            !known.contains($0) && !(isMadeUp && $0.hasPrefix("No data was given"))
        }
        let needsErrors = evaluator.comparedOutputs.count > 1
        let session = try Session(path: contender.path, options: Self.options(threads))
        if let made = contender.made, made.fidelity != nil || made.accuracy != nil {
            // The job has scored its output on the same rows in the same way.
            entry.fidelity = made.fidelity
            entry.accuracy = made.accuracy
            entry.macro = Self.macro(of: made.classes)
        } else {
            let report = try evaluator.evaluate(session) { done, total in
                progress("\(contender.candidate.name): scoring \(done)/\(total)")
            }
            entry.fidelity = report.fidelity
            entry.accuracy = report.accuracy
            entry.macro = Self.macro(of: report.classes)
            entry.notes += report.notes
        }
        guard needsErrors else { return }
        entry.outputs = try evaluator.errors(of: session).map { .init(name: $0.name, sqnrDB: $0.sqnrDB) }
    }

    private static func macro(of classes: ClassReport?) -> ComparisonReport.Macro? {
        guard let reference = classes?.macroReference, let candidate = classes?.macroCandidate else { return nil }
        return ComparisonReport.Macro(reference: reference, candidate: candidate)
    }

    /// What is told about the reference.
    func reference(
        _ entries: [ComparisonReport.Entry], milliseconds: Double?
    ) -> ComparisonReport.Reference {
        var subject = ComparisonReport.Reference(
            path: name, bytes: bytes, parameters: facts.parameterCount, minimumRuntime: MinimumRuntime.name(of: model),
            milliseconds: milliseconds)
        subject.score = entries.first?.accuracy?.reference
        subject.macro = entries.first?.macro?.reference
        return subject
    }

    /// The first sample, as many of it as a graph demands.
    ///
    /// - Throws: What the data throw.
    func firstInputs() throws -> [String: Tensor] {
        let row = source.sampleRows(evaluator.rows.lowerBound..<evaluator.rows.lowerBound + 1).first ?? 0
        let plan = try BatchPlan(for: source, models: [evaluator.reference], row: row)
        return try source.inputs(rows: Array(repeating: row, count: plan.isFixed ? plan.size : 1))
    }
}
