import PithEvaluation
import PithFormats
import PithModel
import PithRuntime
import PithTensor

/// A model in the runtime whose chosen weights are given anew in each run, so that many forms of them need one session.
struct OpenModel: InferenceModel {
    private let session: Session
    /// The weights, by their names in the main graph.
    private(set) var weights: [String: Tensor]

    /// Opens the dense weights `names` of the main graph of `model`, all of which are `float32`; others stay as they are.
    ///
    /// - Throws: What writer and runtime throw.
    init(_ model: Model, opening names: [String]) throws {
        var model = model, weights: [String: Tensor] = [:]
        for name in names {
            guard let tensor = model.graph.weights[name]?.dense else {
                preconditionFailure("There is no dense weight '\(name)' to open.")
            }
            weights[name] = tensor
            model.graph.weights[name] = nil
            let type = ValueType(element: tensor.type, dimensions: tensor.shape.dimensions.map { .fixed($0) })
            model.graph.inputs.removeAll { $0.name == name }
            model.graph.inputs.append(ValueInfo(name: name, type: type))
        }
        session = try Session(bytes: try ONNXWriter.encode(model), name: "open model")
        self.weights = weights
    }

    /// The model with other numbers in some of its open weights.
    func replacing(_ changed: [String: Tensor]) -> OpenModel {
        var copy = self
        copy.weights.merge(changed) { $1 }
        return copy
    }

    var inputNames: [String] { session.inputNames.filter { weights[$0] == nil } }
    var outputNames: [String] { session.outputNames }
    var realOutputNames: [String] { session.realOutputNames }

    func fixedBatch(ofInput name: String) -> Int? { session.fixedBatch(ofInput: name) }

    func run(_ inputs: [String: Tensor], outputs: [String]?) throws(RuntimeError) -> [String: Tensor] {
        try session.run(inputs.merging(weights) { $1 }, outputs: outputs)
    }
}
