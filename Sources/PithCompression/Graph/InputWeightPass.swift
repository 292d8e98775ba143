package import PithModel

/// Makes weights that are listed as graph inputs too (a habit of old files) plain weights.
///
/// From version 4 of the ONNX file format on a weight need not be an input; the model's version is raised to it.
package struct InputWeightPass: GraphPass {
    package static let name = "input-weights"

    package init() {}

    package func apply(to model: inout Model, trace: inout WeightTrace) throws -> Bool {
        let before = model.graph.inputs.count
        let weights = Set(model.graph.weights.names)
        model.graph.inputs.removeAll { weights.contains($0.name) }
        guard model.graph.inputs.count != before else { return false }
        model.formatVersion = max(model.formatVersion, 4)
        return true
    }
}
