import PithModel
import PithTensor

/// Finds nodes that give back one of their inputs unchanged.
struct NoOperation {
    let graph: Graph
    let scope: GraphScope
    let facts: [String: ValueFact]
    let index: GraphIndex

    /// The value that equals the node's first output for every input of the model, nil when none can be proved to.
    func source(of node: Node) -> String? {
        guard node.domain.isEmpty, let first = node.inputs.first, !first.isEmpty, node.outputs.first?.isEmpty == false,
            !node.outputs.dropFirst().contains(where: { !$0.isEmpty && index.isRead($0) })
        else { return nil }
        switch node.operation {
        case "Identity": return first
        case "Dropout": return isInference(node) ? first : nil
        case "Concat", "Sum", "Max", "Min", "Mean": return node.inputs.count == 1 ? first : nil
        case "Split": return node.outputs.count == 1 && keepsShape(node) ? first : nil
        case "Cast", "CastLike": return keepsType(node) ? first : nil
        case "Reshape", "Flatten", "Squeeze", "Unsqueeze": return shapedAncestor(of: node)
        case "Expand", "Tile": return keepsShape(node) ? first : nil
        case "Transpose": return keepsOrder(node) ? first : nil
        case "Slice": return keepsShape(node) && stepsForward(node) ? first : nil
        case "Pad": return padsNothing(node) ? first : nil
        case "Mul": return neutral(node, 1, sides: [0, 1])
        case "Div", "Pow": return neutral(node, 1, sides: [1])
        case "Sub": return neutral(node, 0, sides: [1])
        case "Clip":
            return node.inputs.dropFirst().allSatisfy(\.isEmpty)
                && !node.attributes.contains { ["min", "max"].contains($0.name) } && scope.opset >= 11 ? first : nil
        default: return nil
        }
    }

    private func isInference(_ node: Node) -> Bool {
        if scope.opset < 7 { return node.integer("is_test", default: 0) != 0 }
        guard scope.opset >= 12, node.inputs.count > 2, !node.inputs[2].isEmpty else { return true }
        return facts[node.inputs[2]]?.fixedContent == [0]
    }

    private func keepsShape(_ node: Node) -> Bool {
        guard let own = facts[node.inputs[0]]?.dimensions, let result = facts[node.outputs[0]]?.dimensions else {
            return false
        }
        return own == result
    }

    private func keepsType(_ node: Node) -> Bool {
        guard let own = facts[node.inputs[0]]?.element, own != .string else { return false }
        if node.operation == "CastLike" { return node.inputs.count > 1 && facts[node.inputs[1]]?.element == own }
        return ScalarType(onnxCode: node.integer("to", default: 0)) == own
    }

    /// The nearest value before a chain of reshapes that already has the result's shape; the last state of a recurrent layer of one
    /// step is its whole output.
    private func shapedAncestor(of node: Node) -> String? {
        guard let wanted = facts[node.outputs[0]]?.dimensions else { return nil }
        var value = node.inputs[0]
        for _ in 0..<16 {
            if facts[value]?.dimensions == wanted { return value }
            guard let position = index.producers[value] else { return nil }
            let maker = graph.nodes[position]
            if let state = lastState(of: maker, for: value), facts[state]?.dimensions == wanted { return state }
            guard maker.isReshaping, let next = maker.inputs.first, !next.isEmpty else { return nil }
            value = next
        }
        return nil
    }

    /// The state after the only step of a recurrent layer whose output is `value`.
    private func lastState(of node: Node, for value: String) -> String? {
        guard node.isStandard(oneOf: ["LSTM", "GRU", "RNN"]), node.integer("layout", default: 0) == 0,
            node.outputs.count > 1, node.outputs[0] == value, !node.outputs[1].isEmpty,
            // Shorter sequences end in zeros.
            node.inputs.count < 5 || node.inputs[4].isEmpty, facts[value]?.dimensions?.first?.constant == 1
        else { return nil }
        return node.outputs[1]
    }

    /// Whether a transposition leaves every element where it was: axes of length 1 may move freely.
    private func keepsOrder(_ node: Node) -> Bool {
        if let order = node.integers("perm"), order == Array(order.indices) { return true }
        guard keepsShape(node), let own = facts[node.inputs[0]]?.dimensions else { return false }
        let moving = (node.integers("perm") ?? own.indices.reversed()).filter {
            own.indices.contains($0) && own[$0].constant != 1
        }
        return moving == moving.sorted()
    }

    private func stepsForward(_ node: Node) -> Bool {
        let steps =
            scope.opset < 10 || node.inputs.count < 5 || node.inputs[4].isEmpty
            ? [] : facts[node.inputs[4]]?.fixedContent
        return steps?.allSatisfy { $0 == 1 } ?? false
    }

    private func padsNothing(_ node: Node) -> Bool {
        let stated = node.integers("pads") ?? node.integers("paddings")
        let pads = stated ?? (node.inputs.count > 1 ? facts[node.inputs[1]]?.fixedContent : nil)
        return pads?.allSatisfy { $0 == 0 } ?? false
    }

    /// The other operand when one is a constant full of `value` that neither stretches nor converts it.
    private func neutral(_ node: Node, _ value: Float, sides: [Int]) -> String? {
        guard node.inputs.count == 2, scope.opset >= 7 else { return nil }
        for side in sides {
            let other = node.inputs[1 - side]
            guard let weight = scope.constant(node.inputs[side], in: graph)?.dense, weight.count <= 1 << 16,
                facts[other]?.element == weight.type, let own = facts[other]?.dimensions,
                own == facts[node.outputs[0]]?.dimensions, let numbers = weight.floats(),
                numbers.allSatisfy({ $0 == value && $0.sign == .plus })
            else { continue }
            return other
        }
        return nil
    }
}

extension Node {
    /// Whether this only gives its elements, in order, another shape.
    var isReshaping: Bool { isStandard(oneOf: ["Reshape", "Flatten", "Squeeze", "Unsqueeze"]) }
}
