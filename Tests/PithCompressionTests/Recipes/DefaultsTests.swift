import Foundation
import PithCompression
import Testing

/// Provenance leaves out settings that have their defaults, and names the version of Pith instead.
struct DefaultsTests {
    @Test func `the defaults of every technique are those of this version`() throws {
        let file = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("PithGolden/defaults.json")
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        let stages = Catalog.techniques.map { Stage($0.init()) }
        let found = try encoder.encode(["\(PithVersion.current)": stages]) + Data("\n".utf8)
        if ProcessInfo.processInfo.environment["PITH_UPDATE_GOLDEN"] == "1" { try found.write(to: file) }
        let wanted = try Data(contentsOf: file)
        #expect(
            found == wanted,
            "Recipes in files that were written before would now mean something else: raise the version, then update the golden file."
        )
    }
}
