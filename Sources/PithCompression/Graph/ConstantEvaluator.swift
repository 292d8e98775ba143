public import PithModel
public import PithTensor

/// Runs nodes that need no graph inputs: what constant folding computes with.
public protocol ConstantEvaluator: Sendable {
    /// The values named in `outputs` of `model`, whose graph has weights and nodes and no inputs.
    ///
    /// - Throws: an error of the runtime when a node can not be run.
    func evaluate(_ model: Model, outputs: [String]) throws -> [String: Tensor]
}
