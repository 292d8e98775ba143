import Foundation
import PithFormats
import PithTensor
import PithTestSupport
import Testing

@Suite struct HostileContainerTests {
    /// A container of two small arrays, a few hundred bytes.
    private static func small(_ folder: ScratchFolder) async throws -> (packed: [UInt8], model: [UInt8]) {
        let model = ContainerSamples.safetensors([
            ("a", "I8", [40], (0..<40).map { UInt8($0 * 5 & 63) }), ("b", "F32", [2], [0, 0, 128, 63, 0, 0, 0, 64]),
        ])
        let source = try folder.write(model, to: "m.safetensors")
        return (try await ContainerSamples.pack(source, to: folder.path("m.pith")), model)
    }

    /// Whether a damaged container is refused; one that is accepted must give the model.
    private static func refuses(_ bytes: [UInt8], _ folder: ScratchFolder, _ model: [UInt8]) async throws -> Bool {
        let path = try folder.write(bytes, to: "x.pith"), target = folder.path("x.safetensors")
        defer { try? FileManager.default.removeItem(atPath: target) }
        do {
            try await ContainerSamples.unpack(path, to: target)
        } catch {
            #expect(error is FormatError)
            #expect(!FileManager.default.fileExists(atPath: target), "a refused container left a file")
            return true
        }
        #expect(try ContainerSamples.bytes(target) == model, "a damaged container gave another model")
        return false
    }

    @Test func `every truncation is refused`() async throws {
        let folder = try ScratchFolder(), (packed, model) = try await Self.small(folder)
        for damaged in Damage.truncations(of: packed) {
            #expect(try await Self.refuses(damaged, folder, model))
        }
    }

    @Test func `every changed bit is refused`() async throws {
        let folder = try ScratchFolder(), (packed, model) = try await Self.small(folder)
        for damaged in Damage.flips(of: packed) { #expect(try await Self.refuses(damaged, folder, model)) }
    }

    /// Floats, and levels of every kind.
    static let large: [[UInt8]] = {
        var samples = NumberSamples(seed: 31)
        let values = samples.weights(rows: 300, columns: 1024)
        return [
            ContainerSamples.safetensors([("w", "F32", [300, 1024], NumberSamples.bytes(values.map(\.bitPattern)))]),
            ContainerSamples.levels(),
        ]
    }()

    @Test(arguments: large) func `random damage of a larger file is refused`(model: [UInt8]) async throws {
        var samples = NumberSamples(seed: 32)
        let folder = try ScratchFolder(), source = try folder.write(model, to: "m.safetensors")
        let packed = try await ContainerSamples.pack(source, to: folder.path("m.pith"))
        for round in 0..<200 {
            var damaged = packed
            let place = Int(samples.uniform() * Double(packed.count))
            if round % 4 == 3 { damaged = Array(packed[..<place]) } else { damaged[place] ^= 1 << UInt8(round % 8) }
            #expect(try await Self.refuses(damaged, folder, model))
        }
    }

    @Test func `a damaged block names its arrays and leaves the others readable`() async throws {
        var samples = NumberSamples(seed: 6)
        let first = samples.weights(rows: 64, columns: 1024), second = samples.weights(rows: 64, columns: 1024)
        let model = ContainerSamples.safetensors([
            ("first", "F32", [64, 1024], NumberSamples.bytes(first.map(\.bitPattern))),
            ("second", "F32", [64, 1024], NumberSamples.bytes(second.map(\.bitPattern))),
        ])
        let folder = try ScratchFolder(), source = try folder.write(model, to: "m.safetensors")
        var packed = try await ContainerSamples.pack(source, to: folder.path("m.pith"))
        packed[packed.count / 4] ^= 16
        let file = try ContainerFile(path: folder.write(packed, to: "x.pith"))
        let damage = try await ContainerVerifier(file, threads: 2).damagedBlocks()
        #expect(damage.map(\.arrays) == [["first"]])
        let arrays = ContainerArrays(file)
        #expect(try arrays.tensor(named: "second").elements(as: Float.self) == second)
        #expect { try arrays.tensor(named: "first") } throws: { error in
            (error as? FormatError)?.code == .corrupt && "\(error)".contains("'first'")
        }
    }

    @Test func `other files and later versions are refused as such`() async throws {
        let folder = try ScratchFolder(), (packed, _) = try await Self.small(folder)
        var later = packed
        later[8] = 2
        let path = try folder.write(later, to: "later.pith"),
            other = try folder.write(Array(packed.reversed()), to: "o")
        #expect { try ContainerFile(path: path) } throws: { ($0 as? FormatError)?.code == .unsupported }
        #expect { try ContainerFile(path: other) } throws: { ($0 as? FormatError)?.code == .corrupt }
        #expect { try ContainerFile(path: folder.path("none")) } throws: { ($0 as? FormatError)?.code == .missing }
    }

    @Test func `names that leave the folder are refused when packing`() throws {
        let folder = try ScratchFolder()
        let index = try folder.write(
            #"{"weight_map": {"a": "../other.safetensors"}}"#, to: "m.safetensors.index.json")
        #expect { try PackedModel.read(path: index) } throws: { ($0 as? FormatError)?.code == .unsupported }
        #expect { try PackedModel.read(path: folder.path("model.bin")) } throws: {
            ($0 as? FormatError)?.code == .unsupported
        }
    }
}
