import PithModel
import PithTensor

/// Looks for NaN and infinity among the weights of layers before any work is done on them.
///
/// Only inputs that hold parameters of a layer count: a constant of another operator may be infinite on purpose, as an
/// attention mask is.
///
/// - Complexity: O(bytes of the layers' `float32` and `float64` weights).
struct WeightSoundness {
    private let model: Model

    /// Operators whose inputs past the first are parameters.
    private static let layers: Set<String> = [
        "Conv", "ConvTranspose", "Gemm", "MatMul", "LSTM", "GRU", "RNN", "BatchNormalization", "InstanceNormalization",
        "LayerNormalization", "PRelu",
    ]

    init(_ model: Model) { self.model = model }

    /// - Throws: `CompressionError` `.nonFiniteWeight` for the first such weight that is not named in `excluded`.
    func require(besides excluded: Set<String>) throws(CompressionError) {
        var graphs: [(graph: Graph, path: GraphPath)] = []
        model.graph.forEachGraph { graphs.append(($0, $1)) }
        for (graph, path) in graphs {
            let constants = WeightSoundness.constants(of: graph)
            for name in WeightSoundness.parameters(of: graph) where !excluded.contains(path.qualified(name)) {
                guard let tensor = graph.weights[name]?.dense ?? constants[name] else { continue }
                let bad = WeightSoundness.nonFinite(in: tensor)
                guard bad == 0 else { throw WeightSoundness.failure(path.qualified(name), tensor, bad) }
            }
        }
    }

    private static func failure(_ name: String, _ tensor: Tensor, _ bad: Int) -> CompressionError {
        CompressionError(
            code: .nonFiniteWeight, subject: "weight '\(name)'",
            problem: "\(bad) of its \(tensor.count) values are NaN or infinite.",
            remedy:
                "Repair or export the model again, or leave this weight out with `where: { exclude: [NAME] }` in the stages that round, in a recipe of your own."
        )
    }

    private static func parameters(of graph: Graph) -> [String] {
        var names: [String] = [], seen: Set<String> = []
        for node in graph.nodes where node.isStandard(oneOf: layers) {
            for name in node.inputs where !name.isEmpty && seen.insert(name).inserted { names.append(name) }
        }
        return names
    }

    private static func nonFinite(in tensor: Tensor) -> Int {
        switch tensor.type {
        case .float32: tensor.withElements(as: Float.self) { Kernels.range(of: $0).nonFinite }
        case .float64: tensor.elements(as: Double.self).reduce(0) { $0 + ($1.isFinite ? 0 : 1) }
        case .float16, .bfloat16: (tensor.floats() ?? []).reduce(0) { $0 + ($1.isFinite ? 0 : 1) }
        default: 0
        }
    }

    /// The tensors that `Constant` nodes of a graph provide, by name.
    private static func constants(of graph: Graph) -> [String: Tensor] {
        var tensors: [String: Tensor] = [:]
        for node in graph.nodes where node.isStandard("Constant") {
            guard let name = node.outputs.first, case .tensor(let weight) = node[attribute: "value"] else { continue }
            tensors[name] = weight.dense
        }
        return tensors
    }
}
