import Foundation
import PithModel
import PithTensor

/// An activation of the main graph with the products that read it: what is taken from one is given to the others.
struct SmoothGroup {
    /// The activation.
    let value: String
    /// Positions of the products.
    let nodes: [Int]
    /// Their weights with the axis along which the activation's channels lie.
    let weights: [(name: String, axis: Int)]

    /// The groups of `graph` whose weights are among `eligible` (qualified names), in the order of the graph.
    ///
    /// A weight that is read with several activations is in no group, nor are the others it stands with.
    static func groups(of graph: Graph, eligible: [String: KernelLayers.Entry]) -> [SmoothGroup] {
        var order: [String] = [], nodes: [String: [Int]] = [:], inputs: [String: Set<String>] = [:]
        for (position, node) in graph.nodes.enumerated() {
            guard node.isStandard(oneOf: ["MatMul", "Gemm"]), node.inputs.count > 1,
                let entry = eligible[node.inputs[1]],
                entry.part.layer == .product, graph.weights[node.inputs[1]]?.dense != nil
            else { continue }
            if nodes[node.inputs[0]] == nil { order.append(node.inputs[0]) }
            nodes[node.inputs[0], default: []].append(position)
            inputs[node.inputs[1], default: []].insert(node.inputs[0])
        }
        var captured: Set<String> = []
        for node in graph.nodes { for nested in node.nestedGraphs { captured.formUnion(nested.capturedNames) } }
        return order.compactMap { value in
            let positions = nodes[value] ?? [], names = Set(positions.map { graph.nodes[$0].inputs[1] })
            guard names.allSatisfy({ inputs[$0]?.count == 1 && !captured.contains($0) }) else { return nil }
            let weights = names.sorted().map { (name: $0, axis: 1 - (eligible[$0]?.part.axis ?? 1)) }
            return SmoothGroup(value: value, nodes: positions, weights: weights)
        }
    }

    /// What each channel is divided by so that few reach past `headroom` times the median of their largest magnitudes.
    ///
    /// `factor = 2^round(log2(max|x| / (headroom * median)))`, at least 1. Powers of two keep every product as it is,
    /// but for numbers near the smallest of all.
    /// - Returns: nil where the range of the whole activation would not shrink to `1 / minimumGain` or less.
    static func factors(of maxima: [Float], headroom: Double, minimumGain: Double) -> [Float]? {
        guard let largest = maxima.max(), largest > 0 else { return nil }
        let median = maxima.sorted()[maxima.count / 2], limit = Float(headroom) * median
        guard limit >= Float.leastNormalMagnitude, largest / limit >= Float(minimumGain) else { return nil }
        return maxima.map { maximum in
            let exponent = maximum > limit ? log2(maximum / limit).rounded() : 0
            return Float(sign: .plus, exponent: Int(min(exponent, SmoothGroup.largestExponent)), significand: 1)
        }
    }

    /// Channels are divided by at most 2 to this.
    private static let largestExponent: Float = 24

    /// Divides the activation's channels by `factors` and multiplies the weights' rows of those channels.
    ///
    /// - Returns: The node that divides, to be put before the first product; nil where a weight does not fit.
    func migrate(_ graph: inout Graph, by factors: [Float], names: inout NameSource) -> Node? {
        var scaled: [(name: String, tensor: Tensor)] = []
        for weight in weights {
            guard let tensor = graph.weights[weight.name]?.dense, tensor.shape.rank == 2,
                tensor.shape.dimensions[weight.axis] == factors.count
            else { return nil }
            let columns = tensor.shape.dimensions[1], isRow = weight.axis == 0
            var numbers = tensor.elements(as: Float.self)
            for index in numbers.indices { numbers[index] *= factors[isRow ? index / columns : index % columns] }
            guard numbers.allSatisfy(\.isFinite) else { return nil }
            scaled.append((weight.name, Tensor(numbers, shape: tensor.shape)))
        }
        for (name, tensor) in scaled { graph.weights[name]?.form = .dense(tensor) }
        let inverse = names.make(value, "_smooth"), result = names.make(value, "_smoothed")
        graph.weights[inverse] = Weight(inverse, Tensor(vector: factors.map { 1 / $0 }))
        for position in nodes { graph.nodes[position].inputs[0] = result }
        return Node("Mul", inputs: [value, inverse], outputs: [result])
    }
}
