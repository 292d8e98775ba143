internal import PithTensor

/// How far one output of a candidate lies from the reference's.
public struct OutputError: Sendable, Hashable {
    /// Name of the reference's output.
    public var name: String
    /// Signal-to-noise ratio in dB, within -200...200.
    public var sqnrDB: Double
    /// Numbers that are not finite.
    public var nonFinite: FidelityReport.NonFinite
}

extension Evaluator {
    /// The outputs that are compared: the one that the source or the caller names, else every one of real numbers; the
    /// scored one where there are none of those.
    public var comparedOutputs: [String] {
        let real = reference.realOutputNames
        return isOutputNamed || real.isEmpty ? [output] : real
    }

    /// The error of each compared output; outputs that are zero throughout in the reference are left out, if not all are.
    ///
    /// An output is looked at as a list of numbers, so that states which are not stacked by sample count too.
    ///
    /// - Throws: What the source and the models throw; `EvaluationError` `.missingOutput`, `.invalidOutput`.
    public func errors(of candidate: any InferenceModel) throws -> [OutputError] {
        let plan = try BatchPlan(for: source, models: [reference, candidate], row: firstRow)
        let runs = kept?.plan == plan ? kept?.runs : nil
        let names = comparedOutputs, theirs = counterparts(of: names, in: candidate)
        var powers = [String: SignalToNoise](), run = 0
        try BatchRunner(source: source, plan: plan).run(
            (runs == nil ? [reference] : []) + [candidate], outputs: (runs == nil ? [names] : []) + [theirs], over: rows
        ) { batch in
            let exact = runs?[run] ?? batch.outputs[0]
            for (name, their) in zip(names, theirs) {
                guard let left = exact[name], let right = batch.outputs.last?[their] else { continue }
                guard powers[name, default: SignalToNoise()].add(left, right) else {
                    throw EvaluationError(
                        code: .invalidOutput, subject: "output '\(name)'",
                        problem: "the models answer with \(left.shape) and \(right.shape).",
                        remedy: "Compare models that answer alike, or name one output with `output` in the data card.")
                }
            }
            run += 1
        }
        let errors = names.compactMap { name in powers[name].map { (name, $0) } }
        let telling = errors.filter { $0.1.signal > 0 }
        return (telling.isEmpty ? errors : telling).map {
            OutputError(name: $0, sqnrDB: $1.decibels, nonFinite: $1.nonFinite)
        }
    }

    /// The candidate's names of outputs: the same, or by position where a conversion renamed them.
    private func counterparts(of names: [String], in candidate: any InferenceModel) -> [String] {
        let theirs = candidate.outputNames, ours = reference.outputNames
        return names.map { name in
            guard !theirs.contains(name), let place = ours.firstIndex(of: name), place < theirs.count else {
                return name
            }
            return theirs[place]
        }
    }
}
