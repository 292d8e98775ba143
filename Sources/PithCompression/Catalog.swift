/// Every technique a recipe can name.
public enum Catalog {
    /// The techniques, in the order of the documentation.
    public static let techniques: [any Technique.Type] = [
        CleanUp.self, OperatorFuser.self, TransposeSharer.self, PaletteSharer.self, CrossLayerEqualizer.self,
        ActivationAwareMigrator.self, HadamardRotator.self, StaticQuantizer.self, SmoothMigrator.self,
        DynamicQuantizer.self, WeightQuantizer.self, CompandedQuantizer.self, PiecewiseQuantizer.self,
        GPTQQuantizer.self, MixedQuantizer.self, BlockComputer.self, HalfRounder.self, TrellisCoder.self,
    ]

    /// The technique of a name.
    ///
    /// - Throws: `CompressionError` `.unknownTechnique`, which lists those there are.
    public static func technique(named name: String) throws(CompressionError) -> any Technique.Type {
        guard let match = techniques.first(where: { $0.name == name }) else {
            throw CompressionError(
                code: .unknownTechnique, subject: "recipe", problem: "there is no technique named '\(name)'.",
                remedy: "Known: \(names).")
        }
        return match
    }

    static var names: String { techniques.map { $0.name }.joined(separator: ", ") }
}
