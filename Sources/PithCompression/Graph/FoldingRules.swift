import PithModel
import PithTensor

/// Which constant computations may be done ahead.
struct FoldingRules {
    /// Most bytes one result may be larger than the weights it frees.
    static let growthLimit = 64 << 10

    /// Bytes from which on a weight of narrow numbers counts as stored that way on purpose.
    static let storedBytes = 256

    /// Results that differ from run to run.
    static let random: Set<String> = [
        "Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike",
    ]

    /// Operators that belong to a quantized model, and those whose results are no tensors.
    private static let kept: Set<String> = [
        "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "QLinearConv", "QLinearMatMul", "MatMulInteger",
        "ConvInteger", "SequenceConstruct", "SequenceEmpty", "SequenceInsert", "SequenceErase", "SplitToSequence",
        "Optional", "OptionalGetElement", "OptionalHasElement", "SequenceAt", "SequenceLength", "ConcatFromSequence",
        "SequenceMap", "StringNormalizer", "TfIdfVectorizer", "If", "Loop", "Scan", "Constant",
    ]

    /// Operators that hand elements on unchanged.
    private static let moving: Set<String> = [
        "Concat", "Expand", "Flatten", "Identity", "Reshape", "Slice", "Split", "Squeeze", "Tile", "Transpose", "Unsqueeze",
    ]

    /// Operators whose result can not have more elements than their inputs.
    private static let bounded: Set<String> = ["Compress", "Unique", "NonZero"]

    /// Whether the node's operator may be computed ahead when all its inputs are constant.
    static func allows(_ node: Node) -> Bool {
        node.domain.isEmpty && !random.contains(node.operation) && !kept.contains(node.operation) && !node.hasNestedGraphs
            && node.attributes.allSatisfy { if case .opaque = $0.value { false } else { true } }
    }

    /// Whether `inputs` are weights kept small on purpose, which computing ahead would undo: integers of at most
    /// 8 bits that are computed with, narrow floats made wider.
    static func unpacks(_ node: Node, inputs: [ValueFact], result: ValueFact) -> Bool {
        guard !moving.contains(node.operation) else { return false }
        return inputs.contains { input in
            guard let element = input.element, (input.byteCount ?? 0) >= storedBytes else { return false }
            if element.isInteger, element.bitWidth <= 8 { return true }
            return element.isFloatingPoint && element.bitWidth <= 16 && (result.element?.bitWidth ?? 64) > element.bitWidth
        }
    }

    /// Whether the result stays small: at most what it frees and `growthLimit` more.
    static func fits(_ node: Node, results: [ValueFact], freed: Int, inputBytes: Int) -> Bool {
        var total = 0
        for result in results {
            guard let bytes = result.byteCount else {
                return bounded.contains(node.operation) && inputBytes <= growthLimit / 16
            }
            let (sum, overflow) = total.addingReportingOverflow(bytes)
            guard !overflow else { return false }
            total = sum
        }
        return total <= growthLimit || total - freed <= growthLimit
    }
}
