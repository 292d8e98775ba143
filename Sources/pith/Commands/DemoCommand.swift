import ArgumentParser
import CDigits
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
        let report = try await CompressionJob(
            input: folder.appendingPathComponent("digits.onnx").path,
            output: folder.appendingPathComponent("digits.int8.onnx").path, recipe: try Recipe.named("int8"),
            options: options, progress: { Console.progress($0) }
        ).run()
        Console.endProgress()
        switch shared.format {
        case .text: Console.print(CompressionText(report).text)
        case .json: Console.print(try JSONText.encode(report))
        }
    }
}

/// The example of `Examples/Digits`, kept inside the program.
enum EmbeddedDigits {
    /// Writes model, data and data card as files.
    static func write(to folder: URL) throws {
        let model = unsafe Data(bytes: pith_digits_model_bytes(), count: pith_digits_model_size)
        let data = unsafe Data(bytes: pith_digits_data_bytes(), count: pith_digits_data_size)
        try model.write(to: folder.appendingPathComponent("digits.onnx"))
        try data.write(to: folder.appendingPathComponent("digits.npz"))
        try Data(card.utf8).write(to: folder.appendingPathComponent("digits.yaml"))
    }

    private static let card = """
        # 28x28 digits drawn by Examples/Digits/generate.py
        inputs:
          image: { file: digits.npz, array: image, shape: [1, 28, 28], scale: 0.00392156862745098 }
        labels: { file: digits.npz, array: label }
        metric: accuracy
        calibrate: [0, 200]
        evaluate: [200, 1200]

        """
}
