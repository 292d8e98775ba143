import Foundation
import Testing

@Suite(.enabled(if: Program.isBuilt, "needs the release build of pith")) struct HelpTests {
    static let commands = [
        [], ["inspect"], ["compress"], ["evaluate"], ["compare"], ["recipes"], ["recipes", "list"],
        ["recipes", "show"], ["demo"], ["version"], ["pack"], ["unpack"], ["verify"],
    ]

    private static let golden = Program.package.appendingPathComponent("Tests/PithGolden/help")

    @Test(arguments: commands) func `help says what it always said`(command: [String]) throws {
        let workshop = try Workshop(), result = try Program.run(["help"] + command, in: workshop)
        #expect(result.status == 0)
        #expect(result.errors.isEmpty)
        let file = Self.golden.appendingPathComponent((["pith"] + command).joined(separator: "-") + ".txt")
        if ProcessInfo.processInfo.environment["PITH_UPDATE_GOLDEN"] == "1" {
            try FileManager.default.createDirectory(at: Self.golden, withIntermediateDirectories: true)
            try Data(result.output.utf8).write(to: file)
        }
        #expect(try String(contentsOf: file, encoding: .utf8) == result.output)
        let option = try Program.run(command + ["--help"], in: workshop)
        #expect(option.status == 0)
        #expect(option.output == result.output)
    }

    @Test(
        .enabled(if: Program.hasRuntime, "needs ONNX Runtime"),
        arguments: ["inspect", "compress", "evaluate", "compare", "recipes", "demo"])
    func `the example of a command's help runs`(command: String) throws {
        let workshop = try Workshop()
        if command == "evaluate" { try workshop.model("small.onnx") { _ in } }
        let help = try Program.run(["help", command], in: workshop).output
        let line = try #require(help.split(separator: "\n").first { $0.hasPrefix("Example: ") }).dropFirst(9)
        #expect(line.hasPrefix("pith \(command)"))
        let result = try Program.shell(String(line), in: workshop)
        #expect(result.status == 0, "\(result.errors)")
        if command == "compress" { #expect(workshop.names.contains("small.onnx")) }
        if command == "compare" { #expect(workshop.names.contains("page.html")) }
        if command == "recipes" {
            let copied = try Program.run(["recipes", "show", "mine.yaml"], in: workshop)
            #expect(copied.status == 0)
            #expect(copied.output.contains("quantize.static"))
        }
    }

    @Test(arguments: [
        ["nonsense"], ["compress"], ["compress", "model.onnx"],
        ["compress", "model.onnx", "-o", "o", "--threads", "0"],
        ["compress", "model.onnx", "-o", "o", "--threads", "two"],
        ["compress", "model.onnx", "-o", "o", "--max-drop", "-1"],
        ["compress", "model.onnx", "-o", "o", "--max-drop", "1"],
        ["compress", "model.onnx", "-o", "o", "--min-sqnr", "30"],
        ["compress", "model.onnx", "-o", "o", "--max-size", "lots"],
        ["compress", "model.onnx", "-o", "o", "--max-size", "-3KB"],
        ["compress", "model.onnx", "-o", "o", "--max-size", "0"],
        ["compress", "model.onnx", "-o", "o", "--require-speedup", "0"],
        ["compress", "model.onnx", "-o", "o", "--fast"],
        ["inspect", "model.onnx", "--format", "xml"], ["inspect"], ["inspect", "model.onnx", "another.onnx"],
        ["evaluate", "model.onnx"], ["compare", "model.onnx"], ["recipes", "show"], ["version", "now"],
    ]) func `bad usage ends with 2, the reason on standard error`(arguments: [String]) throws {
        let workshop = try Workshop(), before = workshop.names
        let result = try Program.run(arguments, in: workshop)
        #expect(result.status == 2)
        #expect(result.output.isEmpty)
        #expect(result.errors.contains("Error:"))
        #expect(result.errors.contains("Usage: pith") || result.errors.contains("See 'pith"))
        #expect(workshop.names == before)
    }

    @Test func `the program without arguments shows its help`() throws {
        let workshop = try Workshop(), result = try Program.run([], in: workshop)
        #expect(result.status == 0)
        #expect(result.output.contains("SUBCOMMANDS"))
    }
}
