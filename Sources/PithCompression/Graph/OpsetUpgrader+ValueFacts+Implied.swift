import PithModel
import PithTensor

extension OpsetUpgrader.ValueFacts {
    /// Element type of a node's output that its operator fixes or takes over from an input.
    func impliedType(of node: Node, output index: Int) -> ScalarType? {
        switch node.operation {
        case "Shape", "Size", "NonZero", "ArgMax", "ArgMin": .int64
        case "Equal", "Greater", "Less", "GreaterOrEqual", "LessOrEqual", "And", "Or", "Xor", "Not", "IsNaN", "IsInf":
            .bool
        case "Cast": OpsetUpgrader.scalarType(code: node.integer("to", default: 0))
        case "ConstantOfShape":
            if case .tensor(let weight) = node[attribute: "value"] { weight.type } else { .float32 }
        case "DequantizeLinear", "Where", "CastLike": type(ofInput: 1, of: node)
        case "OneHot": type(ofInput: 2, of: node)
        case "TopK", "MaxPool": index == 0 ? type(ofInput: 0, of: node) : .int64
        case "Dropout": index == 0 ? type(ofInput: 0, of: node) : nil
        default: Self.typeKeepers.contains(node.operation) ? type(ofInput: 0, of: node) : nil
        }
    }

    /// Number of axes of a node's output that its operator fixes or takes over from its inputs.
    func impliedRank(of node: Node, output index: Int) -> Int? {
        let first = rank(ofInput: 0, of: node)
        switch node.operation {
        case "Size": return 0
        case "Shape": return 1
        case "Gemm", "Flatten", "NonZero": return 2
        case "LSTM", "GRU", "RNN": return index == 0 ? 4 : 3
        case "Gather": return sum(first, rank(ofInput: 1, of: node), less: 1)
        case "Unsqueeze": return sum(first, axes(of: node)?.count)
        case "Squeeze": return sum(first, axes(of: node).map { -$0.count })
        case "Reshape": return length(ofInput: 1, of: node)
        case "ConstantOfShape": return length(ofInput: 0, of: node)
        case "Expand": return largest([first, length(ofInput: 1, of: node)])
        case "MatMul":
            guard let first, let second = rank(ofInput: 1, of: node), first > 1, second > 1 else { return nil }
            return max(first, second)
        case "ArgMax", "ArgMin": return node.integer("keepdims", default: 1) == 1 ? first : sum(first, -1)
        default:
            if Self.rankKeepers.contains(node.operation) { return first }
            if node.operation.hasPrefix("Reduce") { return node.integer("keepdims", default: 1) == 1 ? first : nil }
            guard Self.broadcasters.contains(node.operation) else { return nil }
            return largest(node.inputs.indices.map { rank(ofInput: $0, of: node) })
        }
    }

    private func type(ofInput index: Int, of node: Node) -> ScalarType? {
        index < node.inputs.count ? type(of: node.inputs[index]) : nil
    }

    private func rank(ofInput index: Int, of node: Node) -> Int? {
        index < node.inputs.count ? rank(of: node.inputs[index]) : nil
    }

    /// Elements of an input that is a vector of sizes.
    private func length(ofInput index: Int, of node: Node) -> Int? {
        guard index < node.inputs.count, let shape = dimensions(of: node.inputs[index]), shape.count == 1 else {
            return nil
        }
        return shape[0].length
    }

    private func axes(of node: Node) -> [Int]? {
        node.integers("axes") ?? (node.inputs.count > 1 ? constant(node.inputs[1])?.integers() : nil)
    }

    private func sum(_ left: Int?, _ right: Int?, less: Int = 0) -> Int? {
        guard let left, let right else { return nil }
        let rank = left + right - less
        return rank >= 0 ? rank : nil
    }

    private func largest(_ ranks: [Int?]) -> Int? {
        let known = ranks.compactMap { $0 }
        return known.count == ranks.count ? known.max() : nil
    }

    /// Operators whose outputs have as many axes as their first input.
    private static let rankKeepers: Set<String> = elementwise.union([
        "AveragePool", "BatchNormalization", "Concat", "Conv", "ConvTranspose", "CumSum", "DepthToSpace",
        "GlobalAveragePool", "GlobalMaxPool", "Hardmax", "InstanceNormalization", "LRN", "LogSoftmax", "LpPool",
        "MaxPool", "Pad", "Resize", "Scatter", "ScatterElements", "Slice", "Softmax", "SpaceToDepth", "Split", "Tile",
        "TopK", "Transpose", "Upsample",
    ])

    /// Operators whose outputs have the element type of their first input.
    private static let typeKeepers: Set<String> = rankKeepers.union(broadcasters)
        .subtracting(["Cast", "CastLike", "Where"])
        .union([
            "Compress", "Expand", "Flatten", "GRU", "Gather", "GatherElements", "GatherND", "Gemm", "LSTM", "MatMul",
            "RNN", "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin",
            "ReduceProd", "ReduceSum", "ReduceSumSquare", "Reshape", "ScatterND", "Squeeze", "Unsqueeze",
        ])

    private static let broadcasters: Set<String> = [
        "Add", "Div", "Max", "Mean", "Min", "Mod", "Mul", "PRelu", "Pow", "Sub", "Sum", "Where",
    ]

    private static let elementwise: Set<String> = [
        "Abs", "Cast", "CastLike", "Ceil", "Clip", "Cos", "Dropout", "Elu", "Erf", "Exp", "Floor", "HardSigmoid",
        "HardSwish", "Identity", "LeakyRelu", "Log", "Neg", "Reciprocal", "Relu", "Round", "Selu", "Sigmoid", "Sign",
        "Sin", "Softplus", "Softsign", "Sqrt", "Tanh", "ThresholdedRelu",
    ]
}
