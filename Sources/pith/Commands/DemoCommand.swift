import ArgumentParser
import Foundation
import PithCompression
import PithReport

struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Compress the embedded digit classifier and show what was gained.",
        discussion: "Example: pith demo")

    @Option(help: "Folder to leave the model, its data and the result in; a temporary one by default.")
    var keep: String?

    @OptionGroup var shared: SharedOptions

    func run() async throws {
        let folder =
            keep.map { URL(fileURLWithPath: $0, isDirectory: true) }
            ?? FileManager.default.temporaryDirectory.appendingPathComponent("pith-demo-\(UUID().uuidString.prefix(8))")
        if keep == nil { Signals.removeOnInterrupt(folder) }
        defer { if keep == nil { try? FileManager.default.removeItem(at: folder) } }
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try EmbeddedDigits.write(to: folder)
        var options = CompressionOptions()
        options.data = folder.appendingPathComponent("digits.yaml").path
        options.threads = ProcessInfo.processInfo.activeProcessorCount
        options.start = ProcessStart.instant
        defer { options.profile.warnOfKeepingFailure() }
        let report = try await CompressionJob(
            input: folder.appendingPathComponent("digits.onnx").path,
            output: folder.appendingPathComponent("digits.int8.onnx").path, recipe: try Recipe.named("int8"),
            options: options, progress: { Console.progress($0) }
        ).run()
        Console.endProgress()
        switch shared.format {
        case .text: try Console.print(CompressionText(report).text)
        case .json: try Console.print(JSONText.encode(report))
        }
    }
}
