import PithFormats
import PithModel

extension CompressionOptions {
    /// Whether any promise was asked for.
    public var hasPromises: Bool {
        maximumDrop != nil || requiredSpeedup != nil || maximumSize != nil || minimumSQNR != nil
    }

    /// Whether only the size is bounded, so that the smallest of all outputs is not what is wanted.
    var isBoundBySizeAlone: Bool {
        maximumSize != nil && maximumDrop == nil && minimumSQNR == nil
    }

    /// Refuses promises that nothing could decide after the work, because the data to measure them on is not there.
    ///
    /// - Throws: `CompressionError` `.missingData`, and `FormatError` for a model or data that can not be read.
    /// - Complexity: O(bytes of compressed arrays) when a drop is bounded, O(1) otherwise.
    func requireDecidablePromises(input: String) throws {
        if data == nil, maximumDrop != nil { throw undecidable("--max-drop", "there is no data to measure a drop on.") }
        if data == nil, minimumSQNR != nil { throw undecidable("--min-sqnr", "there is no data to measure it on.") }
        guard let data, maximumDrop != nil else { return }
        let dataset = try Dataset(path: data, graphInputs: ONNXReader.read(path: input).graph.requiredInputs)
        guard dataset.metric == .fidelity else { return }
        throw CompressionError(
            code: .missingData, subject: "--max-drop",
            problem: "'\(data)' has no metric that could drop, only fidelity to the original.",
            remedy: "Add `labels` (class indices) or another `metric` to the data card, or ask for --min-sqnr.")
    }

    private func undecidable(_ promise: String, _ problem: String) -> CompressionError {
        CompressionError(code: .missingData, subject: promise, problem: problem, remedy: "Give --data, with labels.")
    }
}
