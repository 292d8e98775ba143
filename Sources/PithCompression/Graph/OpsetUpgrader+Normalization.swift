import PithModel
import PithTensor

/// Rules for operators with a training form, and for those whose older form has no counterpart.
extension OpsetUpgrader {
    @Sendable static func batchNormalization9(_ node: Node, _ bench: inout Workbench) throws(CompressionError) -> [Node]
    {
        var node = node
        guard node.integer("spatial", default: 1) == 1 else {
            throw refusal(node, "its statistics for each place ('spatial' 0) left the standard in operator set 9.")
        }
        node[attribute: "spatial"] = nil
        return [node]
    }

    /// Outputs past the first meant training.
    @Sendable static func batchNormalization14(_ node: Node, _ bench: inout Workbench) throws(CompressionError)
        -> [Node]
    {
        var node = node
        guard node.outputs.dropFirst().allSatisfy(\.isEmpty) else {
            throw refusal(node, "it is in training mode: it has outputs for its running statistics.", remedy: inference)
        }
        node.outputs = Array(node.outputs.prefix(1))
        return [node]
    }

    /// The mask changed its type in 10 and its meaning outside of training in 12; nobody may read it.
    @Sendable static func droppedMask(_ node: Node, _ bench: inout Workbench) throws(CompressionError) -> [Node] {
        var node = node
        guard node.outputs.count > 1 else { return [node] }
        guard !bench.facts.readNames.contains(node.outputs[1]) else {
            throw refusal(
                node, "its mask '\(node.outputs[1])' is read, which has another meaning in newer sets.",
                remedy: inference)
        }
        node.outputs = Array(node.outputs.prefix(1))
        return [node]
    }

    /// The rate matters in training only, which needs an input to be asked for since 12.
    @Sendable static func dropout12(_ node: Node, _ bench: inout Workbench) throws(CompressionError) -> [Node] {
        var nodes = try droppedMask(node, &bench)
        nodes[0][attribute: "ratio"] = nil
        return nodes
    }

    @Sendable static func groupNormalization21(_ node: Node, _ bench: inout Workbench) throws(CompressionError)
        -> [Node]
    {
        throw refusal(node, "its scale and bias are for groups, since operator set 21 they are for channels.")
    }

    @Sendable static func scan9(_ node: Node, _ bench: inout Workbench) throws(CompressionError) -> [Node] {
        throw refusal(node, "it runs over batches of sequences of their own lengths, which operator set 9 took away.")
    }

    /// Infinity became NaN in the two 8-bit formats without infinity and without negative zero; since 24 it saturates.
    @Sendable static func cast24(_ node: Node, _ bench: inout Workbench) throws(CompressionError) -> [Node] {
        guard [18, 20].contains(node.integer("to", default: 0)), node.integer("saturate", default: 1) != 0 else {
            return [node]
        }
        throw refusal(node, "casts of infinity to this 8-bit format have another result since operator set 24.")
    }

    @Sendable static func castLike24(_ node: Node, _ bench: inout Workbench) throws(CompressionError) -> [Node] {
        guard node.integer("saturate", default: 1) != 0 else { return [node] }
        let type = node.inputs.count > 1 ? bench.facts.type(of: node.inputs[1]) : nil
        guard let type, type != .float8e4m3fnuz, type != .float8e5m2fnuz else {
            throw refusal(
                node, "it may cast to an 8-bit format for which infinity has another result since operator set 24.",
                remedy: "Run shape inference over the model first, so that it states the types of its values.")
        }
        return [node]
    }

    private static let inference = "Export the model for inference (evaluation mode)."
}
