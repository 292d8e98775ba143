import Foundation
import PithTensor
import Testing

@Suite(.enabled(if: Program.isBuilt, "needs the release build of pith")) struct CommandTests {
    private func run(_ arguments: [String], _ workshop: Workshop, environment: [String: String] = [:]) throws
        -> Program.Result
    {
        let result = try Program.run(arguments, in: workshop, environment: environment)
        // Not a terminal: no progress, no control characters.
        #expect(!result.errors.contains("\r") && !result.output.contains("\u{1B}"))
        return result
    }

    // MARK: Without a runtime

    private static let nowhere = ["PITH_ONNXRUNTIME": "/nowhere/libonnxruntime.so"]

    @Test func `without a runtime models are inspected and recipes shown`() throws {
        let workshop = try Workshop()
        for arguments in [["inspect", "model.onnx", "--statistics"], ["recipes"], ["recipes", "show", "int8"]] {
            let result = try run(arguments, workshop, environment: Self.nowhere)
            #expect(result.status == 0)
            #expect(!result.output.isEmpty)
            #expect(result.errors.isEmpty)
        }
        let version = try run(["version"], workshop, environment: Self.nowhere)
        #expect(version.status == 0)
        #expect(version.output.contains("ONNX Runtime not found: run `make setup`"))
        let json = try run(["version", "--format", "json"], workshop, environment: Self.nowhere).json
        #expect(json["pith"] as? String == "0.1.0")
        #expect(json["onnxRuntime"] == nil)
    }

    @Test(arguments: [
        ["compress", "model.onnx", "-o", "o.onnx"], ["evaluate", "model.onnx", "--data", "card.yaml"],
        ["compare", "model.onnx", "clean", "--report", "page.html"], ["demo"],
    ])
    func `without a runtime the others say what to install and end with 1`(arguments: [String]) throws {
        let workshop = try Workshop(), before = workshop.names
        let result = try run(arguments, workshop, environment: Self.nowhere)
        #expect(result.status == 1)
        #expect(result.output.isEmpty)
        #expect(result.errors.contains("make setup"))
        #expect(result.errors.contains("PITH_ONNXRUNTIME"))
        #expect(workshop.names == before)
        #expect(workshop.leftovers.isEmpty)
    }

    // MARK: Inspecting

    @Test func `inspect tells what a model holds`() throws {
        let workshop = try Workshop(), text = try run(["inspect", "model.onnx"], workshop)
        #expect(text.status == 0)
        #expect(text.output.contains("model.onnx: 409.7 KB, 101242 parameters, 29 nodes"))
        #expect(text.output.contains("image float32[batch, 1, 28, 28]"))
        let json = try run(["inspect", "model.onnx", "--format", "json"], workshop).json
        #expect(json["bytes"] as? Int == 409_748)
        let weights = try #require(json["weights"] as? [[String: Any]])
        #expect(weights.count == 42)
        #expect(weights.allSatisfy { $0["statistics"] == nil })
        let operators = try #require(json["operators"] as? [[String: Any]])
        #expect(
            operators.first?["operation"] as? String == "BatchNormalization" || operators.first?["count"] as? Int == 8)
    }

    @Test func `inspect with statistics reads the numbers`() throws {
        let workshop = try Workshop()
        let json = try run(["inspect", "model.onnx", "--statistics", "--format", "json"], workshop).json
        let weights = try #require(json["weights"] as? [[String: Any]])
        let row = try #require(weights.first { $0["name"] as? String == "stem.weight" })
        let figures = try #require(row["statistics"] as? [String: Any])
        let low = try #require(figures["minimum"] as? Double), high = try #require(figures["maximum"] as? Double)
        let mean = try #require(figures["mean"] as? Double), spread = try #require(figures["spread"] as? Double)
        let entropy = try #require(figures["entropyBits"] as? Double)
        #expect(low < mean && mean < high && spread > 0 && spread < high - low)
        #expect((10.0...32).contains(entropy))
        #expect(figures["nonFinite"] as? Int == 0)
        #expect(try run(["inspect", "model.onnx", "--statistics"], workshop).output.contains("entropy bits"))
    }

    // MARK: Recipes

    @Test func `recipes are listed and shown`() throws {
        let workshop = try Workshop()
        let list = try run(["recipes"], workshop)
        #expect(list.output.split(separator: "\n").count == 12)
        #expect(try run(["recipes", "list"], workshop).output == list.output)
        let shown = try run(["recipes", "show", "int8"], workshop)
        try workshop.write("mine.yaml", shown.output)
        #expect(try run(["recipes", "show", "mine.yaml"], workshop).output == shown.output)
        let json = try run(["recipes", "show", "int8", "--format", "json"], workshop).json
        #expect((json["stages"] as? [Any])?.count == 8)
        #expect(json["version"] as? Int == 1)
    }
}

@Suite(.enabled(if: Program.isBuilt && Program.hasRuntime, "needs the release build of pith and ONNX Runtime"))
struct WorkingCommandTests {
    private func run(_ arguments: [String], _ workshop: Workshop) throws -> Program.Result {
        try Program.run(arguments, in: workshop)
    }

    @Test func `compress prints one object with the keys of the contract`() throws {
        let workshop = try Workshop(), start = Date()
        let result = try run(
            [
                "compress", "model.onnx", "-o", "out.onnx", "--data", "card.yaml", "--profile", "none", "--format",
                "json",
            ], workshop)
        let elapsed = Date().timeIntervalSince(start)
        #expect(result.status == 0)
        #expect(result.errors.isEmpty)
        let json = result.json
        let keys = [
            "input", "output", "accuracy", "fidelity", "latency", "seconds", "scoringSeconds", "peakBytes", "recipe",
            "minimumRuntime",
            "ledger",
        ]
        for key in keys { #expect(json[key] != nil, "\(key) is missing") }
        func members(_ name: String) -> Set<String> { Set((json[name] as? [String: Any] ?? [:]).keys) }
        #expect(members("input").isSuperset(of: ["path", "bytes", "parameters"]))
        #expect(members("output").isSuperset(of: ["path", "bytes", "bitsPerWeight", "sha256"]))
        #expect(
            members("accuracy").isSuperset(of: ["metric", "reference", "candidate", "drop", "dropUpper95", "samples"]))
        #expect(members("fidelity").isSuperset(of: ["sqnrDB", "cosine", "agreement"]))
        #expect(members("latency").isSuperset(of: ["referenceMilliseconds", "candidateMilliseconds", "speedup"]))
        let rows = try #require(json["ledger"] as? [[String: Any]])
        for key in ["weight", "shape", "technique", "representation", "bytesBefore", "bytesAfter", "sqnrDB", "note"] {
            #expect(rows.allSatisfy { $0[key] != nil }, "\(key) is missing")
        }
        let seconds = try #require(json["seconds"] as? Double),
            scoring = try #require(json["scoringSeconds"] as? Double)
        #expect(scoring < seconds)
        #expect(seconds <= elapsed + 0.05)
        #expect(workshop.names.contains("out.onnx"))
        #expect(json["accuracy"] is [String: Any])
    }

    @Test func `what was not measured is null`() throws {
        let workshop = try Workshop()
        let result = try run(
            ["compress", "model.onnx", "-o", "out.onnx", "--profile", "none", "--format", "json"], workshop)
        #expect(result.status == 0)
        #expect(result.errors.hasPrefix("no --data: activations stay in float"))
        #expect(result.json["accuracy"] is NSNull)
        #expect(result.json["fidelity"] is NSNull)
        let text = try run(["compress", "model.onnx", "-o", "out.onnx", "--profile", "none"], workshop)
        #expect(text.output.hasPrefix("note: No data was given"))
        #expect(text.output.contains("dB without, on made-up inputs"))
    }

    @Test func `the demo loses less than a point in a third of the bytes and leaves nothing`() throws {
        let workshop = try Workshop(), before = workshop.names
        let result = try run(["demo", "--format", "json"], workshop)
        #expect(result.status == 0)
        let accuracy = try #require(result.json["accuracy"] as? [String: Any])
        let input = try #require(result.json["input"] as? [String: Any]),
            output = try #require(result.json["output"] as? [String: Any])
        #expect(try #require(accuracy["drop"] as? Double) < 0.01)
        #expect(try #require(accuracy["dropUpper95"] as? Double) < 0.01)
        #expect(accuracy["samples"] as? Int == 1000)
        #expect(try #require(output["bytes"] as? Int) * 3 < (try #require(input["bytes"] as? Int)))
        #expect(workshop.names == before)
        #expect(workshop.leftovers.isEmpty)
        let kept = try run(["demo", "--keep", "demo"], workshop)
        #expect(kept.output.contains("times smaller"))
        let files = try FileManager.default.contentsOfDirectory(atPath: workshop.path("demo")).sorted()
        #expect(files == ["digits.int8.onnx", "digits.npz", "digits.onnx", "digits.yaml"])
        for name in files.dropFirst() {
            let example = Program.package.appendingPathComponent("Examples/Digits/\(name)").path
            #expect(FileManager.default.contentsEqual(atPath: workshop.path("demo/\(name)"), andPath: example))
        }
    }

    @Test func `evaluate scores a model alone and against another`() throws {
        let workshop = try Workshop()
        let alone = try run(["evaluate", "model.onnx", "--data", "card.yaml", "--format", "json"], workshop)
        #expect(alone.status == 0)
        #expect((alone.json["accuracy"] as? [String: Any])?["reference"] as? Double == 0.975)
        #expect(alone.json["fidelity"] is NSNull)
        let pair = try run(
            ["evaluate", "model.onnx", "--data", "card.yaml", "--reference", "model.onnx", "--format", "json"], workshop
        )
        #expect((pair.json["fidelity"] as? [String: Any])?["sqnrDB"] as? Double == 200)
        #expect((pair.json["accuracy"] as? [String: Any])?["drop"] as? Double == 0)
        let text = try run(["evaluate", "model.onnx", "--data", "card.yaml"], workshop).output
        #expect(text.contains("accuracy: 97.50 % (1000 samples)"))
        #expect(text.contains("macro"))
    }

    @Test func `the runtime leaves no traces and sends none`() throws {
        let workshop = try Workshop()
        let result = try Program.run(
            ["evaluate", "model.onnx", "--data", "card.yaml"], in: workshop,
            environment: ["ORT_DISABLE_TELEMETRY": "0"])
        #expect(result.status == 0, "\(result.errors)")
        #expect(workshop.leftovers.isEmpty)
        #expect(workshop.caches.isEmpty)
    }

    @Test func `promises are kept or end with 1 and leave nothing`() throws {
        let workshop = try Workshop(), before = workshop.names
        let command = [
            "compress", "model.onnx", "-o", "out.onnx", "--data", "card.yaml", "--profile", "none", "--recipe",
            "int8-weights",
        ]
        for (promise, word) in [
            (["--max-size", "20KB"], "size"), (["--min-sqnr", "120"], "fidelity"), (["--max-drop", "0"], "accuracy"),
            (["--require-speedup", "500"], "speed"),
        ] {
            let result = try run(command + promise, workshop)
            #expect(result.status == 1)
            #expect(result.output.isEmpty)
            #expect(result.errors.hasPrefix("error: \(word): "), "\(result.errors)")
            #expect(workshop.names == before)
        }
        let kept = try run(
            command + ["--max-size", "130 KB", "--max-drop", "2", "--strict", "--require-speedup", "0.01"], workshop)
        #expect(kept.status == 0, "\(kept.errors)")
        #expect(workshop.names == before.union(["out.onnx"]))
    }

    @Test func `the machine profile is kept, reused and can be damaged`() throws {
        let workshop = try Workshop()
        let command = ["compress", "model.onnx", "-o", "out.onnx", "--data", "card.yaml", "--profile", "profile.json"]
        #expect(try run(command, workshop).status == 0)
        let first = try Data(contentsOf: URL(fileURLWithPath: workshop.path("profile.json")))
        let output = try Data(contentsOf: URL(fileURLWithPath: workshop.path("out.onnx")))
        #expect(try run(command, workshop).status == 0)
        #expect(try Data(contentsOf: URL(fileURLWithPath: workshop.path("profile.json"))) == first)
        #expect(try Data(contentsOf: URL(fileURLWithPath: workshop.path("out.onnx"))) == output)
        #expect(try run(command, workshop).errors.isEmpty)
    }

    @Test func `a file that is no profile is refused before any work, and stays`() throws {
        let workshop = try Workshop()
        try workshop.write("thesis.txt", "ten years of work")
        let before = workshop.names
        for place in ["thesis.txt", "model.onnx", ".", "/dev/null"] {
            let result = try run(
                ["compress", "model.onnx", "-o", "out.onnx", "--data", "card.yaml", "--profile", place], workshop)
            #expect(result.status == 3)
            #expect(result.errors.hasPrefix("error: machine profile \(place): "), "\(result.errors)")
            #expect(workshop.names == before)
        }
        #expect(try String(contentsOfFile: workshop.path("thesis.txt"), encoding: .utf8) == "ten years of work")
        let kept = try run(
            ["compress", "model.onnx", "-o", "out.onnx", "--data", "card.yaml", "--profile", "model.onnx/p"], workshop)
        #expect(kept.status == 0)
        #expect(kept.errors.hasPrefix("warning: what was measured"), "\(kept.errors)")
    }

    @Test func `a promise that the data can not decide is refused before any work`() throws {
        let workshop = try Workshop()
        try workshop.card("fidelity.yaml", replacing: [("metric: accuracy", "metric: fidelity")])
        let command = ["compress", "model.onnx", "-o", "out.onnx", "--profile", "none", "--data", "fidelity.yaml"]
        let before = workshop.names, start = Date()
        for recipe in [[], ["--recipe", "int8"]] {
            let result = try run(command + ["--max-drop", "1"] + recipe, workshop)
            #expect(result.status == 1)
            #expect(result.errors.hasPrefix("error: --max-drop: 'fidelity.yaml' has no metric"), "\(result.errors)")
            #expect(result.errors.contains("labels"))
            #expect(workshop.names == before)
        }
        #expect(Date().timeIntervalSince(start) < 2)
        #expect(try run(command + ["--min-sqnr", "20", "--recipe", "int8-weights"], workshop).status == 0)
    }

    @Test func `an interrupt leaves nothing behind`() throws {
        let workshop = try Workshop(), before = workshop.names
        let running = try Program.launch(
            Program.path, ["compress", "model.onnx", "-o", "out.onnx", "--data", "card.yaml", "--profile", "none"],
            in: workshop)
        for _ in 0..<2000 where workshop.names == before && running.process.isRunning {
            Thread.sleep(forTimeInterval: 0.005)
        }
        #expect(workshop.names != before, "the output is not staged beside its place")
        running.process.interrupt()
        #expect(running.finish().status == 130)
        #expect(workshop.names == before)
        let demo = try Program.launch(Program.path, ["demo"], in: workshop)
        for _ in 0..<2000 where workshop.leftovers.isEmpty && demo.process.isRunning {
            Thread.sleep(forTimeInterval: 0.005)
        }
        demo.process.terminate()
        #expect(demo.finish().status == 143)
        #expect(workshop.leftovers.isEmpty)
    }

    /// Signals that end the program; a terminal's end only where who started the tests does not have it ignored.
    private static let signals = [SIGINT, SIGTERM] + (ProcessSignals.isIgnored(SIGHUP) ? [] : [SIGHUP])

    @Test(arguments: signals, [10, 60, 150, 300])
    func `a signal at any moment leaves nothing behind`(signal: Int32, milliseconds: Int) throws {
        let workshop = try Workshop(), before = workshop.names
        // No recipe keeps this promise, so the search goes through all of them.
        let running = try Program.launch(
            Program.path,
            ["compress", "model.onnx", "-o", "out.onnx", "--data", "card.yaml", "--require-speedup", "1000"],
            in: workshop)
        Thread.sleep(forTimeInterval: Double(milliseconds) / 1000)
        #expect(kill(running.process.processIdentifier, signal) == 0)
        let result = running.finish()
        // In its first moments, which other work on the machine draws out, the program has no handler yet: the system ends it.
        #expect(result.status == 128 + signal || (milliseconds < 100 && result.status == signal), "\(result.status)")
        #expect(result.output.isEmpty && result.errors.isEmpty, "\(result.errors)")
        #expect(workshop.names == before)
        #expect(workshop.leftovers.isEmpty)
        let kept = try FileManager.default.subpathsOfDirectory(atPath: workshop.cache.path)
        #expect(kept.allSatisfy { !$0.contains(".partial") }, "\(kept)")
    }

    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/script"), "needs script(1)"))
    func `progress is shown on a terminal`() throws {
        let workshop = try Workshop()
        let line = "script -qec 'pith compress model.onnx -o out.onnx --data card.yaml --profile none' /dev/null"
        let result = try Program.shell(line, in: workshop)
        #expect(result.status == 0)
        #expect(result.output.contains("\r\u{1B}[Kreading model.onnx"))
        #expect(result.output.contains("scoring"))
    }
}
