package import PithModel
import PithTensor

/// Turns `Min(Max(x, low), high)` with constant bounds, in either order, into one `Clip`, which runtimes fuse.
///
/// The result is the same bit for bit where `low <= high`; elsewhere the pair is left alone. `Max(x, 0)` alone stays.
package struct ClampMerger: GraphPass {
    package static let name = "clamps"

    package init() {}

    package func apply(to model: inout Model, trace: inout WeightTrace) throws -> Bool {
        var names = NameSource(taken: model.graph.allNames)
        return model.rewriteGraphs { graph, scope in
            guard scope.opset >= 6 else { return false }
            let index = GraphIndex(graph)
            var merged: Set<Int> = []
            for position in graph.nodes.indices {
                guard let outer = Bound(graph.nodes[position], graph, scope), let source = index.producers[outer.value],
                    !merged.contains(source), index.onlyReader(of: outer.value) == position,
                    let inner = Bound(graph.nodes[source], graph, scope), inner.isUpper != outer.isUpper
                else { continue }
                let low = inner.isUpper ? outer.bound : inner.bound, high = inner.isUpper ? inner.bound : outer.bound
                guard low <= high else { continue }
                graph.nodes[position] = ClampMerger.clip(
                    inner.value, graph.nodes[position], low, high, opset: scope.opset, &graph, &names)
                merged.insert(source)
            }
            graph.removeNodes(at: merged)
            return !merged.isEmpty
        }
    }

    /// A node that bounds a value by a constant from one side.
    private struct Bound {
        let value: String
        let bound: Float
        let isUpper: Bool

        init?(_ node: Node, _ graph: Graph, _ scope: GraphScope) {
            guard node.isStandard(oneOf: ["Max", "Min"]), node.inputs.count == 2 else { return nil }
            let constants = node.inputs.map { scope.constant($0, in: graph)?.dense }
            guard let position = constants.firstIndex(where: { $0 != nil }), constants[1 - position] == nil,
                let tensor = constants[position], tensor.type == .float32, tensor.count == 1, tensor.shape.rank <= 1,
                let bound = tensor.floats()?.first, bound.isFinite
            else { return nil }
            value = node.inputs[1 - position]
            self.bound = bound
            isUpper = node.operation == "Min"
        }
    }

    /// The `Clip` in place of `node`: bounds are attributes before operator set 11, scalars from then on.
    private static func clip(
        _ input: String, _ node: Node, _ low: Float, _ high: Float, opset: Int, _ graph: inout Graph,
        _ names: inout NameSource
    ) -> Node {
        guard opset >= 11 else {
            let bounds = [Attribute("min", .float(low)), Attribute("max", .float(high))]
            return Node("Clip", inputs: [input], outputs: node.outputs, attributes: bounds, name: node.name)
        }
        let inputs = [low, high].map { bound in
            let name = names.make("clip_bound")
            graph.weights[name] = Weight(name, Tensor(scalar: bound))
            return name
        }
        return Node("Clip", inputs: [input] + inputs, outputs: node.outputs, name: node.name)
    }
}
