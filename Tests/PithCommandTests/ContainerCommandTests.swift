import Foundation
import PithFormats
import PithModel
import PithTensor
import Testing

/// `pack`, `unpack`, `verify`, and `inspect` of containers.
@Suite(.enabled(if: Program.isBuilt, "needs the release build of pith")) struct ContainerCommandTests {
    private func bytes(_ name: String, _ workshop: Workshop) throws -> Data {
        try Data(contentsOf: URL(fileURLWithPath: workshop.path(name)))
    }

    private func packed(_ workshop: Workshop, _ more: [String] = []) throws -> Program.Result {
        let result = try Program.run(["pack", "model.onnx", "-o", "m.pith"] + more, in: workshop)
        #expect(result.status == 0, "\(result.errors)")
        return result
    }

    @Test func `a model is packed, verified and comes back byte for byte`() throws {
        let workshop = try Workshop(), report = try packed(workshop, ["--format", "json"]).json
        let size = try bytes("m.pith", workshop).count
        #expect((report["output"] as? [String: Any])?["bytes"] as? Int == size)
        #expect(size < 409_748 * 100 / 107)
        let verified = try Program.run(["verify", "m.pith", "--format", "json"], in: workshop)
        #expect(verified.status == 0)
        #expect(verified.json["root"] as? String == report["root"] as? String)
        let unpacked = try Program.run(["unpack", "m.pith", "-o", "back.onnx"], in: workshop)
        #expect(unpacked.status == 0 && unpacked.output.contains("back.onnx"))
        #expect(try bytes("back.onnx", workshop) == bytes("model.onnx", workshop))
        #expect(workshop.leftovers.isEmpty)
    }

    @Test func `a container is scored and compared as what it holds, with its own bytes`() throws {
        let workshop = try Workshop()
        let compressed = try Program.run(
            ["compress", "model.onnx", "-o", "small.pith", "--recipe", "int8-weights", "--profile", "none"],
            in: workshop)
        #expect(compressed.status == 0, "\(compressed.errors)")
        #expect(compressed.output.contains("`pith inspect small.pith` tells what they take in the container"))
        let scores = try Program.run(
            ["evaluate", "small.pith", "--reference", "model.onnx", "--data", "card.yaml", "--format", "json"],
            in: workshop
        ).json
        let fidelity = try #require((scores["fidelity"] as? [String: Any])?["sqnrDB"] as? Double)
        #expect(fidelity > 30 && fidelity < 60)
        let compared = try Program.run(
            [
                "compare", "model.onnx", "small.pith", "int8-weights", "--data", "card.yaml", "--format", "json",
                "--profile", "none",
            ], in: workshop
        ).json
        let entries = try #require(compared["candidates"] as? [[String: Any]])
        #expect(entries.map { $0["name"] as? String } == ["small.pith", "int8-weights"])
        #expect(entries[0]["bytes"] as? Int == (try bytes("small.pith", workshop).count))
        let found = entries.map { ($0["fidelity"] as? [String: Any])?["sqnrDB"] as? Double }
        #expect(found[0] == found[1] && found[0] == fidelity)
        let turned = try Program.run(
            ["compare", "small.pith", "model.onnx", "--data", "card.yaml", "--format", "json", "--profile", "none"],
            in: workshop
        ).json
        let subject = try #require(turned["reference"] as? [String: Any])
        #expect(subject["path"] as? String == "small.pith")
        #expect(subject["bytes"] as? Int == (try bytes("small.pith", workshop).count))
        let back = try #require((turned["candidates"] as? [[String: Any]])?.first?["fidelity"] as? [String: Any])
        #expect(abs(try #require(back["sqnrDB"] as? Double) - fidelity) < 0.5)
        let packed = try Program.run(["pack", "digits.npz", "-o", "d.pith"], in: workshop)
        #expect(packed.status == 0)
        let refused = try Program.run(["evaluate", "d.pith", "--data", "card.yaml"], in: workshop)
        #expect(refused.status == 3 && refused.errors.contains("no ONNX model"))
        #expect(workshop.leftovers.isEmpty)
    }

    @Test func `what is asked of a container by a wrong name is a wrong use`() throws {
        let workshop = try Workshop()
        _ = try packed(workshop)
        for arguments in [["--array", "none"], ["--array", "head.weight", "--rows", "9-999"], []] {
            let result = try Program.run(["unpack", "m.pith", "-o", "a.npy"] + arguments, in: workshop)
            #expect(result.status == 2, "\(arguments): \(result.errors)")
        }
        #expect(!workshop.names.contains("a.npy"))
    }

    @Test func `through a pipe the report goes to standard error in its format`() throws {
        let workshop = try Workshop()
        let result = try Program.shell("pith pack model.onnx -o - --format json > m.pith", in: workshop)
        let report = try JSONSerialization.jsonObject(with: Data(result.errors.utf8)) as? [String: Any]
        #expect((report?["output"] as? [String: Any])?["bytes"] as? Int == (try bytes("m.pith", workshop).count))
    }

    @Test func `models go through pipes`() throws {
        let workshop = try Workshop()
        let result = try Program.shell("pith pack model.onnx -o - | pith unpack - -o back.onnx", in: workshop)
        #expect(result.status == 0, "\(result.errors)")
        #expect(try bytes("back.onnx", workshop) == bytes("model.onnx", workshop))
        let cut = try Program.shell(
            "pith pack model.onnx -o - | head -c 9000 | pith unpack - -o cut.onnx", in: workshop)
        #expect(cut.status == 3)
        #expect(cut.errors.contains("standard input"))
        #expect(!workshop.names.contains("cut.onnx"))
    }

    @Test func `damage is named, and nothing of it is unpacked`() throws {
        let workshop = try Workshop()
        _ = try packed(workshop)
        var damaged = try bytes("m.pith", workshop)
        damaged[damaged.count / 2] ^= 4
        try workshop.write("bad.pith", [UInt8](damaged))
        let verified = try Program.run(["verify", "bad.pith", "--format", "json"], in: workshop)
        #expect(verified.status == 3)
        let damage = try #require(verified.json["damage"] as? [[String: Any]])
        #expect(damage.count == 1)
        #expect((damage.first?["arrays"] as? [String])?.isEmpty == false)
        let unpacked = try Program.run(["unpack", "bad.pith", "-o", "back.onnx"], in: workshop)
        #expect(unpacked.status == 3)
        #expect(unpacked.errors.contains("bad.pith, block"))
        #expect(!workshop.names.contains("back.onnx"))
        #expect(try Program.run(["verify", "model.onnx"], in: workshop).status == 3)
        #expect(try Program.run(["verify", "none.pith"], in: workshop).status == 3)
    }

    @Test func `inspect shows the arrays of a container, hot ones with their bytes`() throws {
        let workshop = try Workshop()
        _ = try packed(workshop, ["--first", "down.*", "--first", "head.weight"])
        let json = try Program.run(["inspect", "m.pith", "--format", "json"], in: workshop).json
        #expect(json["kind"] as? String == "onnx")
        let first = try #require(json["first"] as? [String]), arrays = try #require(json["arrays"] as? [[String: Any]])
        #expect(first.last == "head.weight" && first.dropLast().allSatisfy { $0.hasPrefix("down.") })
        let until = try #require(json["bytesUntilFirst"] as? Int), all = try bytes("m.pith", workshop).count
        let hot = arrays.filter { first.contains($0["name"] as? String ?? "") }
        let stored = hot.compactMap { $0["stored"] as? Int }.reduce(0, +)
        #expect(until > stored && until < all && until < stored + 12_000)
        let text = try Program.run(["inspect", "m.pith"], in: workshop)
        #expect(text.output.contains("head.weight"))
        let unknown = try Program.run(["pack", "model.onnx", "-o", "n.pith", "--first", "nothing"], in: workshop)
        #expect(unknown.status == 2)
        #expect(unknown.errors.contains("'nothing'"))
    }

    @Test func `one array is taken from a file or from the start of a pipe`() throws {
        let workshop = try Workshop()
        _ = try packed(workshop, ["--first", "head.weight"])
        #expect(
            try Program.run(["unpack", "m.pith", "--array", "head.weight", "-o", "a.npy"], in: workshop).status == 0)
        let until = try #require(
            try Program.run(["inspect", "m.pith", "--format", "json"], in: workshop).json["bytesUntilFirst"] as? Int)
        let line = "head -c \(until) m.pith | pith unpack - --array head.weight -o b.npy"
        let result = try Program.shell(line, in: workshop)
        #expect(result.status == 0, "\(result.errors)")
        #expect(try bytes("a.npy", workshop) == bytes("b.npy", workshop))
        let short = "head -c \(until - 1) m.pith | pith unpack - --array head.weight -o c.npy"
        #expect(try Program.shell(short, in: workshop).status == 3)
        let rows = ["unpack", "m.pith", "--array", "head.weight", "--rows", "2-4", "-o", "d.npy"]
        #expect(try Program.run(rows, in: workshop).status == 0)
        let model = try ONNXReader.read(path: workshop.path("model.onnx"))
        let weight = try #require(model.graph.weights["head.weight"]?.dense)
        let all = try NPYReader.read(path: workshop.path("a.npy")),
            part = try NPYReader.read(path: workshop.path("d.npy"))
        #expect(all == weight)
        let width = weight.count / weight.shape.dimensions[0]
        #expect(part.floats() == weight.floats().map { Array($0[2 * width..<4 * width]) })
        #expect(try Program.run(rows.dropLast(2) + ["-o", "e.npy", "--array", "none"], in: workshop).status == 2)
    }

    /// The example's model with one weight in integers.
    private func quantized(_ workshop: Workshop) throws -> GroupedIntegers {
        var form: GroupedIntegers?
        try workshop.model("small.onnx") { model in
            guard let weight = model.graph.weights["head.weight"] else { return }
            let levels = (0..<weight.shape.count).map { Int8(truncatingIfNeeded: $0 * 37) }
            let made = GroupedIntegers(
                levels: Tensor(levels, shape: weight.shape), scales: Tensor(scalar: 0.01 as Float), grouping: .tensor)
            model.graph.weights["head.weight"] = Weight(name: "head.weight", form: .encoded(made))
            form = made
        }
        return try #require(form)
    }

    @Test func `weights in stored forms are shown, and exported as numbers or as parts`() throws {
        let workshop = try Workshop(), form = try quantized(workshop)
        #expect(try Program.run(["pack", "small.onnx", "-o", "m.pith"], in: workshop).status == 0)
        let json = try Program.run(["inspect", "m.pith", "--format", "json"], in: workshop).json
        let weights = try #require(json["weights"] as? [[String: Any]])
        #expect(weights.map { $0["name"] as? String } == ["head.weight"])
        #expect(weights.first?["form"] as? String == "grouped-integers")
        let text = try Program.run(["inspect", "m.pith"], in: workshop).output
        #expect(text.contains("grouped-integers, bits 8") && text.contains("scales float32 scalar"))
        #expect(try Program.run(["unpack", "m.pith", "-o", "dense.npz"], in: workshop).status == 0)
        #expect(try NPZArchive(path: workshop.path("dense.npz")).tensor(named: "head.weight") == form.decoded())
        #expect(try Program.run(["unpack", "m.pith", "-o", "s.npz", "--stored"], in: workshop).status == 0)
        let stored = try NPZArchive(path: workshop.path("s.npz"))
        #expect(try stored.tensor(named: "head.weight.levels") == form.levels)
        #expect(try stored.tensor(named: "head.weight.scales") == form.scales)
        #expect(try Program.run(["unpack", "m.pith", "-o", "back.onnx"], in: workshop).status == 0)
        #expect(try bytes("back.onnx", workshop) == bytes("small.onnx", workshop))
    }

    @Test func `a data file beside the output is not replaced by another`() throws {
        let workshop = try Workshop(), model = try ONNXReader.read(path: workshop.path("model.onnx"))
        let external = FileManager.default.temporaryDirectory.appendingPathComponent("pith-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: external, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: external) }
        let source = external.appendingPathComponent("large.onnx").path
        try ONNXWriter.begin(model, path: source, largestFile: 1000).commit()
        #expect(try Program.run(["pack", source, "-o", "m.pith"], in: workshop).status == 0)
        let data = try Data(contentsOf: external.appendingPathComponent("large.onnx.data"))
        let sameSize = [UInt8](repeating: 7, count: data.count)
        for other in [Array("my notes".utf8), sameSize] {
            try workshop.write("large.onnx.data", other)
            let before = workshop.names, refused = try Program.run(["unpack", "m.pith", "-o", "x.onnx"], in: workshop)
            #expect(refused.status == 1)
            #expect(refused.errors.contains("large.onnx.data") && refused.errors.contains("another file"))
            #expect(workshop.names == before)
            #expect(try bytes("large.onnx.data", workshop) == Data(other))
        }
        try workshop.write("large.onnx.data", [UInt8](data))
        #expect(try Program.run(["unpack", "m.pith", "-o", "x.onnx"], in: workshop).status == 0)
        #expect(try bytes("large.onnx.data", workshop) == data)
        #expect(try bytes("x.onnx", workshop) == Data(contentsOf: URL(fileURLWithPath: source)))
    }

    @Test(arguments: [
        ["pack"], ["pack", "model.onnx"], ["pack", "model.onnx", "-o", "m.pith", "--codec", "rar"],
        ["pack", "model.onnx", "-o", "m.pith", "--threads", "0"], ["unpack", "m.pith"],
        ["unpack", "m.pith", "-o", "-"], ["unpack", "m.pith", "-o", "w.npy", "--rows", "1-2"],
        ["unpack", "m.pith", "-o", "w.npy", "--array", "w", "--rows", "2-2"],
        ["unpack", "-", "-o", "w.npz", "--stored"], ["unpack", "m.pith", "-o", "back.onnx", "--stored"], ["verify"],
    ]) func `bad usage of container commands ends with 2`(arguments: [String]) throws {
        let workshop = try Workshop()
        _ = try packed(workshop)
        let before = workshop.names, result = try Program.run(arguments, in: workshop)
        #expect(result.status == 2, "\(result.errors)")
        #expect(result.output.isEmpty && !result.errors.isEmpty)
        #expect(workshop.names == before)
    }

    @Test func `what can not be packed ends with 3, and what would be overwritten stays`() throws {
        let workshop = try Workshop()
        try workshop.write("model.bin", "nothing")
        try workshop.write("bad.onnx", "just some text, no model at all\n")
        for source in ["model.bin", "bad.onnx", "none.onnx"] {
            let before = workshop.names, result = try Program.run(["pack", source, "-o", "m.pith"], in: workshop)
            #expect(result.status == 3, "\(result.errors)")
            #expect(result.errors.contains(source))
            #expect(workshop.names == before)
        }
        let original = try bytes("model.onnx", workshop)
        #expect(try Program.run(["pack", "model.onnx", "-o", "model.onnx"], in: workshop).status != 0)
        #expect(try bytes("model.onnx", workshop) == original)
    }

    @Test(arguments: ["pack", "unpack", "verify"])
    func `the example of a container command's help runs`(command: String) throws {
        let workshop = try Workshop()
        if command != "pack" {
            try Data(packedExample(workshop)).write(to: URL(fileURLWithPath: workshop.path("model.pith")))
        }
        let help = try Program.run(["help", command], in: workshop).output
        let line = try #require(help.split(separator: "\n").first { $0.hasPrefix("Example: ") }).dropFirst(9)
        #expect(line.hasPrefix("pith \(command)"))
        let result = try Program.shell(String(line), in: workshop)
        #expect(result.status == 0, "\(result.errors)")
    }

    private func packedExample(_ workshop: Workshop) throws -> Data {
        _ = try packed(workshop)
        return try bytes("m.pith", workshop)
    }
}
