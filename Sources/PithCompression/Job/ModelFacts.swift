import Foundation
public import PithModel
import PithTensor

/// Sizes of a model.
public struct ModelFacts: Sendable, Hashable {
    /// Floating-point numbers among the constants, and integers that operators read as weights: what people call parameters.
    public let parameterCount: Int
    /// Nodes, nested graphs included.
    public let nodeCount: Int

    /// Counts the parts of `model`; values between nodes do not matter.
    public init(_ model: Model) {
        var parameters = 0, nodes = 0
        let integers = IntegerWeights(model.graph)
        model.graph.forEachGraph { graph, _ in
            nodes += graph.nodes.count
            for weight in graph.weights { parameters += integers.count(weight, named: weight.name) }
            for node in graph.nodes where node.isStandard("Constant") {
                guard case .tensor(let weight) = node[attribute: "value"], let name = node.outputs.first else {
                    continue
                }
                parameters += integers.count(weight, named: name)
            }
        }
        parameterCount = parameters
        nodeCount = nodes
    }

    /// Bytes of a model's file and of the weights it keeps outside.
    public static func fileBytes(of model: Model, at path: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(
            atPath: URL(fileURLWithPath: path).resolvingSymlinksInPath().path)
        var bytes = (attributes[.size] as? NSNumber)?.intValue ?? 0
        model.graph.forEachGraph { graph, _ in
            for weight in graph.weights where weight.isExternal { bytes += weight.byteCount }
        }
        return bytes
    }
}
