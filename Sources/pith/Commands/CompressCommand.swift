import ArgumentParser
import PithCompression
import PithEvaluation
import PithReport

struct CompressCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compress",
        abstract: "Make a model smaller by a recipe, run the result, and account for every weight.",
        discussion: "Example: pith compress model.onnx -o small.onnx --data card.yaml --max-drop 0.5")

    @Argument(help: "The ONNX model.")
    var model: String

    @Option(name: .shortAndLong, help: "Where the smaller model goes; it appears whole or not at all.")
    var output: String

    @Option(help: "Name of a built-in recipe, or the path of a YAML file.")
    var recipe: String?

    @Option(help: "Calibration and evaluation data: a .npz, or a data card (YAML).")
    var data: String?

    @Option(help: "Largest loss in points of the metric (upper end of a 95 % interval).")
    var maxDrop: Double?

    @Option(help: "Largest output, such as 300KB; a recipe for containers takes the finest steps that fit.")
    var maxSize: ByteCount?

    @Option(name: .customLong("min-sqnr"), help: "Smallest SQNR of every output on evaluation data, in dB.")
    var minimumSQNR: Double?

    @Option(defaultAsFlag: 1.0, help: "Refuse an output that runs less than this many times as fast as the input.")
    var requireSpeedup: Double?

    @Flag(help: "Fail where a weight or layer can not be handled as the recipe asks.")
    var strict = false

    @OptionGroup var work: WorkOptions

    @OptionGroup var shared: SharedOptions

    func validate() throws {
        guard maxDrop.map({ $0 >= 0 }) ?? true else { throw ValidationError("--max-drop takes a number from 0 up.") }
        guard requireSpeedup.map({ $0 > 0 }) ?? true else {
            throw ValidationError("--require-speedup takes a number above 0.")
        }
        if maxDrop != nil, data == nil { throw ValidationError("--max-drop needs --data to measure on.") }
        if minimumSQNR != nil, data == nil { throw ValidationError("--min-sqnr needs --data to measure on.") }
    }

    func run() async throws {
        if data == nil {
            Console.warn(
                "no --data: activations stay in float, and nothing is scored; data would add both, and help to round weights."
            )
        }
        let options = try options
        defer { options.profile.warnOfKeepingFailure() }
        let report: CompressionReport
        do {
            report = try await CompressionSearch(
                input: model, output: output, recipe: try recipe.map { try Recipe.named($0) }, options: options,
                progress: { Console.progress($0) }
            ).run()
        } catch let error as EvaluationError {
            throw error.about(data)
        }
        Console.endProgress()
        switch shared.format {
        case .text: try Console.print(CompressionText(report).text)
        case .json: try Console.print(JSONText.encode(report))
        }
    }

    private var options: CompressionOptions {
        get throws {
            var options = try work.options(data: data)
            options.maximumDrop = maxDrop
            options.maximumSize = maxSize?.bytes
            options.minimumSQNR = minimumSQNR
            options.requiredSpeedup = requireSpeedup
            options.isStrict = strict
            return options
        }
    }
}
