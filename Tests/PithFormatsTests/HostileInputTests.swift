import Foundation
import PithHostileInput
import Testing

/// What fuzzing found, and damage that needs no luck to find: readers must return or throw an error of their own.
@Suite struct HostileInputTests {
    private static let cases = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Fuzz/FailCases")

    /// A reader by name, for messages.
    struct Named: Sendable, CustomTestStringConvertible {
        let reader: HostileReader
        var testDescription: String { reader.name }
        static let all = HostileReader.all.map { Named(reader: $0) }
    }

    @Test(arguments: Named.all) func `a reader takes its own seeds`(_ named: Named) throws {
        let seeds = try named.reader.seeds()
        #expect(!seeds.isEmpty)
        for seed in seeds { #expect(named.reader.read(seed)) }
    }

    @Test(arguments: Named.all) func `truncations and changed bits of the seeds end no reader`(_ named: Named) throws {
        for seed in try named.reader.seeds() {
            var refused = 0
            for damaged in Damage.truncations(of: seed) + Damage.flips(of: seed) where !named.reader.read(damaged) {
                refused += 1
            }
            #expect(refused > 0)
        }
    }

    @Test(arguments: Named.all) func `what fuzzing found ends no reader`(_ named: Named) throws {
        let folder = Self.cases.appendingPathComponent(named.reader.name)
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder.path))?.sorted() ?? [] {
            _ = named.reader.read([UInt8](try Data(contentsOf: folder.appendingPathComponent(name))))
        }
    }
}
