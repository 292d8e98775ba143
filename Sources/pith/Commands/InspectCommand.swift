import ArgumentParser
import PithFormats
import PithReport

struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Show what a model holds: operators, weights, types, bytes, and what could be done.",
        discussion: "Example: pith inspect model.onnx")

    @Argument(help: "The ONNX model or .pith container.")
    var model: String

    @Flag(help: "Of an ONNX model also range, mean, spread, zeros and entropy of each weight (reads every weight).")
    var statistics = false

    @OptionGroup var shared: SharedOptions

    func run() throws {
        if model.lowercased().hasSuffix(".pith") {
            guard !statistics else {
                throw ValidationError("--statistics reads an ONNX model: bring it back with `pith unpack` first.")
            }
            return try inspectContainer()
        }
        let content = try ONNXReader.read(path: model, sparseAllowance: ONNXReader.sparseAllowanceForInspection)
        let report = try InspectionReport(path: model, model: content, statistics: statistics)
        switch shared.format {
        case .text: try Console.print(report.text)
        case .json: try Console.print(JSONText.encode(report))
        }
    }

    private func inspectContainer() throws {
        let report = ContainerInspection(try ContainerFile(path: model))
        switch shared.format {
        case .text: try Console.print(report.text)
        case .json: try Console.print(JSONText.encode(report))
        }
    }
}
