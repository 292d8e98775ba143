package import PithModel

/// Drops what exporters leave behind: doc strings and metadata of nodes, values, weights and nested graphs.
///
/// The model's own metadata, doc string and producer stay, and so does the doc string of its graph.
package struct TraceStripper: GraphPass {
    package static let name = "traces"

    package init() {}

    /// ONNX field numbers of doc strings and metadata that the reader keeps unread.
    private enum Fields {
        static let node: Set<Int> = [9]
        static let value: Set<Int> = [3, 4]
        static let weight: Set<Int> = [12, 16]
        static let attribute: Set<Int> = [13]
        static let nestedGraph: Set<Int> = [10, 16]
        static let graph: Set<Int> = [16]
    }

    package func apply(to model: inout Model, trace: inout WeightTrace) throws -> Bool { strip(&model) > 0 }

    /// Drops the traces and gives the number of bytes they took in the file, without the lengths around them.
    package func strip(_ model: inout Model) -> Int {
        var dropped = 0
        _ = model.rewriteGraphs { graph, scope in
            let before = dropped
            let isMain = scope.path.steps.isEmpty
            dropped += TraceStripper.strip(&graph.foreign, isMain ? Fields.graph : Fields.nestedGraph)
            for index in graph.nodes.indices { dropped += TraceStripper.strip(&graph.nodes[index]) }
            for index in graph.inputs.indices {
                dropped += TraceStripper.strip(&graph.inputs[index].foreign, Fields.value)
            }
            for index in graph.outputs.indices {
                dropped += TraceStripper.strip(&graph.outputs[index].foreign, Fields.value)
            }
            for index in graph.valueTypes.indices {
                dropped += TraceStripper.strip(&graph.valueTypes[index].foreign, Fields.value)
            }
            for weight in graph.weights where !weight.foreign.isEmpty {
                var bare = weight
                dropped += TraceStripper.strip(&bare.foreign, Fields.weight)
                graph.weights[weight.name] = bare
            }
            return dropped > before
        }
        return dropped
    }

    private static func strip(_ node: inout Node) -> Int {
        var dropped = 0
        if !node.documentation.isEmpty {
            dropped += 2 + node.documentation.utf8.count
            node.documentation = ""
        }
        dropped += strip(&node.foreign, Fields.node)
        for index in node.attributes.indices where !node.attributes[index].foreign.isEmpty {
            dropped += strip(&node.attributes[index].foreign, Fields.attribute)
        }
        return dropped
    }

    private static func strip(_ fields: inout ForeignFields, _ numbers: Set<Int>) -> Int {
        guard !fields.isEmpty else { return 0 }
        let kept = WireFields.removing(numbers, from: fields)
        let dropped = fields.bytes.count - kept.bytes.count
        if dropped > 0 { fields = kept }
        return dropped
    }
}
