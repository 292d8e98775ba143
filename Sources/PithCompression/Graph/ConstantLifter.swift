package import PithModel
import PithTensor

/// Turns `Constant` nodes into weights of the graph they stand in.
///
/// Every kind of value is taken: tensors, numbers, lists and strings. Sparse values stay nodes.
package struct ConstantLifter: GraphPass {
    package static let name = "constants"

    package init() {}

    package func apply(to model: inout Model, trace: inout WeightTrace) throws -> Bool {
        let changed = try model.rewriteGraphs { graph, scope in
            var lifted: Set<Int> = []
            for (index, node) in graph.nodes.enumerated() where node.isStandard("Constant") {
                guard let output = node.outputs.first, !output.isEmpty, node.outputs.count == 1,
                    let weight = try ConstantLifter.weight(of: node, named: output)
                else { continue }
                graph.weights[output] = weight
                let name = scope.path.qualified(output)
                trace.record([name], into: [name], note: "a Constant node before")
                lifted.insert(index)
            }
            graph.removeNodes(at: lifted)
            graph.pruneValueTypes()
            return !lifted.isEmpty
        }
        if changed { model.formatVersion = max(model.formatVersion, 4) }
        return changed
    }

    /// The value of a `Constant` node as a weight called `name`.
    private static func weight(of node: Node, named name: String) throws -> Weight? {
        guard let attribute = node.attributes.first(where: { $0.name.hasPrefix("value") }) else { return nil }
        switch attribute.value {
        case .tensor(var weight):
            weight.name = name
            return weight
        case .integer(let value): return Weight(name, Tensor(scalar: value))
        case .float(let value): return Weight(name, Tensor(scalar: value))
        case .integers(let values): return Weight(name, Tensor(vector: values))
        case .floats(let values): return Weight(name, Tensor(vector: values))
        case .string(let bytes): return Weight(name, try Tensor(strings: [bytes], shape: .scalar))
        case .strings(let list): return Weight(name, try Tensor(strings: list, shape: .vector(list.count)))
        default: return nil
        }
    }
}
