import PithCompression
import PithEvaluation
import PithFormats
import PithModel
import PithRuntime

/// The comparison of a written model with what was meant.
enum ClosedLoop {
    /// Writes `written` and compares it with `piece`, and its outputs on made-up samples with those of `original`.
    static func verify(_ original: Model, _ piece: Workpiece, written: Model) async throws -> Verification {
        let scratch = try Scratch()
        try ONNXWriter.write(written, to: scratch.path("out.onnx"))
        let reference = try Session(bytes: try ONNXWriter.encode(original), name: "original")
        let source = try SyntheticSource(for: reference, seed: 0)
        return try await OutputVerifier(
            path: scratch.path("out.onnx"), piece: piece, original: reference, source: source,
            rows: source.evaluationRows, threads: 2
        ).verify()
    }
}
