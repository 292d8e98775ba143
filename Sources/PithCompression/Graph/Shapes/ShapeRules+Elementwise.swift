import PithModel
import PithTensor

extension ShapeRules {
    /// Operators whose output has the shape of their input, or of their inputs stretched to each other.
    static let elementwise: [String: ShapeRule] = {
        var rules: [String: ShapeRule] = [:]
        for name in unaryNames { rules[name] = sameAsFirst }
        for name in variadicNames {
            rules[name] = { [ValueFact(element: $0.element(), dimensions: $0.broadcast(inputs: 0..<$0.inputs.count))] }
        }
        for name in floatTests { rules[name] = { [ValueFact(element: .bool, dimensions: $0.dimensions())] } }
        rules["PRelu"] = sameAsFirst
        rules["BatchNormalization"] = sameAsFirst
        rules["Dropout"] = {
            [
                ValueFact(element: $0.element(), dimensions: $0.dimensions()),
                ValueFact(element: .bool, dimensions: $0.dimensions()),
            ]
        }
        rules["LayerNormalization"] = sameAsFirst
        rules["QuantizeLinear"] = { node in
            let stated = ScalarType(onnxCode: node.node.integer("output_dtype", default: 0))
            return [ValueFact(element: node.element(2) ?? stated ?? .uint8, dimensions: node.dimensions())]
        }
        rules["DequantizeLinear"] = { node in
            let stated = ScalarType(onnxCode: node.node.integer("output_dtype", default: 0))
            return [ValueFact(element: stated ?? node.element(1), dimensions: node.dimensions())]
        }
        rules["DynamicQuantizeLinear"] = { node in
            [
                ValueFact(element: .uint8, dimensions: node.dimensions()), ValueFact(element: .float32, dimensions: []),
                ValueFact(element: .uint8, dimensions: []),
            ]
        }
        return rules
    }()

    private static let sameAsFirst: ShapeRule = { [ValueFact(element: $0.element(), dimensions: $0.dimensions())] }

    private static let unaryNames = [
        "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "BitwiseNot", "Ceil", "Celu", "Clip", "Cos", "Cosh",
        "CumSum",
        "Elu", "Erf", "Exp", "Floor", "Gelu", "GroupNormalization", "HardSigmoid", "HardSwish", "Hardmax",
        "InstanceNormalization", "LRN", "LeakyRelu", "Log", "LogSoftmax", "LpNormalization",
        "MeanVarianceNormalization",
        "Mish", "RMSNormalization", "Reciprocal", "Relu", "Round", "ScatterElements", "ScatterND", "Selu", "Shrink",
        "Sigmoid", "Sign", "Sin",
        "Sinh", "Softmax", "Softplus", "Softsign", "Sqrt", "Swish", "Tan", "Tanh", "ThresholdedRelu", "Trilu",
        "ReverseSequence",
    ]

    private static let variadicNames = ["Mean", "Pow", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "BitShift", "Xor"]

    private static let floatTests = ["IsNaN", "IsInf"]
}
