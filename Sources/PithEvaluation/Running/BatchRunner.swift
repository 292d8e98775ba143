internal import PithTensor

/// Runs models over the rows of a source, batch by batch; any outputs can be asked for and none are kept.
///
/// Inputs that carry state start as the source gives them at the start of a range, and are then taken from the
/// model's own output of the run before. Models on the same rows run one after the other on the same inputs.
public struct BatchRunner: Sendable {
    /// Where samples come from.
    public let source: any SampleSource
    /// How many samples a run takes.
    public let plan: BatchPlan

    /// Creates a runner.
    public init(source: any SampleSource, plan: BatchPlan) {
        self.source = source
        self.plan = plan
    }

    /// Calls `body` for each run over the rows (or pairs) of `range`, in order.
    ///
    /// `outputs` lists the names wanted from each model. Pairs are run so that both halves of a pair lie close
    /// together.
    /// - Throws: `EvaluationError` `.missingOutput` for a name that a model lacks; `CancellationError` when the task
    ///   was cancelled; what source, models and `body` throw.
    public func run(
        _ models: [any InferenceModel], outputs: [[String]], over range: Range<Int>, _ body: (Batch) throws -> Void
    ) throws {
        precondition(models.count == outputs.count, "Each model has its own list of outputs.")
        for (model, names) in zip(models, outputs) { try check(names, of: model) }
        var states = [[String: Tensor]](repeating: [:], count: models.count)
        var start = range.lowerBound
        while start < range.upperBound {
            let units = start..<min(start + plan.size, range.upperBound)
            let rows = source.sampleRows(units)
            for first in stride(from: 0, to: rows.count, by: plan.size) {
                try Task.checkCancellation()
                let positions = first..<min(first + plan.size, rows.count)
                let inputs = try source.inputs(rows: filled(Array(rows[positions])))
                var made: [[String: Tensor]] = []
                for index in models.indices {
                    made.append(
                        try run(models[index], inputs, outputs[index], state: &states[index], samples: positions.count))
                }
                let isLast = units.upperBound == range.upperBound && positions.upperBound == rows.count
                try body(
                    Batch(
                        units: units, positions: positions, rows: Array(rows[positions]), inputs: inputs,
                        outputs: made, isLast: isLast))
            }
            start = units.upperBound
        }
    }

    private func run(
        _ model: any InferenceModel, _ inputs: [String: Tensor], _ names: [String], state: inout [String: Tensor],
        samples: Int
    ) throws -> [String: Tensor] {
        let known = Set(model.inputNames)
        let carried = source.carried.filter { known.contains($0.key) }
        let given = inputs.merging(state) { $1 }.filter { known.contains($0.key) }
        let all = try model.run(given, outputs: Set(names + carried.values).sorted())
        for (input, output) in carried { state[input] = all[output] }
        return try all.filter { names.contains($0.key) }.mapValues { try kept($0, samples: samples) }
    }

    /// Repeats the last row of a short run where the graph fixes the number.
    private func filled(_ rows: [Int]) -> [Int] {
        guard plan.isFixed, let last = rows.last, rows.count < plan.size else { return rows }
        return rows + Array(repeating: last, count: plan.size - rows.count)
    }

    /// The part of an output that belongs to real rows.
    private func kept(_ output: Tensor, samples: Int) throws -> Tensor {
        let axes = output.shape.dimensions
        guard plan.isFixed, samples < plan.size, axes.first == plan.size, output.type.bitWidth >= 8 else {
            return output
        }
        let shape = try Shape([samples] + axes.dropFirst())
        return try Tensor(
            type: output.type, shape: shape,
            storage: output.storage.slice(0..<shape.count * (output.type.bitWidth / 8)))
    }

    private func check(_ names: [String], of model: any InferenceModel) throws(EvaluationError) {
        let known = Set(model.outputNames)
        guard let missing = (names + source.carried.values).first(where: { !known.contains($0) }) else { return }
        throw EvaluationError(
            code: .missingOutput, subject: "output '\(missing)'",
            problem: "the model has no such output; it has \(model.outputNames.joined(separator: ", ")).",
            remedy: "Correct `output` or `from` in the data card.")
    }
}
