import Foundation

/// What is compared with a reference: a model file, or a recipe that is applied to the reference first.
public struct ComparisonCandidate: Sendable {
    /// How the candidate comes about.
    public enum Origin: Sendable {
        /// The file is the candidate.
        case model
        /// The recipe makes it.
        case recipe(Recipe)
    }

    /// The name or path it was given by, which reports call it.
    public let name: String
    public let origin: Origin

    /// Endings of files that hold recipes.
    private static let recipeEndings: Set<String> = ["yaml", "yml", "json"]

    /// Finds what `text` means.
    ///
    /// That is a built-in recipe by its name, a recipe file by its ending (`.yaml`, `.yml`, `.json`), else
    /// a model file. A model called like a recipe is given as `./NAME`.
    ///
    /// - Throws: `CompressionError` `.unknownRecipe` where there is neither, `.invalidRecipe` for a path without a file and others for a
    ///   recipe that can not be followed;
    ///   `FormatError` for a recipe file that can not be read.
    public init(_ text: String) throws {
        name = text
        let isRecipe = ComparisonCandidate.recipeEndings.contains(
            URL(fileURLWithPath: text).pathExtension.lowercased())
        if isRecipe || Recipe.builtIn.contains(where: { $0.name == text }) {
            origin = .recipe(try Recipe.named(text))
            return
        }
        guard FileManager.default.fileExists(atPath: text) else {
            // A name with an ending is a path, and its file is missing.
            let isPath = !URL(fileURLWithPath: text).pathExtension.isEmpty
            let names = Recipe.builtIn.map(\.name).joined(separator: ", ")
            throw CompressionError(
                code: isPath ? .invalidRecipe : .unknownRecipe, subject: "candidate '\(text)'",
                problem: "there is no model file and no recipe of this name.",
                remedy: "Give the path of a model or of a recipe (.yaml), or one of \(names).")
        }
        origin = .model
    }
}
