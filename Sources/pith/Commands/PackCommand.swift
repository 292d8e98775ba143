import ArgumentParser
import Foundation
import PithCoding
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
    var output: String?

    @Option(help: "What codes the blocks: auto (the default), store, zstd, gzip, lzo, lz4 or brotli.")
    var codec: BlockCodec?

    @Flag(
        help: ArgumentHelp(
            "Instead of writing anything, code the model with every codec, or the one of --codec.",
            discussion: "Compared are the bytes of the container, speed, and the most memory of the whole process."))
    var compare = false

    @Option(
        name: .customLong("first"),
        help: ArgumentHelp(
            "Put this array first, for readers of a stream; a * at its end stands for any ending.", valueName: "name"))
    var hot: [String] = []

    @Option(help: "Threads for the work, by default one for each processor; the output is the same with any number.")
    var threads: Int?

    @OptionGroup var shared: SharedOptions

    func validate() throws {
        guard threads.map({ $0 > 0 }) ?? true else { throw ValidationError("--threads takes a number from 1 up.") }
        guard !compare || output == nil else {
            throw ValidationError("--compare writes nothing: leave out -o, or --compare.")
        }
        guard compare || output != nil else {
            throw ValidationError("Say where the container goes with -o, or --compare.")
        }
    }

    func run() async throws {
        let packed = try PackedModel.read(path: model).first(hot)
        if compare {
            let codecs = codec.map { [$0] } ?? BlockCodec.allCases
            return try show(CodecTable(model, CodecComparison(packed), codecs) { Console.progress($0) })
        }
        guard let output else { throw ValidationError("Missing expected argument '--output <output>'") }
        let meter = ProgressMeter("packed", of: packed.files.reduce(0) { $0 + $1.byteCount })
        let report: ContainerPacker.Report
        if output == "-" {
            let packer = try ContainerPacker(
                packed, threads: threads ?? ProcessInfo.processInfo.activeProcessorCount, codec: codec ?? .auto)
            report = try await packer.pack(to: .standardOutput, named: "standard output", progress: meter.tell)
            Console.endProgress()
            let text = PackText(model, output, report)
            return Console.warn(shared.format == .text ? text.text : try JSONText.encode(text))
        }
        try OutputCheck.requireFree(output, read: packed.files.map(\.path))
        let pending = try await PackedOutput.begin(
            packed, path: output, threads: threads ?? ProcessInfo.processInfo.activeProcessorCount,
            codec: codec ?? .auto,
            progress: meter.tell)
        try pending.commit()
        report = pending.report
        Console.endProgress()
        switch shared.format {
        case .text: try Console.print(PackText(model, output, report).text)
        case .json: try Console.print(JSONText.encode(PackText(model, output, report)))
        }
    }

    private func show(_ table: CodecTable) throws {
        Console.endProgress()
        switch shared.format {
        case .text: try Console.print(table.text)
        case .json: try Console.print(JSONText.encode(table))
        }
    }
}

extension BlockCodec: ExpressibleByArgument {}
