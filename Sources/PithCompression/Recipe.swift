import Foundation
import PithFormats

/// An ordered list of stages: read from YAML or JSON, and written into the model it produced.
public struct Recipe: Sendable {
    /// Version of the recipe language this build writes.
    public static let currentVersion = 1

    /// Stages in the order they run.
    public var stages: [Stage]
    /// The name it was asked by, for reports.
    public var name: String

    /// Creates a recipe from its stages.
    public init(name: String, stages: [Stage]) {
        self.name = name
        self.stages = stages
    }
}

extension Recipe: Codable {
    private static let known = ["name", "stages", "version"]

    public init(from decoder: any Decoder) throws {
        let fields = try [String: JSONValue](from: decoder)
        if let unknown = fields.keys.sorted().first(where: { !Recipe.known.contains($0) }) {
            throw CompressionError(
                code: .invalidRecipe, subject: "recipe", problem: "there is no key named '\(unknown)'.",
                remedy: "Known: \(Recipe.known.joined(separator: ", ")).")
        }
        guard fields["version"] == .integer(Recipe.currentVersion) else {
            throw CompressionError(
                code: .invalidRecipe, subject: "recipe", problem: "its version is not \(Recipe.currentVersion).",
                remedy: "Start the file with `version: \(Recipe.currentVersion)`, or use the Pith that wrote it.")
        }
        guard case .array(let stages) = fields["stages"], !stages.isEmpty else {
            throw CompressionError(
                code: .invalidRecipe, subject: "recipe", problem: "it has no stages.",
                remedy: "List at least one under `stages:`.")
        }
        if case .string(let name) = fields["name"] { self.name = name } else { name = "" }
        // Decoded one by one so that the errors of techniques arrive as they are.
        self.stages = try stages.map { stage in
            try JSONDecoder().decode(Stage.self, from: JSONEncoder().encode(stage))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var fields: [String: JSONValue] = ["version": .integer(Recipe.currentVersion)]
        if !name.isEmpty { fields["name"] = .string(name) }
        fields["stages"] = .array(try stages.map { try JSONValue(encoding: $0) })
        try fields.encode(to: encoder)
    }
}
