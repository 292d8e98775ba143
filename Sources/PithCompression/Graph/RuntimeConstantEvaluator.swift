public import PithModel
public import PithTensor
import PithFormats
import PithRuntime

/// Evaluates constants with ONNX Runtime, its own optimizations off, on one thread.
public struct RuntimeConstantEvaluator: ConstantEvaluator {
    /// Creates an evaluator; the runtime is loaded when it is first used.
    public init() {}

    /// Runs `model` once.
    ///
    /// - Throws: `RuntimeError` when the runtime is not there or refuses the nodes, `FormatError` when a weight has no
    ///   form the format can hold.
    public func evaluate(_ model: Model, outputs: [String]) throws -> [String: Tensor] {
        var options = SessionOptions()
        options.optimization = .none
        let session = try Session(bytes: ONNXWriter.encode(model), name: "constants", options: options)
        return try session.run([:], outputs: outputs)
    }
}
