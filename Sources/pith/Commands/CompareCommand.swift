import ArgumentParser
import Foundation
import PithCompression
import PithEvaluation
import PithFormats
import PithReport

struct CompareCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Hold models or recipes against a model: size, error, score, speed, and the error of each layer.",
        discussion: "Example: pith compare model.onnx int8 fp16 --data card.yaml --report page.html")

    @Argument(help: "The model (.onnx or .pith) that all others are compared with.")
    var reference: String

    @Argument(
        help: "Models (.onnx or .pith), or recipes that are applied first: names of built-in ones, or YAML files.")
    var candidates: [String]

    @Option(help: "Calibration and evaluation data: a .npz, or a data card (YAML).")
    var data: String?

    @Option(help: "Page with tables and plots; it appears whole or not at all.")
    var report: String?

    @OptionGroup var work: WorkOptions

    @OptionGroup var shared: SharedOptions

    func run() async throws {
        if data == nil {
            Console.warn(
                "no --data: models are compared on made-up inputs, and nothing is scored; data would add both.")
        }
        // A page that can not be written is refused before the work.
        let page = try report.map { try StagedOutput(beside: $0) }
        let folder = try Signals.temporaryFolder("pith-compare")
        defer { try? FileManager.default.removeItem(at: folder) }
        let result = try await compare(in: folder)
        Console.endProgress()
        if let page, let report {
            let html = ComparisonReportPage(result).html
            try page.write(URL(fileURLWithPath: report).lastPathComponent) { try $0.write(Array(html.utf8)) }
            try page.commit()
        }
        switch shared.format {
        case .text: try Console.print(ComparisonReportText(result).text)
        case .json: try Console.print(JSONText.encode(result))
        }
    }

    private func compare(in folder: URL) async throws -> ComparisonReport {
        let options = try work.options(data: data)
        defer { options.profile.warnOfKeepingFailure() }
        let probe = MemoryProbe(folder: folder)
        do {
            return try await ComparisonJob(
                reference: reference, candidates: try candidates.map { try ComparisonCandidate($0) }, options: options,
                folder: folder, page: report, memory: { probe.peakBytes(of: $0, inputs: $1) },
                progress: { Console.progress($0) }
            ).run()
        } catch let error as EvaluationError {
            throw error.about(data)
        }
    }
}
