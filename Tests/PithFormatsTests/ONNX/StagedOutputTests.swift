import Foundation
import PithFormats
import PithModel
import PithTensor
import Testing

@Suite struct StagedOutputTests {
    private func names(_ scratch: ScratchFolder) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: scratch.url.path).sorted()
    }

    private func text(_ scratch: ScratchFolder, _ name: String) -> String? {
        FileManager.default.contents(atPath: scratch.path(name)).map { String(decoding: $0, as: UTF8.self) }
    }

    @Test func `files appear with the commit, whole, and nothing else is left`() throws {
        let scratch = try ScratchFolder()
        _ = try scratch.write("old", to: "b")
        do {
            let output = try StagedOutput(beside: scratch.path("b"))
            try output.write("a") { sink in
                try sink.write([UInt8]("one ".utf8))
                try sink.write(Storage([UInt8]("two".utf8)))
            }
            try output.write("b") { try $0.write([UInt8]("new".utf8)) }
            #expect(text(scratch, "b") == "old" && text(scratch, "a") == nil)
            #expect(FileManager.default.contents(atPath: output.path(of: "a"))?.count == 7)
            try output.commit()
        }
        #expect(try names(scratch) == ["a", "b"] && text(scratch, "a") == "one two" && text(scratch, "b") == "new")
    }

    @Test func `without a commit, or after a failure, everything is as before`() throws {
        struct Refusal: Error {}
        let scratch = try ScratchFolder()
        _ = try scratch.write("old", to: "a")
        do {
            let output = try StagedOutput(beside: scratch.path("a"))
            try output.write("a") { try $0.write([1, 2, 3]) }
        }
        #expect(try names(scratch) == ["a"] && text(scratch, "a") == "old")
        do {
            let output = try StagedOutput(beside: scratch.path("a"))
            #expect(throws: Refusal.self) { try output.write("a") { _ in throw Refusal() } }
            try output.commit()
        }
        #expect(try names(scratch) == ["a"] && text(scratch, "a") == "old")
    }

    @Test func `when the second file can not be put in place the first is taken back`() throws {
        for hadFirst in [true, false] {
            let scratch = try ScratchFolder()
            if hadFirst { _ = try scratch.write("old", to: "m.data") }
            do {
                let output = try StagedOutput(beside: scratch.path("m"))
                try output.write("m.data") { try $0.write([1]) }
                try output.write("m") { try $0.write([2]) }
                try FileManager.default.createDirectory(atPath: scratch.path("m"), withIntermediateDirectories: false)
                #expect(refusal { try output.commit() }?.code == .unwritable)
            }
            #expect(try names(scratch) == (hadFirst ? ["m", "m.data"] : ["m"]))
            #expect(text(scratch, "m.data") == (hadFirst ? "old" : nil))
        }
    }

    @Test func `targets that can not be are refused before anything is written`() throws {
        let scratch = try ScratchFolder()
        for path in [
            scratch.url.path, scratch.path("none/a"), "", scratch.url.path + "/a\0b", "/dev/null", "/proc/pith/a",
        ] {
            let refused = refusal { try StagedOutput(beside: path) }
            #expect(refused?.code == .unwritable, "\(path)")
        }
        #expect(FileSystem.kind(of: "/dev/null") == .other)
        #expect(
            refusal { try ONNXWriter.write(Model(graph: Graph()), to: scratch.path("none/a")) }?.code == .unwritable)
        #expect(try names(scratch).isEmpty)
    }

    @Test func `a folder that may not be written is refused`() throws {
        let scratch = try ScratchFolder()
        try FileManager.default.createDirectory(atPath: scratch.path("closed"), withIntermediateDirectories: false)
        try FileManager.default.setAttributes([.posixPermissions: 0o555], ofItemAtPath: scratch.path("closed"))
        // The superuser may write anywhere; everybody else is refused.
        let refused = refusal { try StagedOutput(beside: scratch.path("closed/a")) }
        if !FileManager.default.isWritableFile(atPath: scratch.path("closed")) { #expect(refused?.code == .unwritable) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path("closed")).isEmpty)
    }

    @Test func `the longest names can be written`() throws {
        let scratch = try ScratchFolder(), name = String(repeating: "é", count: 125) + ".onnx"
        try ONNXWriter.write(Model(graph: Graph()), to: scratch.path(name))
        #expect(try names(scratch).map(\.utf8.count) == [255])
    }

    @Test(.enabled(if: TinyDisk.isPossible, "needs a superuser who may mount"))
    func `on a full disk the old file stays and nothing is left behind`() throws {
        let disk = try #require(TinyDisk()), path = disk.folder.path("m.onnx")
        let small = Model(
            graph: Graph(weights: WeightTable([Weight("w", Tensor(vector: [Float](repeating: 1, count: 100)))])))
        try ONNXWriter.write(small, to: path)
        let before = FileManager.default.contents(atPath: path)
        let large = Model(
            graph: Graph(weights: WeightTable([Weight("w", Tensor(vector: [Float](repeating: 1, count: 100_000)))])))
        let refused = refusal { try ONNXWriter.write(large, to: path) }
        #expect(refused?.code == .unwritable && refused?.says("m.onnx", "No space left") == true)
        #expect(FileManager.default.contents(atPath: path) == before && before != nil)
        #expect(try names(disk.folder) == ["m.onnx"])
        let split = refusal { try ONNXWriter.begin(large, path: path, largestFile: 0).commit() }
        #expect(split?.code == .unwritable)
        #expect(try names(disk.folder) == ["m.onnx"])
    }
}
