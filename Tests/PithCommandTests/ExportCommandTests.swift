import Foundation
import PithFormats
import PithModel
import PithTensor
import Testing

/// Arrays taken from containers on the command line, and what is said where that can not be.
@Suite(.enabled(if: Program.isBuilt, "needs the release build of pith")) struct ExportCommandTests {
    /// The example's container, with weights in stored forms if `recipe` makes such.
    private static func workshop(recipe: String = "clean") throws -> Workshop {
        let workshop = try Workshop()
        let made = try Program.run(
            ["compress", "model.onnx", "-o", "m.pith", "--recipe", recipe, "--profile", "none"], in: workshop)
        #expect(made.status == 0, "\(made.errors)")
        return workshop
    }

    @Test func `one weight is written as the ending says, from a file and from a pipe`() throws {
        let workshop = try Self.workshop(recipe: "int8-weights")
        for name in ["w.npz", "w.safetensors", "w.npy"] {
            let file = try Program.run(["unpack", "m.pith", "--array", "head.weight", "-o", name], in: workshop)
            #expect(file.status == 0, "\(file.errors)")
            let pipe = try Program.shell("pith unpack - --array head.weight -o p-\(name) < m.pith", in: workshop)
            #expect(pipe.status == 0, "\(pipe.errors)")
            let bytes = FileManager.default.contents(atPath: workshop.path(name))
            #expect(bytes != nil && bytes == FileManager.default.contents(atPath: workshop.path("p-\(name)")))
        }
        let tensor = try NPYReader.read(path: workshop.path("w.npy"))
        #expect(tensor.type == .float32)
        #expect(try NPZArchive(path: workshop.path("w.npz")).tensor(named: "head.weight") == tensor)
        let packed = try PackedModel.read(path: workshop.path("w.safetensors"))
        #expect(packed.arrays.map(\.name) == ["head.weight"] && packed.arrays[0].shape == tensor.shape)
    }

    @Test func `notes of an export are printed, and are in its JSON`() throws {
        let workshop = try Workshop()
        try workshop.write("none.safetensors", [2, 0, 0, 0, 0, 0, 0, 0] + Array("{}".utf8))
        let packed = try Program.run(["pack", "none.safetensors", "-o", "n.pith"], in: workshop)
        #expect(packed.status == 0 && packed.output.contains("times larger"))
        let text = try Program.run(["unpack", "n.pith", "-o", "n.npz"], in: workshop)
        #expect(text.status == 0 && text.output.hasPrefix("note: it has no arrays"))
        let json = try Program.run(["unpack", "n.pith", "-o", "n.npz", "--format", "json"], in: workshop).json
        #expect((json["notes"] as? [String])?.count == 1)
    }

    @Test func `what can not be done is said with what to do instead`() throws {
        let workshop = try Self.workshop()
        let stored = try Program.run(["unpack", "m.pith", "--stored", "-o", "x.foo"], in: workshop)
        #expect(stored.status == 2 && stored.errors.contains("x.foo") && stored.errors.contains(".safetensors"))
        let statistics = try Program.run(["inspect", "m.pith", "--statistics"], in: workshop)
        #expect(statistics.status == 2 && statistics.errors.contains("`pith unpack`"))
        try FileManager.default.createDirectory(atPath: workshop.path("folder"), withIntermediateDirectories: false)
        let folder = try Program.run(["unpack", "m.pith", "-o", "folder/"], in: workshop)
        #expect(folder.status == 1 && folder.errors.contains("Name a file in it"))
        #expect(!folder.errors.contains("Check that the folder exists"))
    }

    @Test(.enabled(if: Program.hasRuntime, "needs ONNX Runtime"))
    func `a candidate that takes other inputs is named as it was given`() throws {
        let workshop = try Self.workshop()
        try workshop.model("other.onnx") { model in
            let old = model.graph.inputs[0].name
            model.graph.inputs[0].name = "other"
            for index in model.graph.nodes.indices {
                model.graph.nodes[index].inputs = model.graph.nodes[index].inputs.map { $0 == old ? "other" : $0 }
            }
        }
        #expect(try Program.run(["pack", "other.onnx", "-o", "other.pith"], in: workshop).status == 0)
        let result = try Program.run(
            ["compare", "m.pith", "other.pith", "--data", "card.yaml", "--profile", "none"], in: workshop)
        #expect(result.status == 3)
        #expect(result.errors.contains("candidate 'other.pith'") && result.errors.contains("the reference, m.pith"))
        #expect(!result.errors.contains(workshop.temporary.path))
    }

    @Test func `a comparison of codecs tells the bytes of the container`() throws {
        let workshop = try Workshop()
        #expect(try Program.run(["pack", "model.onnx", "-o", "m.pith"], in: workshop).status == 0)
        let size = FileManager.default.contents(atPath: workshop.path("m.pith"))?.count
        let arguments = ["pack", "model.onnx", "--compare", "--codec", "auto"]
        let rows = try Program.run(arguments + ["--format", "json"], in: workshop).json["rows"] as? [[String: Any]]
        #expect(rows?.first?["bytes"] as? Int == size)
        #expect(try Program.run(arguments, in: workshop).output.contains("bytes: the whole container"))
    }

    @Test func `a container is verified through a pipe`() throws {
        let workshop = try Self.workshop()
        let file = try Program.run(["verify", "m.pith", "--format", "json"], in: workshop).json
        let pipe = try Program.shell("pith verify - --format json < m.pith", in: workshop)
        #expect(pipe.status == 0, "\(pipe.errors)")
        for key in ["root", "bytes", "blocks"] {
            #expect("\(file[key] ?? "")" == "\(pipe.json[key] ?? "-")", "\(key)")
        }
        let cut = try Program.shell("head -c 9000 m.pith | pith verify -", in: workshop)
        #expect(cut.status == 3 && cut.errors.contains("standard input, byte 9000"))
    }

    @Test func `the version is an option, too`() throws {
        let result = try Program.run(["--version"], in: Workshop())
        #expect(result.status == 0 && result.output.hasPrefix("pith ") && result.output.contains("."))
    }
}
