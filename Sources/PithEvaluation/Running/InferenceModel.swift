internal import PithModel
public import PithRuntime
public import PithTensor

/// Something that turns named inputs into named outputs: a `Session` of the runtime, or a function in a test.
public protocol InferenceModel: Sendable {
    /// Names of the inputs it takes.
    var inputNames: [String] { get }
    /// Names of its outputs, in the graph's order.
    var outputNames: [String] { get }
    /// Names of the outputs that are tensors of floats, in the graph's order.
    var realOutputNames: [String] { get }
    /// The length of an input's first axis when the graph fixes it; nil: the caller's choice, or no such axis.
    func fixedBatch(ofInput name: String) -> Int?
    /// Runs once; `outputs` nil means all.
    func run(_ inputs: [String: Tensor], outputs: [String]?) throws(RuntimeError) -> [String: Tensor]
}

extension InferenceModel {
    public var realOutputNames: [String] { outputNames }
}

extension Session: InferenceModel {
    public var inputNames: [String] { inputs.map(\.name) }
    public var outputNames: [String] { outputs.map(\.name) }
    public var realOutputNames: [String] { outputs.filter { $0.element?.isFloatingPoint == true }.map(\.name) }

    public func fixedBatch(ofInput name: String) -> Int? {
        inputs.first { $0.name == name }?.dimensions.first?.length
    }
}
