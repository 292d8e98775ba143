import ArgumentParser
import Foundation
import PithEvaluation
import PithFormats
import PithModel
import PithReport
import PithRuntime

struct EvaluateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Score a model on data, alone or against a reference.",
        discussion: "Example: pith evaluate small.onnx --data card.yaml --reference model.onnx")

    @Argument(help: "The ONNX model, or a .pith file of one.")
    var model: String

    @Option(help: "Evaluation data: a .npz, or a data card (YAML).")
    var data: String

    @Option(help: "The model to compare with: fidelity, and the interval of the difference.")
    var reference: String?

    @OptionGroup var shared: SharedOptions

    func run() async throws {
        let folder = try Signals.temporaryFolder("pith-evaluate")
        defer { try? FileManager.default.removeItem(at: folder) }
        do {
            let threads = ProcessInfo.processInfo.activeProcessorCount
            let file = try await ContainedModel.path(of: model, in: folder, threads: threads)
            var other = reference
            if let reference { other = try await ContainedModel.path(of: reference, in: folder, threads: threads) }
            let scores = try score(file, other)
            Console.endProgress()
            switch shared.format {
            case .text: try Console.print(scores.text)
            case .json: try Console.print(JSONText.encode(scores))
            }
        } catch let error as EvaluationError {
            throw error.about(data)
        }
    }

    private func score(_ file: String, _ other: String?) throws -> ScoreReport {
        let original = try ONNXReader.read(path: other ?? file)
        let session = try Session(path: other ?? file)
        let dataset = try Dataset(path: data, graphInputs: original.graph.requiredInputs).suited(to: session)
        // The reader says what a file that is no model is; the runtime only that it does not load.
        if other != nil { _ = try ONNXReader.read(path: file) }
        let candidate = try other.map { _ in try Session(path: file) }
        let evaluator = try Evaluator(source: dataset, reference: session)
        var report = try evaluator.evaluate(candidate) { done, total in Console.progress("scoring \(done)/\(total)") }
        report.notes = dataset.notes + report.notes
        let isOneOfMany = evaluator.comparedOutputs.count > 1
        let outputs = try isOneOfMany ? candidate.map { try evaluator.errors(of: $0) } : nil
        Console.progress("timing")
        let latency = try evaluator.latency(of: candidate.map { [$0] } ?? [], settings: Latency(budgetSeconds: 0.5))
            .first
        return ScoreReport(model: model, reference: reference, evaluation: report, outputs: outputs, latency: latency)
    }
}
