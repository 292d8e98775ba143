import PithReader
import Testing

@Suite struct GoldenFileTests {
    @Test(arguments: Golden.files) func `the packed file comes back, byte for byte`(golden: Golden) throws {
        let reader = try ContainerReader(try golden.bytes())
        let file = try #require(reader.files.first)
        let bytes = try reader.bytes(ofFile: file.name)
        #expect(reader.files.count == 1 && bytes.count == file.byteCount)
        #expect(Golden.hash(bytes) == golden.hash)
    }

    struct Sample: Sendable, CustomStringConvertible {
        let file: String
        let name: String
        let kind: String
        let dimensions: [Int]
        /// The first half of the SHA-256 of the numbers that `pith unpack FILE -o FILE.npz` exported.
        let hash: String

        init(_ file: String, _ name: String, _ kind: String, _ dimensions: [Int], _ hash: String) {
            (self.file, self.name, self.kind, self.dimensions, self.hash) = (file, name, kind, dimensions, hash)
        }

        var description: String { "\(name) of \(file)" }
    }

    static let samples = [
        Sample("forms", "sparse", "sparse-values", [4, 8], "3016c2ec6d5be3ca8422d2a24cf730e4"),
        Sample("forms", "channels", "grouped-integers", [16, 9], "e9845ca569e2db52df3b644214002209"),
        Sample("forms", "plain", "grouped-integers", [9, 8], "e8b1a27a8c1be1f45469598e2f652074"),
        Sample("forms", "nibbles", "grouped-integers", [8, 70], "d4c4de748189e9319a199eda116a751c"),
        Sample("forms", "triple", "grouped-integers", [70, 11], "bb7cb90ce4fac7debd896f255b9de4c2"),
        Sample("forms", "blocks", "grouped-integers", [11, 64], "59cdb568b53eff7ae1e274d244c2760c"),
        Sample("forms", "half", "half-floats", [8, 6], "78f77057d5355c17f3ff6d0a81279cc1"),
        Sample("forms", "palette", "codebook", [6, 16], "e27ee8ffa48f66accb731d30354618a5"),
        Sample("forms", "rows", "grouped-integers", [10, 12], "d44821409b16a67921419cf957c3d13e"),
        Sample("forms", "kernel", "grouped-integers", [12, 16], "ffc808d2f0c92e39be0fd999527f1a35"),
        Sample("tables", "bytes", "tabled-integers", [12, 40], "692722e30def7b85b427af117ad45806"),
        Sample("tables", "columns", "tabled-integers", [12, 40], "7730e89f520fd635706e6cbcae7f3677"),
        Sample("tables", "blocks", "tabled-integers", [11, 64], "9bf229e13bf5affa22bb0e5287d281fa"),
        Sample("tables", "ragged", "tabled-integers", [70, 11], "1fd7f774d0e1d8f112dfd79c4618dd8a"),
        Sample("tables", "nibbles", "tabled-integers", [9, 16], "3e84049b98df12440057fdb9fcd696b1"),
        Sample("tables", "quarters", "tabled-integers", [8, 70], "2de6bf55dbdba394ae4ae7b091d24e08"),
        Sample("tables", "whole", "tabled-integers", [8, 64], "56b61966f9761d5b74604a669de61fd5"),
        Sample("tables", "triple", "tabled-integers", [7, 24], "fe6530cad43464f1010a2b0ac8d8fac4"),
        Sample("tables", "seven", "tabled-integers", [5, 30], "c7f7bf49ac59e06a43163ceb1d22e0e1"),
        Sample("tables", "pairs", "tabled-integers", [6, 31], "f37fc7032d52a30e7d05dca56e161306"),
    ]

    @Test(arguments: samples) func `the numbers of every form are those that were exported`(sample: Sample) throws {
        let golden = try #require(Golden.files.first { $0.name == "version-1-\(sample.file).pith" })
        let reader = try ContainerReader(try golden.bytes())
        let form = try #require(reader.forms.first { $0.name == sample.name })
        #expect(form.kind == sample.kind && form.dimensions == sample.dimensions && form.type == .float32)
        let numbers = try reader.numbers(ofWeight: sample.name)
        #expect(numbers.count == sample.dimensions.reduce(1, *))
        #expect(Golden.hash(Bytes.floats(numbers)) == sample.hash)
    }

    @Test func `weights that are read together are those that are read alone`() throws {
        let reader = try ContainerReader(try Golden.files[0].bytes()), names = reader.forms.map(\.name)
        #expect(names.count == 10)
        let together = try reader.numbers(ofWeights: names)
        for (name, numbers) in zip(names, together) { #expect(try reader.numbers(ofWeight: name) == numbers) }
        let arrays = try reader.bytes(ofArraysAt: [Int](reader.arrays.indices))
        for (index, bytes) in arrays.enumerated() {
            #expect(try reader.bytes(ofArrayAt: index) == bytes)
            #expect(bytes.count == reader.arrays[index].byteCount)
        }
    }

    @Test func `arrays of a packed file have their names, types and content`() throws {
        let golden = try #require(Golden.files.first { $0.name == "version-1.pith" })
        let reader = try ContainerReader(try golden.bytes())
        #expect(reader.format == "safetensors" && reader.forms.isEmpty)
        let arrays = reader.arrays.filter { $0.type != .text }
        #expect(arrays.map(\.name) == ["embedding", "half", "tied", "steps", "ones", "levels"])
        let tied = try #require(arrays.first { $0.name == "tied" })
        #expect(tied.original == reader.arrays.firstIndex { $0.name == "embedding" })
        #expect(try reader.bytes(ofArray: "tied") == reader.bytes(ofArray: "embedding"))
        #expect(try reader.numbers(ofWeight: "tied").count == tied.dimensions.reduce(1, *))
        #expect(Set(try reader.numbers(ofWeight: "ones")) == [1])
    }
}
