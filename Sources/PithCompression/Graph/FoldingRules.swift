import PithModel
import PithTensor

/// Which constant computations may be done ahead.
struct FoldingRules {
    /// Most bytes all results of one round together may be larger than the weights they free.
    static let growthBudget = 1 << 20

    /// Most bytes a group of nodes may add: its results less the weights it frees.
    ///
    /// Floats get less: what makes many of them out of few is likely a compressed weight's way back to numbers.
    static func growthLimit(_ type: ScalarType?) -> Int { type?.isFloatingPoint ?? true ? 4 << 10 : 64 << 10 }

    /// Bytes from which on a weight of narrow numbers counts as stored that way on purpose.
    static let storedBytes = 256

    /// Results that differ from run to run.
    static let random: Set<String> = [
        "Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike",
    ]

    /// Operators that may be computed ahead: arithmetic, and all that moves, picks or counts elements.
    ///
    /// Layers are not among them: constant ones hardly occur, and runtimes do not check all their settings. Neither are
    /// operators of quantized models, sequences and strings.
    private static let computable: Set<String> = {
        let families = [
            ShapeRules.elementwise, ShapeRules.contents, ShapeRules.movement, ShapeRules.reductions,
            ShapeRules.indexing,
        ]
        let left: Set<String> = [
            "BatchNormalization", "DepthToSpace", "DequantizeLinear", "Dropout", "DynamicQuantizeLinear",
            "GroupNormalization", "InstanceNormalization", "LRN", "LayerNormalization", "MeanVarianceNormalization",
            "QuantizeLinear", "RMSNormalization", "ReverseSequence", "SpaceToDepth",
        ]
        let names = families.reduce(into: Set(["MatMul", "Gemm"])) { $0.formUnion($1.keys) }
        return names.subtracting(left)
    }()

    /// Operators that hand elements on unchanged.
    private static let moving: Set<String> = [
        "Concat", "Expand", "Flatten", "Identity", "Reshape", "Slice", "Split", "Squeeze", "Tile", "Transpose",
        "Unsqueeze",
    ]

    /// Operators whose result can not have more elements than their inputs.
    private static let bounded: Set<String> = ["NonZero"]

    /// Whether the node's operator may be computed ahead when all its inputs are constant.
    static func allows(_ node: Node) -> Bool {
        node.domain.isEmpty && computable.contains(node.operation)
            && !node.hasNestedGraphs
            && node.attributes.allSatisfy { if case .opaque = $0.value { false } else { true } }
    }

    /// Whether an integer division is by numbers that processors can not divide by.
    ///
    /// Runtimes do not check them and the process would end; a divisor that is not at hand counts as such a number.
    static func dividesByZero(_ node: Node, divisor: ValueFact?) -> Bool {
        guard ["Div", "Mod"].contains(node.operation), let divisor, !(divisor.element?.isFloatingPoint ?? false) else {
            return false
        }
        return divisor.fixedContent.map { $0.contains(0) || $0.contains(-1) } ?? true
    }

    /// Whether `inputs` are weights kept small on purpose, which computing ahead would undo: integers of at most
    /// 16 bits that are computed with, narrow floats made wider.
    static func unpacks(_ node: Node, inputs: [ValueFact], result: ValueFact) -> Bool {
        guard !moving.contains(node.operation) else { return false }
        return inputs.contains { input in
            guard let element = input.element, (input.byteCount ?? 0) >= storedBytes else { return false }
            if element.isInteger, element.bitWidth <= 16 { return true }
            return element.isFloatingPoint && element.bitWidth <= 16
                && (result.element?.bitWidth ?? 64) > element.bitWidth
        }
    }

    /// Whether the results of one node are known to be of a size that may be computed: at most twice its inputs.
    static func isBounded(_ node: Node, results: [ValueFact], inputBytes: Int) -> Bool {
        var total = 0
        for result in results {
            guard let bytes = result.byteCount else { return bounded.contains(node.operation) && inputBytes <= 4 << 10 }
            let (sum, overflow) = total.addingReportingOverflow(bytes)
            guard !overflow else { return false }
            total = sum
        }
        return total <= 64 << 10 || total / 2 <= inputBytes
    }
}
