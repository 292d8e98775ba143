/// The kinds of stored forms that this reader knows, and what a form of each may have.
enum FormKind: String, CaseIterable, Sendable {
    case halfFloats = "half-floats"
    case groupedIntegers = "grouped-integers"
    case tabledIntegers = "tabled-integers"
    case codebook
    case sparseValues = "sparse-values"
    case packedIntegers = "packed-integers"

    /// The names of all settings that a form of this kind may have.
    var settings: [String] {
        switch self {
        case .groupedIntegers, .tabledIntegers: ["bits", "axis", "block", "padded"]
        case .packedIntegers: ["bits", "offset"]
        case .halfFloats, .codebook, .sparseValues: []
        }
    }

    /// The names of all parts that a form of this kind may have.
    var parts: [String] {
        switch self {
        case .halfFloats: ["numbers"]
        case .groupedIntegers: ["levels", "scales", "zero-points"]
        case .tabledIntegers: ["codes", "scales", "table"]
        case .codebook: ["indices", "values"]
        case .sparseValues: ["values", "indices"]
        case .packedIntegers: ["bytes", "bits-4", "bits-2", "bits-1"]
        }
    }
}
