extension Recipe {
    /// The recipes that come with Pith, those with the smallest output first.
    public static let builtIn: [Recipe] = [
        Recipe(name: "int2", stages: start + [Stage(rounded(bits: 2)), palettes]),
        Recipe(name: "coded", stages: start + [Stage(coded)]),
        Recipe(name: "int4-accurate", stages: start + [Stage(rounded(bits: 4)), palettes]),
        Recipe(name: "int4", stages: start + [Stage(nearest(bits: 4)), palettes]),
        Recipe(name: "mixed", stages: start + [Stage(MixedQuantizer()), palettes]),
        Recipe(name: "trellis", stages: start + [Stage(TrellisCoder())]),
        Recipe(
            name: "int8",
            stages: fused + [
                Stage(StaticQuantizer()), Stage(SmoothMigrator()),
                Stage(DynamicQuantizer(layers: .measured, kernels: .measured)), Stage(WeightQuantizer()), palettes,
            ]),
        Recipe(
            name: "int8-accurate",
            stages: fused + [
                Stage(equalizedWhereBetter),
                Stage(convolutionsForKernels, where: Selector(operators: ["Conv", "ConvTranspose"])),
                Stage(mostAccurate), Stage(SmoothMigrator()), Stage(accurateKernels), Stage(accurateWeights),
                Stage(WeightQuantizer()), palettes,
            ]),
        Recipe(
            name: "int8-dynamic",
            stages: fused + [Stage(SmoothMigrator()), Stage(DynamicQuantizer()), Stage(WeightQuantizer()), palettes]),
        Recipe(name: "int8-weights", stages: start + [Stage(WeightQuantizer()), palettes]),
        Recipe(name: "fp16", stages: start + [Stage(HalfRounder()), palettes]),
        Recipe(name: "clean", stages: [Stage(CleanUp())]),
    ]

    /// The same recipes in a fixed order of what they take from a weight, the gentlest first.
    package static var gentlestFirst: [Recipe] {
        let names = [
            "clean", "fp16", "int8-weights", "int8-accurate", "int8", "int8-dynamic", "trellis", "int4-accurate",
            "mixed", "coded", "int4", "int2",
        ]
        return names.compactMap { name in builtIn.first { $0.name == name } }
    }

    /// One sentence about a built-in recipe.
    public static func summary(of name: String) -> String {
        switch name {
        case "int2": "2-bit weights in blocks of 32, rounded with the help of data, computed in float"
        case "int4-accurate": "4-bit weights in blocks of 32, rounded with the help of data, computed in float"
        case "coded":
            "for .pith files: weights in about 3 bits by trellis-coded quantization with the help of data, computed in float"
        case "int4": "4-bit weights in blocks of 32 by nearest rounding, computed in float, no data needed"
        case "mixed":
            "2 to 8 bits for each weight by how much its rounding is felt, measured on data; computed in float"
        case "trellis":
            "for .pith files: weights in about 5 bits by trellis-coded quantization, computed in float; better with data, which it does not need"
        case "int8": "8-bit weights, and 8-bit activations where they are sound and faster; needs data for the latter"
        case "int8-accurate": "the same with weights rounded with the help of data, and the most accurate fast choice"
        case "int8-dynamic":
            "8-bit weights, and activations rounded to 8 bits in each run: products faster, LSTMs a little; data only helps"
        case "int8-weights":
            "8-bit weights, computed in float: a quarter of the bytes at the same speed, no data needed"
        case "fp16": "weights in 16-bit floats, computed in float32: half the bytes, no data needed"
        case "clean": "the same function in fewer nodes; nothing is rounded"
        default: ""
        }
    }

    private static let palettes = Stage(PaletteSharer())
    private static let start = [Stage(CleanUp()), Stage(TransposeSharer())]
    /// For recipes whose results only ONNX Runtime runs, or runs fast.
    private static let fused = [Stage(CleanUp()), Stage(OperatorFuser()), Stage(TransposeSharer())]

    private static func rounded(bits: Int) -> GPTQQuantizer {
        var technique = GPTQQuantizer()
        technique.bits = bits
        return technique
    }

    private static var coded: TrellisCoder {
        var technique = TrellisCoder()
        technique.step = 0.22
        return technique
    }

    private static func nearest(bits: Int) -> WeightQuantizer {
        var technique = WeightQuantizer()
        technique.grid = rounded(bits: bits).grid
        technique.tableBlockSize = rounded(bits: bits).tableBlockSize
        return technique
    }

    /// Levels as integer kernels take them; what they do not take is rounded later.
    private static var convolutionsForKernels: GPTQQuantizer {
        var technique = rounded(bits: 8)
        technique.grid = WeightQuantizer().grid
        (technique.inputs, technique.overflow) = (.measured, .measured)
        return technique
    }

    /// Levels that are folded to floats, which may have zero points and short scales.
    private static var accurateWeights: GPTQQuantizer {
        var technique = convolutionsForKernels
        (technique.symmetric, technique.scales) = (false, .float16)
        (technique.inputs, technique.overflow) = (.float, .ignored)
        return technique
    }

    /// Kernels that round activations at run time, where they err little, or save much.
    private static var accurateKernels: DynamicQuantizer {
        var technique = DynamicQuantizer(layers: .measured, kernels: .measured)
        (technique.targetSQNR, technique.fastSQNR, technique.minimumSpeedup) = (33, 24, 1.1)
        return technique
    }

    private static var equalizedWhereBetter: CrossLayerEqualizer {
        var technique = CrossLayerEqualizer()
        technique.choice = .measured
        return technique
    }

    private static var mostAccurate: StaticQuantizer {
        var technique = StaticQuantizer()
        (technique.objective, technique.minimumSpeedup) = (.accuracy, 1.1)
        return technique
    }
}
