import Foundation
import PithFormats
import PithModel
import PithTensor
import Testing

/// Bad input ends with 3, one message that names the file, and nothing left behind.
@Suite(.enabled(if: Program.isBuilt && Program.hasRuntime, "needs the release build of pith and ONNX Runtime"))
struct BadInputTests {
    /// One way to spoil the example.
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        /// Words the message holds.
        let words: [String]
        let prepare: @Sendable (Workshop) throws -> Void
        var testDescription: String { name }

        init(_ name: String, _ words: [String], _ prepare: @escaping @Sendable (Workshop) throws -> Void) {
            self.name = name
            self.words = words
            self.prepare = prepare
        }

        /// A card with some of its text replaced.
        static func card(_ name: String, _ words: [String], _ lines: [(String, String)]) -> Case {
            Case(name, ["bad.yaml"] + words) { try $0.card("bad.yaml", replacing: lines) }
        }

        static func model(_ name: String, _ words: [String], _ change: @escaping @Sendable (inout Model) throws -> Void)
            -> Case
        {
            Case(name, words) { try $0.model("bad.onnx", change) }
        }
    }

    private func check(_ bad: Case, _ arguments: [String], status: Int32 = 3) throws {
        let workshop = try Workshop()
        try bad.prepare(workshop)
        let before = workshop.names, start = Date()
        let result = try Program.run(arguments, in: workshop)
        #expect(result.status == status, "\(result.errors)")
        #expect(result.output.isEmpty)
        let lines = result.errors.split(separator: "\n").filter { !$0.hasPrefix("no --data") }
        #expect(lines.count == 1 && lines[0].hasPrefix("error: "), "\(result.errors)")
        for word in bad.words { #expect(result.errors.contains(word), "\(word) is not in: \(result.errors)") }
        #expect(!result.errors.contains("Error Domain") && !result.errors.contains("(code:"), "\(result.errors)")
        #expect(workshop.names == before)
        #expect(Date().timeIntervalSince(start) < 20)
    }

    // MARK: Cards and data

    static let image = "image: { file: digits.npz, array: image, shape: [1, 28, 28], scale: 0.00392156862745098 }"
    static let cards: [Case] = [
        Case("no card", ["bad.yaml"]) { _ in },
        Case("empty card", ["bad.yaml"]) { try $0.write("bad.yaml", "") },
        Case("card that is no map", ["bad.yaml"]) { try $0.write("bad.yaml", "- 1\n- 2\n") },
        Case("card that is no YAML", ["bad.yaml"]) { try $0.write("bad.yaml", "inputs: {") },
        .card("missing file", ["nowhere.npz"], [("file: digits.npz, array: image", "file: nowhere.npz, array: image")]),
        .card("missing array", ["picture"], [("array: image", "array: picture")]),
        .card("wrong shape", ["28"], [("[1, 28, 28]", "[28, 28, 1]")]),
        .card("shape that does not hold", ["30"], [("[1, 28, 28]", "[1, 30, 30]")]),
        .card("overlapping ranges", ["overlap"], [("[200, 1200]", "[199, 1200]")]),
        .card("empty range", ["calibrate"], [("[0, 200]", "[200, 200]")]),
        .card("range past the end", ["1300"], [("[200, 1200]", "[200, 1300]")]),
        .card("unknown key", ["calibrat"], [("calibrate:", "calibrat:")]),
        .card("unknown metric", ["precise"], [("accuracy", "precise")]),
        .card("missing input", ["image"], [(image, "picture: { file: digits.npz, array: image }")]),
        .card("metric without labels", ["labels"], [("labels: { file: digits.npz, array: label }", "")]),
        .card("labels that are no classes", ["label"], [("array: label }", "array: image }")]),
        .card("a batch of none", ["batch"], [("metric:", "batch: 0\nmetric:")]),
        .card("an output that is not there", ["'scores'", "logits"], [("metric:", "output: scores\nmetric:")]),
        Case("empty data", ["bad"]) { workshop in
            try workshop.write("bad.npy", NPY.file("<f4", [0, 1, 28, 28], []))
            try workshop.write("bad.yaml", "inputs: { image: { file: bad.npy } }\nmetric: fidelity\n")
        },
        Case("a pickle", ["bad.npy", "pickle"]) { workshop in
            try workshop.write("bad.npy", NPY.file("|O", [3], Array("\u{80}\u{4}cos\nsystem\n.".utf8)))
            try workshop.write("bad.yaml", "inputs: { image: { file: bad.npy } }\nmetric: fidelity\n")
        },
        Case("an array shorter than its shape", ["bad.npy"]) { workshop in
            try workshop.write("bad.npy", NPY.file("<f4", [10, 1, 28, 28], [0, 0, 0, 0]))
            try workshop.write("bad.yaml", "inputs: { image: { file: bad.npy } }\nmetric: fidelity\n")
        },
    ]

    @Test(arguments: cards) func `a bad card or bad data is refused`(bad: Case) throws {
        try check(bad, ["compress", "model.onnx", "-o", "out.onnx", "--data", "bad.yaml", "--profile", "none"])
        try check(bad, ["evaluate", "model.onnx", "--data", "bad.yaml"])
    }

    // MARK: Models

    static let models: [Case] = [
        Case("no model", ["bad.onnx"]) { _ in },
        Case("an empty file", ["bad.onnx", "empty"]) { try $0.write("bad.onnx", [UInt8]()) },
        Case("a file of text", ["bad.onnx"]) { try $0.write("bad.onnx", "just some text, no model at all\n") },
        Case("half a model", ["bad.onnx"]) { workshop in
            let whole = try Data(contentsOf: URL(fileURLWithPath: workshop.path("model.onnx")))
            try workshop.write("bad.onnx", [UInt8](whole.prefix(whole.count / 2)))
        },
        Case("a container", ["bad.onnx", "Pith container", "pith unpack"]) { workshop in
            let made = try Program.run(["pack", "model.onnx", "-o", "bad.pith"], in: workshop)
            #expect(made.status == 0, "\(made.errors)")
            try FileManager.default.moveItem(atPath: workshop.path("bad.pith"), toPath: workshop.path("bad.onnx"))
        },
        Case("an archive", ["bad.onnx", "ZIP archive", "Export"]) { workshop in
            try FileManager.default.copyItem(atPath: workshop.path("digits.npz"), toPath: workshop.path("bad.onnx"))
        },
        Case("a safetensors file", ["bad.onnx", "safetensors"]) { workshop in
            try workshop.write("bad.onnx", [8, 0, 0, 0, 0, 0, 0, 0] + Array("{}      ".utf8))
        },
        .model("NaN in a weight", ["down.weight", "NaN"]) { model in
            guard let weight = model.graph.weights["down.weight"] else { return }
            var numbers = weight.decoded().elements(as: Float.self)
            numbers[5] = .nan
            model.graph.weights["down.weight"] = Weight("down.weight", Tensor(numbers, shape: weight.shape))
        },
        .model("infinity in a bias", ["head.bias", "infinite"]) { model in
            model.graph.weights["head.bias"] = Weight(
                "head.bias", Tensor(vector: [Float](repeating: .infinity, count: 10)))
        },
        .model("a cycle", ["bad.onnx", "cycle"]) { model in
            let last = model.graph.nodes.count - 1
            model.graph.nodes[0].inputs[0] = model.graph.nodes[last].inputs[0]
        },
        .model("an unknown operator", ["Relux"]) { model in
            let index = model.graph.nodes.firstIndex { $0.operation == "Relu" } ?? 0
            model.graph.nodes[index].operation = "Relux"
        },
        .model("an operator of an unknown domain", ["com.example"]) { model in
            let index = model.graph.nodes.firstIndex { $0.operation == "Relu" } ?? 0
            model.graph.nodes[index].domain = "com.example"
            model.operatorSets["com.example"] = 1
        },
        .model("a value that nobody makes", ["bad.onnx", "'nothing'"]) { $0.graph.nodes[3].inputs[0] = "nothing" },
        .model("a weight of the wrong shape", ["bad.onnx"]) { model in
            model.graph.weights["head.weight"] = Weight(
                "head.weight", Tensor([Float](repeating: 0, count: 60), shape: try Shape([10, 6])))
        },
    ]

    @Test(arguments: models) func `a bad model is refused`(bad: Case) throws {
        try check(bad, ["compress", "bad.onnx", "-o", "out.onnx", "--profile", "none"])
    }

    @Test(arguments: models.prefix(4)) func `a file that is no model can not be inspected`(bad: Case) throws {
        try check(bad, ["inspect", "bad.onnx"])
    }

    @Test(arguments: models.prefix(7)) func `a file that is no model is no candidate and no reference`(bad: Case) throws
    {
        try check(bad, ["evaluate", "bad.onnx", "--reference", "model.onnx", "--data", "card.yaml"])
        try check(bad, ["evaluate", "model.onnx", "--reference", "bad.onnx", "--data", "card.yaml"])
    }

    // MARK: Recipes and places

    @Test func `a recipe that can not be followed is refused by name`() throws {
        let command = ["compress", "model.onnx", "-o", "out.onnx", "--recipe"]
        try check(Case("unknown", ["int9", "int8-weights"]) { _ in }, command + ["int9"], status: 2)
        try check(Case("empty", ["bad.yaml"]) { try $0.write("bad.yaml", "") }, command + ["bad.yaml"])
        try check(
            Case("misspelt", ["bad.yaml", "'bit'"]) { workshop in
                try workshop.write("bad.yaml", "version: 1\nstages: [ { technique: quantize.weights, bit: 4 } ]\n")
            }, command + ["bad.yaml"])
        try check(Case("shown", ["int9"]) { _ in }, ["recipes", "show", "int9"], status: 2)
    }

    @Test(arguments: ["out.txt", "out.tflite", "out.yaml", "out.v2"])
    func `an output whose ending stands for no format is bad usage`(name: String) throws {
        try check(
            Case(name, [name, ".onnx", ".pith"]) { _ in }, ["compress", "model.onnx", "-o", name], status: 2)
    }

    @Test func `a place that can not be written ends with 1`() throws {
        let workshop = try Workshop(), before = workshop.names
        for place in ["nowhere/out.onnx", "model.onnx/out.onnx", "."] {
            let result = try Program.run(
                ["compress", "model.onnx", "-o", place, "--recipe", "clean", "--profile", "none"], in: workshop)
            #expect(result.status == 1)
            #expect(result.errors.contains("error: "))
            #expect(workshop.names == before)
        }
    }

    @Test(.enabled(if: SmallDisk.canMount, "needs the right to mount a tmpfs"))
    func `a full disk ends with 1 and leaves nothing`() throws {
        let workshop = try Workshop()
        try SmallDisk.with(kilobytes: 64, at: workshop.folder.appendingPathComponent("disk")) { disk in
            let result = try Program.run(
                ["compress", "model.onnx", "-o", "disk/out.onnx", "--recipe", "clean", "--profile", "none"],
                in: workshop)
            #expect(result.status == 1)
            #expect(result.errors.contains("out.onnx"))
            #expect(result.errors.contains("No space left"))
            #expect(try FileManager.default.contentsOfDirectory(atPath: disk.path).isEmpty)
        }
    }
}

/// NPY files, written byte by byte.
enum NPY {
    static func file(_ type: String, _ shape: [Int], _ bytes: [UInt8]) -> [UInt8] {
        let lengths = shape.map { "\($0)," }.joined(separator: " ")
        var header = "{'descr': '\(type)', 'fortran_order': False, 'shape': (\(lengths)), }"
        while (10 + header.utf8.count + 1) % 64 != 0 { header += " " }
        header += "\n"
        let count = header.utf8.count
        return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(count & 255), UInt8(count >> 8)] + Array(header.utf8) + bytes
    }
}

/// A disk that is soon full.
enum SmallDisk {
    static let canMount: Bool = {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("pith-mount-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        return (try? with(kilobytes: 64, at: folder) { _ in true }) ?? false
    }()

    private struct CanNotMount: Error {}

    static func with<Result>(kilobytes: Int, at folder: URL, _ body: (URL) throws -> Result) throws -> Result {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        guard run("mount", ["-t", "tmpfs", "-o", "size=\(kilobytes)k", "tmpfs", folder.path]) else {
            throw CanNotMount()
        }
        defer { _ = run("umount", [folder.path]) }
        return try body(folder)
    }

    private static func run(_ program: String, _ arguments: [String]) -> Bool {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [program] + arguments
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }
}
