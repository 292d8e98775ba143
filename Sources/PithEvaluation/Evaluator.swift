internal import PithFormats
internal import PithTensor

/// Scores a model, or a candidate against its reference, on the rows of a source.
///
/// Outputs are looked at batch by batch and never kept, unless `keepingReferenceOutputs` was asked for so that many
/// candidates can be scored without running the reference again.
public struct Evaluator: Sendable {
    /// Where samples come from.
    public let source: any SampleSource
    /// The original.
    public let reference: any InferenceModel
    /// Rows (or pairs) to score.
    public let rows: Range<Int>
    /// The output that is scored.
    public let output: String
    /// Whether the source or the caller chose that output.
    let isOutputNamed: Bool
    /// How intervals are drawn.
    public var bootstrap = PairedBootstrap()
    var kept: KeptOutputs?

    /// Compared outputs of the reference by run, for one batch plan.
    struct KeptOutputs: Sendable {
        let plan: BatchPlan
        let runs: [[String: Tensor]]
    }

    /// Prepares an evaluation; `rows` nil means the source's evaluation rows, `output` nil the source's or the first
    /// output.
    ///
    /// - Throws: `EvaluationError` `.emptyRange` without rows, `.missingOutput` for a model that lacks the output.
    public init(
        source: any SampleSource, reference: any InferenceModel, rows: Range<Int>? = nil, output: String? = nil
    ) throws(EvaluationError) {
        self.source = source
        self.reference = reference
        self.rows = rows ?? source.evaluationRows
        guard !self.rows.isEmpty else {
            throw EvaluationError(
                code: .emptyRange, subject: "evaluation", problem: "there are no rows to evaluate.",
                remedy: "Give `evaluate: [FIRST, END]` in the data card, with more rows in the data.")
        }
        let names = reference.outputNames
        guard let name = output ?? source.output ?? names.first, names.contains(name) else {
            throw EvaluationError(
                code: .missingOutput, subject: "output '\(output ?? source.output ?? "")'",
                problem: "the model has no such output; it has \(names.joined(separator: ", ")).",
                remedy: "Correct `output` in the data card.")
        }
        self.output = name
        isOutputNamed = output ?? source.output != nil
    }

    /// The same evaluation with the reference's outputs kept, if they take at most `byteLimit` bytes.
    ///
    /// - Throws: What the source and the reference throw.
    public func keepingReferenceOutputs(upTo byteLimit: Int) throws -> Evaluator {
        let plan = try BatchPlan(for: source, models: [reference], row: firstRow)
        var runs: [[String: Tensor]] = [], byteCount = 0
        let runner = BatchRunner(source: source, plan: plan)
        do {
            try runner.run([reference], outputs: [comparedOutputs], over: rows) { batch in
                byteCount += batch.outputs[0].values.reduce(0) { $0 + $1.byteCount }
                guard byteCount <= byteLimit else { throw TooLarge() }
                runs.append(batch.outputs[0])
            }
        } catch is TooLarge { return self }
        var copy = self
        copy.kept = KeptOutputs(plan: plan, runs: runs)
        return copy
    }

    private struct TooLarge: Error {}

    /// Scores the reference alone, or `candidate` against it.
    ///
    /// `progress` is told rows (or pairs) done and in all after each run.
    /// - Throws: `EvaluationError` for outputs or labels that do not suit the metric; `CancellationError`; what
    ///   source and models throw.
    public func evaluate(
        _ candidate: (any InferenceModel)? = nil, progress: ((_ done: Int, _ total: Int) -> Void)? = nil
    ) throws -> EvaluationReport {
        let plan = try BatchPlan(
            for: source, models: [reference] + (candidate.map { [$0] } ?? []), row: firstRow)
        let runs = kept?.plan == plan && comparedOutputs.contains(output) ? kept?.runs : nil
        let models = (runs == nil ? [reference] : []) + (candidate.map { [$0] } ?? [])
        let candidateOutput = candidate.map(scoredOutput)
        let outputs = (runs == nil ? [[output]] : []) + (candidateOutput.map { [[$0]] } ?? [])
        var scorer = try scorer(hasCandidate: candidate != nil), fidelity = Fidelity(), rowCount = 0, run = 0
        try BatchRunner(source: source, plan: plan).run(models, outputs: outputs, over: rows) { batch in
            let first = runs?[run][output] ?? batch.outputs[0][output],
                second = candidateOutput.flatMap { batch.outputs.last?[$0] }
            let scored = ScoredBatch(
                reference: try read(first, batch, plan), candidate: try second.map { try read($0, batch, plan) },
                batch: batch, source: source)
            if let theirs = scored.candidate {
                try fidelity.add(reference: scored.reference, candidate: theirs)
            } else {
                fidelity.count(scored.reference)
            }
            try scorer?.add(scored)
            rowCount += batch.rows.count
            run += 1
            progress?(batch.units.upperBound - rows.lowerBound, rows.count)
        }
        return report(scorer, fidelity, hasCandidate: candidate != nil, plan: plan, rowCount: rowCount)
    }
}

extension Evaluator {
    var firstRow: Int { source.sampleRows(rows.lowerBound..<rows.lowerBound + 1).first ?? rows.lowerBound }

    /// The candidate's output of the same name; its first one where a conversion renamed it.
    private func scoredOutput(of candidate: any InferenceModel) -> String {
        let names = candidate.outputNames
        return names.contains(output) ? output : reference.outputNames.first == output ? names.first ?? output : output
    }

    private func read(_ tensor: Tensor?, _ batch: Batch, _ plan: BatchPlan) throws -> OutputRows {
        guard let tensor else {
            throw EvaluationError(
                code: .missingOutput, subject: "output '\(output)'", problem: "a run did not give it.",
                remedy: "Name another output with `output` in the data card.")
        }
        return try OutputRows(tensor, samples: batch.rows.count, isBatchFixed: plan.isFixed, name: output)
    }

    /// What scores the source's metric; nil where only fidelity is asked for.
    private func scorer(hasCandidate: Bool) throws -> (any PairedScorer)? {
        switch source.metric {
        case .accuracy, .accuracyTop5, .f1, .precision, .recall: return PairedClassification(metric: source.metric)
        case .mse: return PairedMean<MeanSquaredError>()
        case .mae: return PairedMean<MeanAbsoluteError>()
        case .cosine:
            let isAlone = try !hasCandidate && source.labels(rows: [firstRow]) == nil
            return isAlone ? nil : PairedMean<CosineSimilarity>()
        case .perplexity: return PairedMean<Perplexity>()
        case .spearman: return PairedRanks()
        case .fidelity: return nil
        }
    }

    private func report(
        _ scorer: (any PairedScorer)?, _ comparison: Fidelity, hasCandidate: Bool, plan: BatchPlan, rowCount: Int
    ) -> EvaluationReport {
        let accuracy = scorer?.result(bootstrap: bootstrap), found = comparison.report
        var notes: [String] = []
        if let difference = accuracy?.difference, difference.upper95 == nil {
            notes.append("\(accuracy?.samples ?? 0) samples do not give the drop a 95 % interval.")
        }
        if let accuracy, accuracy.reference == nil {
            notes.append("The reference's \(accuracy.metric.rawValue) is not finite.")
        }
        if comparison.hasNothingToCompare {
            notes.append(
                "Output '\(output)' of the reference holds no finite number on these rows, so there is nothing to compare: look at "
                    + "the model, and at the ranges of its inputs (`scale`, `mean`, `std` in the data card).")
        } else if case let counts = comparison.nonFinite, counts.reference + counts.candidate > 0 {
            notes.append(
                "Outputs hold numbers that are not finite: \(counts.reference) of the reference"
                    + (hasCandidate ? ", \(counts.candidate) of the candidate." : "."))
        }
        return EvaluationReport(
            accuracy: accuracy, fidelity: hasCandidate ? found : nil, classes: scorer?.classes(), output: output,
            batch: plan.size, rows: rowCount, notes: notes)
    }
}

extension Evaluator {
    /// Times the reference and candidates on the first sample, as many samples a run as a graph demands and one
    /// otherwise.
    ///
    /// - Throws: What the source and the models throw.
    public func latency(
        of candidates: [any InferenceModel] = [], settings: Latency, threads: Int = 1
    ) throws -> [LatencyReport] {
        let models = [reference] + candidates
        let plan = try BatchPlan(for: source, models: models, row: firstRow)
        let rows = Array(repeating: firstRow, count: plan.isFixed ? plan.size : 1)
        return try settings.measure(models, inputs: source.inputs(rows: rows), threads: threads)
    }
}
