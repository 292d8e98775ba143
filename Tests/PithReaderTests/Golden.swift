import Foundation
import PithReader

/// A file that a released version wrote.
struct Golden: Sendable, CustomStringConvertible {
    let name: String
    /// The first half of the SHA-256 of the file that was packed.
    let hash: String

    var description: String { name }

    static let files = [
        Golden(name: "version-1-forms.pith", hash: "87c8b1cce2658c6cb299d9607f9ea8b2"),
        Golden(name: "version-1-levels.pith", hash: "e0a4b4cf0e6b02da55d043012d06acbe"),
        Golden(name: "version-1-parts.pith", hash: "f1aae7ade2e865dc72208e0565da9f63"),
        Golden(name: "version-1-tables.pith", hash: "8ada88050940fcd4773d05418231d3e6"),
        Golden(name: "version-1.pith", hash: "936e548de0c735def01c2620a08d5af7"),
    ]

    func bytes() throws -> [UInt8] {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        return [UInt8](try Data(contentsOf: folder.appendingPathComponent("PithGolden/container/\(name)")))
    }

    /// The first half of the SHA-256 of `bytes`, in hexadecimal digits.
    static func hash(_ bytes: [UInt8]) -> String {
        var hash = SHA256()
        hash.update(bytes, 0..<bytes.count)
        return hash.digest().prefix(16).map { byte in
            (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
    }
}
