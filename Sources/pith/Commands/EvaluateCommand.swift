import ArgumentParser
import PithEvaluation
import PithFormats
import PithModel
import PithReport
import PithRuntime

struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Score a model on data, alone or against a reference.",
        discussion: "Example: pith evaluate small.onnx --data card.yaml --reference model.onnx")

    @Argument(help: "The ONNX model.")
    var model: String

    @Option(help: "Evaluation data: a .npz, or a data card (YAML).")
    var data: String

    @Option(help: "The model to compare with: fidelity, and the interval of the difference.")
    var reference: String?

    @OptionGroup var shared: SharedOptions

    func run() throws {
        do {
            let scores = try score()
            Console.endProgress()
            switch shared.format {
            case .text: try Console.print(scores.text)
            case .json: try Console.print(JSONText.encode(scores))
            }
        } catch let error as EvaluationError {
            throw error.about(data)
        }
    }

    private func score() throws -> ScoreReport {
        let original = try ONNXReader.read(path: reference ?? model)
        let session = try Session(path: reference ?? model)
        let dataset = try Dataset(path: data, graphInputs: original.graph.requiredInputs).suited(to: session)
        // The reader says what a file that is no model is; the runtime only that it does not load.
        if reference != nil { _ = try ONNXReader.read(path: model) }
        let candidate = try reference.map { _ in try Session(path: model) }
        let evaluator = try Evaluator(source: dataset, reference: session)
        var report = try evaluator.evaluate(candidate) { done, total in Console.progress("scoring \(done)/\(total)") }
        report.notes = dataset.notes + report.notes
        Console.progress("timing")
        let latency = try evaluator.latency(of: candidate.map { [$0] } ?? [], settings: Latency(budgetSeconds: 0.5))
            .first
        return ScoreReport(model: model, reference: reference, evaluation: report, latency: latency)
    }
}
