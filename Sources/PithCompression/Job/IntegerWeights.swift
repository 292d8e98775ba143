import PithModel
import PithTensor

/// Which constants of a model that somebody has quantized already are its weights.
///
/// Scales and zero points, indices and shapes are no weights; which integers are, the operators that read them say.
struct IntegerWeights {
    /// Values of a weight for each element that is stored, by the weight's name: two levels of 4 bits share a byte.
    private var packing: [String: Int] = [:]

    /// Inputs that are weights or biases, by operator (of the standard set or of `com.microsoft`).
    private static let places: [String: [Int]] = [
        "DequantizeLinear": [0], "QLinearConv": [3, 8], "QLinearMatMul": [0, 3], "ConvInteger": [0, 1],
        "MatMulInteger": [0, 1], "MatMulIntegerToFloat": [0, 1], "DynamicQuantizeMatMul": [1], "QGemm": [3, 6],
        "DynamicQuantizeLSTM": [1, 2], "QAttention": [1], "MatMulNBits": [1], "GatherBlockQuantized": [0],
    ]

    /// Operators whose bytes hold several levels.
    private static let packers: Set<String> = ["MatMulNBits", "GatherBlockQuantized"]

    /// Looks at every operator of `graph`, nested graphs included.
    init(_ graph: Graph) {
        graph.forEachGraph { graph, _ in
            for node in graph.nodes where node.domain.isEmpty || node.domain == "com.microsoft" {
                let bits = Self.packers.contains(node.operation) ? node.integer("bits", default: 4) : 8
                for place in Self.places[node.operation] ?? [] where place < node.inputs.count {
                    packing[node.inputs[place]] = (1...8).contains(bits) ? 8 / bits : 1
                }
            }
        }
    }

    /// Parameters that a constant holds, 0 when it is none.
    func count(_ weight: Weight, named name: String) -> Int {
        if weight.type.isFloatingPoint { return weight.shape.count }
        guard weight.type.isInteger, let levels = packing[name] else { return 0 }
        return weight.shape.count * (weight.type == .uint8 ? levels : 1)
    }
}
