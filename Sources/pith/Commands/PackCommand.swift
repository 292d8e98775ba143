import ArgumentParser
import Foundation
import PithFormats
import PithReport
import PithTensor

struct PackCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pack",
        abstract: "Store a model in a .pith file: smaller, checked, and the same byte for byte when unpacked.",
        discussion: "Example: pith pack model.onnx -o model.pith")

    @Argument(help: "The model: .onnx, .safetensors (or the .index.json of a set), .npz or .npy.")
    var model: String

    @Option(name: .shortAndLong, help: "Where the container goes; - is standard output.")
    var output: String

    @Option(help: "Threads for the work, by default one for each processor; the output is the same with any number.")
    var threads: Int?

    @OptionGroup var shared: SharedOptions

    func validate() throws {
        guard threads.map({ $0 > 0 }) ?? true else { throw ValidationError("--threads takes a number from 1 up.") }
    }

    func run() async throws {
        let packed = try PackedModel.read(path: model)
        let packer = try ContainerPacker(
            packed, threads: threads ?? ProcessInfo.processInfo.activeProcessorCount)
        let meter = ProgressMeter("packed", of: packed.files.reduce(0) { $0 + $1.byteCount })
        let report: ContainerPacker.Report
        if output == "-" {
            report = try await packer.pack(to: .standardOutput, named: "standard output", progress: meter.tell)
            Console.endProgress()
            return Console.warn(PackText(model, output, report).text)
        }
        let staged = try StagedOutput(beside: output), name = URL(fileURLWithPath: output).lastPathComponent
        let file = try staged.create(name)
        report = try await packer.pack(to: file, named: output, progress: meter.tell)
        try staged.complete(name, file)
        try staged.commit()
        Console.endProgress()
        switch shared.format {
        case .text: Console.print(PackText(model, output, report).text)
        case .json: Console.print(try JSONText.encode(PackText(model, output, report)))
        }
    }
}
