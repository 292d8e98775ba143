import Foundation
import PithCoding
package import PithFormats
package import PithModel
import PithTensor

/// What a model was made from and how: kept in the model's own properties, so that it can be made again.
///
/// Of every file that had a say the SHA-256 is kept, and no name: `input`; `externalData`, the files that hold its
/// weights, in the order of first use; `data`, the `.npz` or data card and the files that the card names, in its order.
/// The last two are there only when there are such files. The recipe stands without the settings that have their defaults in
/// this version of Pith, which is named: in a small model they would take a part of what was saved.
package struct Provenance {
    /// Key of the property.
    package static let key = "pith.provenance"

    let recipe: Recipe
    let decisions: [String: JSONValue]
    let seed: UInt64
    /// Path of the input.
    let input: String
    /// What was calibrated on and scored; nil without data.
    let dataset: Dataset?

    /// Gathers what had a say; `dataset` is nil when no data was given.
    package init(
        recipe: Recipe, decisions: [String: JSONValue], seed: UInt64, input: String, dataset: Dataset? = nil
    ) {
        self.recipe = recipe
        self.decisions = decisions
        self.seed = seed
        self.input = input
        self.dataset = dataset
    }

    /// Puts the provenance into the model that was made from the input, in place of an older one.
    ///
    /// - Throws: `TensorError` for a file that is gone.
    /// - Complexity: O(bytes of the files).
    package func write(to model: inout Model) throws {
        let folder = URL(fileURLWithPath: input).deletingLastPathComponent()
        let external = try model.externalFiles.map { try Provenance.hash(folder.appendingPathComponent($0).path) }
        let data = try (dataset?.files ?? []).map(Provenance.hash)
        var record: [String: JSONValue] = [
            "pith": .string(PithVersion.current), "input": try Provenance.hash(input),
            "seed": Int(exactly: seed).map { .integer($0) } ?? .string("\(seed)"),
            "recipe": try recipe.withoutDefaults, "decisions": .object(decisions),
        ]
        if !external.isEmpty { record["externalData"] = .array(external) }
        if !data.isEmpty { record["data"] = .array(data) }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let text = String(decoding: try encoder.encode(record), as: UTF8.self)
        model.metadata.removeAll { $0.key == Provenance.key }
        model.metadata.append(Model.Property(key: Provenance.key, value: text))
    }

    private static func hash(_ path: String) throws -> JSONValue {
        .string("sha256:\(SHA256Digest(of: try MappedFile(path: path).storage).hex)")
    }
}

/// The version of Pith.
public enum PithVersion {
    /// Version of this build, after semver.org.
    public static let current = "0.1.0"
}
