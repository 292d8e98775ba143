// Made from the schemas of the onnx package 1.23.2: for each operator of the domain "" the versions up to 25.
extension OpsetUpgrader {
    /// When an operator entered the standard set, was revised, and left it.
    package struct History: Sendable {
        package let introduced: Int
        /// Versions past 7 with a new definition; those without a rule keep the meaning of every older node.
        package let revisions: [Int]
        /// First version without the operator; nil while it lives.
        package fileprivate(set) var withdrawn: Int?

        fileprivate static func since(_ introduced: Int, revised revisions: Int...) -> History {
            History(introduced: introduced, revisions: revisions)
        }

        fileprivate func until(_ version: Int) -> History {
            History(introduced: introduced, revisions: revisions, withdrawn: version)
        }
    }

    /// Every operator of the standard set up to version 25.
    package static let histories: [String: History] = [
        "Abs": .since(1, revised: 13), "Acos": .since(7, revised: 22), "Acosh": .since(9, revised: 22),
        "Add": .since(1, revised: 13, 14), "AffineGrid": .since(20), "And": .since(1),
        "ArgMax": .since(1, revised: 11, 12, 13), "ArgMin": .since(1, revised: 11, 12, 13),
        "Asin": .since(7, revised: 22), "Asinh": .since(9, revised: 22), "Atan": .since(7, revised: 22),
        "Atanh": .since(9, revised: 22), "Attention": .since(23, revised: 24, 25),
        "AveragePool": .since(1, revised: 10, 11, 19, 22), "BatchNormalization": .since(1, revised: 9, 14, 15),
        "Bernoulli": .since(15, revised: 22), "BitShift": .since(11), "BitwiseAnd": .since(18),
        "BitwiseNot": .since(18), "BitwiseOr": .since(18), "BitwiseXor": .since(18), "BlackmanWindow": .since(17),
        "Cast": .since(1, revised: 9, 13, 19, 21, 23, 24, 25), "CastLike": .since(15, revised: 19, 21, 23, 24, 25),
        "Ceil": .since(1, revised: 13), "Celu": .since(12), "CenterCropPad": .since(18),
        "Clip": .since(1, revised: 11, 12, 13), "Col2Im": .since(18), "Compress": .since(9, revised: 11),
        "Concat": .since(1, revised: 11, 13), "ConcatFromSequence": .since(11),
        "Constant": .since(1, revised: 9, 11, 12, 13, 19, 21, 23, 24, 25),
        "ConstantOfShape": .since(9, revised: 20, 21, 23, 24, 25), "Conv": .since(1, revised: 11, 22),
        "ConvInteger": .since(10), "ConvTranspose": .since(1, revised: 11, 22), "Cos": .since(7, revised: 22),
        "Cosh": .since(9, revised: 22), "CumSum": .since(11, revised: 14), "DFT": .since(17, revised: 20),
        "DeformConv": .since(19, revised: 22), "DepthToSpace": .since(1, revised: 11, 13),
        "DequantizeLinear": .since(10, revised: 13, 19, 21, 23, 24, 25), "Det": .since(11, revised: 22),
        "Div": .since(1, revised: 13, 14), "Dropout": .since(1, revised: 10, 12, 13, 22),
        "DynamicQuantizeLinear": .since(11), "Einsum": .since(12), "Elu": .since(1, revised: 22),
        "Equal": .since(1, revised: 11, 13, 19), "Erf": .since(9, revised: 13), "Exp": .since(1, revised: 13),
        "Expand": .since(8, revised: 13), "EyeLike": .since(9, revised: 22),
        "Flatten": .since(1, revised: 9, 11, 13, 21, 23, 24, 25), "Floor": .since(1, revised: 13),
        "GRU": .since(1, revised: 14, 22), "Gather": .since(1, revised: 11, 13),
        "GatherElements": .since(11, revised: 13), "GatherND": .since(11, revised: 12, 13), "Gelu": .since(20),
        "Gemm": .since(1, revised: 9, 11, 13), "GlobalAveragePool": .since(1, revised: 22),
        "GlobalLpPool": .since(1, revised: 22), "GlobalMaxPool": .since(1, revised: 22),
        "Greater": .since(1, revised: 9, 13), "GreaterOrEqual": .since(12, revised: 16),
        "GridSample": .since(16, revised: 20, 22), "GroupNormalization": .since(18, revised: 21),
        "HammingWindow": .since(17), "HannWindow": .since(17), "HardSigmoid": .since(1, revised: 22),
        "HardSwish": .since(14, revised: 22), "Hardmax": .since(1, revised: 11, 13),
        "Identity": .since(1, revised: 13, 14, 16, 19, 21, 23, 24, 25),
        "If": .since(1, revised: 11, 13, 16, 19, 21, 23, 24, 25), "ImageDecoder": .since(20),
        "InstanceNormalization": .since(1, revised: 22), "IsInf": .since(10, revised: 20),
        "IsNaN": .since(9, revised: 13, 20), "LRN": .since(1, revised: 13), "LSTM": .since(1, revised: 14, 22),
        "LayerNormalization": .since(17), "LeakyRelu": .since(1, revised: 16), "Less": .since(1, revised: 9, 13),
        "LessOrEqual": .since(12, revised: 16), "Log": .since(1, revised: 13),
        "LogSoftmax": .since(1, revised: 11, 13), "Loop": .since(1, revised: 11, 13, 16, 19, 21, 23, 24, 25),
        "LpNormalization": .since(1, revised: 22), "LpPool": .since(1, revised: 11, 18, 22),
        "MatMul": .since(1, revised: 9, 13), "MatMulInteger": .since(10), "Max": .since(1, revised: 8, 12, 13),
        "MaxPool": .since(1, revised: 8, 10, 11, 12, 22), "MaxRoiPool": .since(1, revised: 22),
        "MaxUnpool": .since(9, revised: 11, 22), "Mean": .since(1, revised: 8, 13),
        "MeanVarianceNormalization": .since(9, revised: 13), "MelWeightMatrix": .since(17),
        "Min": .since(1, revised: 8, 12, 13), "Mish": .since(18, revised: 22), "Mod": .since(10, revised: 13),
        "Mul": .since(1, revised: 13, 14), "Multinomial": .since(7, revised: 22), "Neg": .since(1, revised: 13),
        "NegativeLogLikelihoodLoss": .since(12, revised: 13, 22), "NonMaxSuppression": .since(10, revised: 11),
        "NonZero": .since(9, revised: 13), "Not": .since(1), "OneHot": .since(9, revised: 11),
        "Optional": .since(15), "OptionalGetElement": .since(15, revised: 18),
        "OptionalHasElement": .since(15, revised: 18), "Or": .since(1), "PRelu": .since(1, revised: 9, 16),
        "Pad": .since(1, revised: 11, 13, 18, 19, 21, 23, 24, 25), "Pow": .since(1, revised: 12, 13, 15),
        "QLinearConv": .since(10), "QLinearMatMul": .since(10, revised: 21),
        "QuantizeLinear": .since(10, revised: 13, 19, 21, 23, 24, 25), "RMSNormalization": .since(23),
        "RNN": .since(1, revised: 14, 22), "RandomNormal": .since(1, revised: 22),
        "RandomNormalLike": .since(1, revised: 22), "RandomUniform": .since(1, revised: 22),
        "RandomUniformLike": .since(1, revised: 22), "Range": .since(11), "Reciprocal": .since(1, revised: 13),
        "ReduceL1": .since(1, revised: 11, 13, 18), "ReduceL2": .since(1, revised: 11, 13, 18),
        "ReduceLogSum": .since(1, revised: 11, 13, 18), "ReduceLogSumExp": .since(1, revised: 11, 13, 18),
        "ReduceMax": .since(1, revised: 11, 12, 13, 18, 20), "ReduceMean": .since(1, revised: 11, 13, 18),
        "ReduceMin": .since(1, revised: 11, 12, 13, 18, 20), "ReduceProd": .since(1, revised: 11, 13, 18),
        "ReduceSum": .since(1, revised: 11, 13), "ReduceSumSquare": .since(1, revised: 11, 13, 18),
        "RegexFullMatch": .since(20), "Relu": .since(1, revised: 13, 14),
        "Reshape": .since(1, revised: 13, 14, 19, 21, 23, 24, 25), "Resize": .since(10, revised: 11, 13, 18, 19),
        "ReverseSequence": .since(10), "RoiAlign": .since(10, revised: 16, 22), "RotaryEmbedding": .since(23),
        "Round": .since(11, revised: 22), "STFT": .since(17),
        "Scan": .since(8, revised: 9, 11, 16, 19, 21, 23, 24, 25), "Scatter": .since(9).until(11),
        "ScatterElements": .since(11, revised: 13, 16, 18), "ScatterND": .since(11, revised: 13, 16, 18),
        "Selu": .since(1, revised: 22), "SequenceAt": .since(11), "SequenceConstruct": .since(11),
        "SequenceEmpty": .since(11), "SequenceErase": .since(11), "SequenceInsert": .since(11),
        "SequenceLength": .since(11), "SequenceMap": .since(17),
        "Shape": .since(1, revised: 13, 15, 19, 21, 23, 24, 25), "Shrink": .since(9),
        "Sigmoid": .since(1, revised: 13), "Sign": .since(9, revised: 13), "Sin": .since(7, revised: 22),
        "Sinh": .since(9, revised: 22), "Size": .since(1, revised: 13, 19, 21, 23, 24, 25),
        "Slice": .since(1, revised: 10, 11, 13), "Softmax": .since(1, revised: 11, 13),
        "SoftmaxCrossEntropyLoss": .since(12, revised: 13), "Softplus": .since(1, revised: 22),
        "Softsign": .since(1, revised: 22), "SpaceToDepth": .since(1, revised: 13),
        "Split": .since(1, revised: 11, 13, 18), "SplitToSequence": .since(11, revised: 24),
        "Sqrt": .since(1, revised: 13), "Squeeze": .since(1, revised: 11, 13, 21, 23, 24, 25),
        "StringConcat": .since(20), "StringNormalizer": .since(10), "StringSplit": .since(20),
        "Sub": .since(1, revised: 13, 14), "Sum": .since(1, revised: 8, 13), "Swish": .since(24),
        "Tan": .since(7, revised: 22), "Tanh": .since(1, revised: 13), "TensorScatter": .since(24),
        "TfIdfVectorizer": .since(9), "ThresholdedRelu": .since(10, revised: 22), "Tile": .since(1, revised: 13),
        "TopK": .since(1, revised: 10, 11, 24), "Transpose": .since(1, revised: 13, 21, 23, 24, 25),
        "Trilu": .since(14), "Unique": .since(11), "Unsqueeze": .since(1, revised: 11, 13, 21, 23, 24, 25),
        "Upsample": .since(1, revised: 9).until(10), "Where": .since(9, revised: 16), "Xor": .since(1),
    ]
}
