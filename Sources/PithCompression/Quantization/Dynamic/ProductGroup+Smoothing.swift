import Foundation
import PithModel
import PithTensor

/// How an activation is smoothed by a node: its large channels are divided, and the products that read it make up for that.
extension ProductGroup {
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
            return Float(sign: .plus, exponent: Int(min(exponent, largestExponent)), significand: 1)
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
            let raised = tensor.applying(ChannelTransform(scaling: factors.map(Double.init)), along: weight.axis)
            guard raised.withElements(as: Float.self, { Kernels.range(of: $0).nonFinite == 0 }) else { return nil }
            scaled.append((weight.name, raised))
        }
        for (name, tensor) in scaled { graph.weights[name]?.form = .dense(tensor) }
        let inverse = names.make(value, "_smooth"), result = names.make(value, "_smoothed")
        graph.weights[inverse] = Weight(inverse, Tensor(vector: factors.map { 1 / $0 }))
        for product in products { graph.nodes[product.place.node].inputs[0] = result }
        return Node("Mul", inputs: [value, inverse], outputs: [result])
    }
}
