import Foundation
import PithCoding
import PithModel
import PithTensor

/// What a model was made from and how: kept in the model's own properties, so that it can be made again.
package struct Provenance {
    /// Key of the property.
    package static let key = "pith.provenance"

    let recipe: Recipe
    let decisions: [String: JSONValue]
    let seed: UInt64
    /// Path of the input; its hash is kept, not its name.
    let input: String

    /// Puts the provenance into the model, in place of an older one.
    func write(to model: inout Model) throws {
        let digest = SHA256Digest(of: try MappedFile(path: input).storage).hex
        let record: [String: JSONValue] = [
            "pith": .string(PithVersion.current), "input": .string("sha256:\(digest)"),
            "seed": Int(exactly: seed).map { .integer($0) } ?? .string("\(seed)"),
            "recipe": try JSONValue(encoding: recipe), "decisions": .object(decisions),
        ]
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let text = String(decoding: try encoder.encode(record), as: UTF8.self)
        model.metadata.removeAll { $0.key == Provenance.key }
        model.metadata.append(Model.Property(key: Provenance.key, value: text))
    }
}

/// The version of Pith.
public enum PithVersion {
    /// Version of this build, after semver.org.
    public static let current = "0.1.0"
}
