internal import PithTensor

/// How far one output of a candidate lies from the reference's.
public struct OutputError: Sendable, Hashable, Codable {
    /// Name of the reference's output.
    public var name: String
    /// Signal-to-noise ratio in dB, within -200...200.
    public var sqnrDB: Double
    /// Numbers that are not finite.
    public var nonFinite: FidelityReport.NonFinite
}

/// Sums from which the errors of a candidate's outputs follow; those of several ranges of rows can be joined.
package struct OutputErrorSums: Sendable {
    /// Outputs in the order of the reference.
    private let names: [String]
    private var sums: [String: SignalToNoise] = [:]

    fileprivate init(_ names: [String]) { self.names = names }

    /// Counts an output of one run; answers whether the shapes agree.
    fileprivate mutating func add(_ name: String, _ exact: Tensor, _ rounded: Tensor) -> Bool {
        sums[name, default: SignalToNoise()].add(exact, rounded)
    }

    /// Counts other rows.
    package mutating func merge(_ other: OutputErrorSums) {
        for (name, sum) in other.sums { sums[name, default: SignalToNoise()].merge(sum) }
    }

    /// The error of each output; outputs that are zero throughout in the reference are left out, if not all are.
    package var errors: [OutputError] {
        let all = names.compactMap { name in sums[name].map { (name, $0) } }
        let telling = all.filter { $0.1.signal > 0 }
        return (telling.isEmpty ? all : telling).map {
            OutputError(name: $0, sqnrDB: $1.decibels, nonFinite: $1.nonFinite)
        }
    }
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
    public func errors(of candidate: any InferenceModel) throws -> [OutputError] { try errorSums(of: candidate).errors }

    /// The sums of those errors.
    ///
    /// - Throws: As ``errors(of:)`` does.
    package func errorSums(of candidate: any InferenceModel) throws -> OutputErrorSums {
        let plan = try BatchPlan(for: source, models: [reference, candidate], row: firstRow)
        let runs = kept?.plan == plan ? kept?.runs : nil
        let names = comparedOutputs, theirs = counterparts(of: names, in: candidate)
        var sums = OutputErrorSums(names), run = 0
        try BatchRunner(source: source, plan: plan).run(
            (runs == nil ? [reference] : []) + [candidate], outputs: (runs == nil ? [names] : []) + [theirs], over: rows
        ) { batch in
            let exact = runs?[run] ?? batch.outputs[0]
            for (name, their) in zip(names, theirs) {
                guard let left = exact[name], let right = batch.outputs.last?[their] else { continue }
                guard sums.add(name, left, right) else {
                    throw EvaluationError(
                        code: .invalidOutput, subject: "output '\(name)'",
                        problem: "the models answer with \(left.shape) and \(right.shape).",
                        remedy: "Compare models that answer alike, or name one output with `output` in the data card.")
                }
            }
            run += 1
        }
        return sums
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
