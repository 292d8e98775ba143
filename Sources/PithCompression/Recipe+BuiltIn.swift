extension Recipe {
    /// The recipes that come with Pith, by name.
    public static let builtIn: [Recipe] = [
        Recipe(name: "int8", stages: [Stage(CleanUp()), Stage(TransposeSharer()), Stage(StaticQuantizer()), Stage(WeightQuantizer())]),
        Recipe(name: "int8-weights", stages: [Stage(CleanUp()), Stage(TransposeSharer()), Stage(WeightQuantizer())]),
        Recipe(name: "fp16", stages: [Stage(CleanUp()), Stage(TransposeSharer()), Stage(HalfRounder())]),
        Recipe(name: "clean", stages: [Stage(CleanUp())]),
    ]

    /// One sentence about a built-in recipe.
    public static func summary(of name: String) -> String {
        switch name {
        case "int8": "8-bit weights, and 8-bit activations where they are sound and faster; needs data for the latter"
        case "int8-weights":
            "8-bit weights, computed in float: a quarter of the bytes at the same speed, no data needed"
        case "fp16": "weights in 16-bit floats, computed in float32: half the bytes, no data needed"
        case "clean": "the same function in fewer nodes; nothing is rounded"
        default: ""
        }
    }
}
