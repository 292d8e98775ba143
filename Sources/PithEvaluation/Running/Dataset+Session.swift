public import PithFormats
internal import PithModel
public import PithRuntime

extension Dataset {
    /// Opens a `.npz` or a data card for the inputs of a session.
    ///
    /// - Throws: `FormatError` where the data can not be read or do not suit the inputs.
    public init(path: String, for session: Session) throws(FormatError) {
        try self.init(
            path: path,
            graphInputs: session.inputs.map { port in
                ValueInfo(name: port.name, type: ValueType(element: port.element, dimensions: port.dimensions))
            })
    }

    /// The samples in runs that `session` takes: of one, with a note, where it runs with one sample and not with two.
    ///
    /// An export by tracing may have the batch of its example inside, in a `Reshape` for instance, though its inputs leave
    /// the batch open. A card that says how many samples a run takes is left as it is.
    /// - Throws: `EvaluationError` `.batchMismatch` as ``BatchPlan``; `FormatError` for samples that can not be read.
    public func suited(to session: Session) throws -> Dataset {
        let rows = sampleRows(calibrationRows.isEmpty ? evaluationRows : calibrationRows)
        guard batchSize == nil, let row = rows.first else { return self }
        let plan = try BatchPlan(for: self, models: [session], row: row)
        guard plan.size > 1, !plan.isFixed else { return self }
        let one = try inputs(rows: [row]), two = try inputs(rows: [row, row])
        do {
            _ = try session.run(two)
            return self
        } catch {
            // What does not run with one sample either is told by the work that meets it.
            guard (try? session.run(one)) != nil else { return self }
            return oneByOne(
                note: "Samples are run one at a time: the model runs with one and not with two, as exports that hold "
                    + "the batch of an example do. `batch` in a data card says otherwise.")
        }
    }
}
