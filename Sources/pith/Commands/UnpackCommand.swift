import ArgumentParser
import Foundation
import PithFormats
import PithReport
import PithTensor

struct UnpackCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unpack",
        abstract: "Bring the model in a .pith file back, byte for byte.",
        discussion: "Example: pith unpack model.pith -o back.onnx")

    @Argument(help: "The container; - is standard input.")
    var container: String

    @Option(
        name: .shortAndLong, help: "Where the model goes; it appears whole or not at all, its data files beside it.")
    var output: String

    @Option(help: "Only this weight, as .npz, .safetensors or else .npy; of a pipe no more is read than it takes.")
    var array: String?

    @Option(help: "Only these rows of the array, such as 10-20 for ten rows from row 10 on.")
    var rows: RowRange?

    @Flag(
        help: "With .npz or .safetensors: the parts of stored weights (levels, scales, ...) rather than their numbers.")
    var stored = false

    @Option(help: "Threads for the work, by default one for each processor.")
    var threads: Int?

    @OptionGroup var shared: SharedOptions

    func validate() throws {
        guard threads.map({ $0 > 0 }) ?? true else { throw ValidationError("--threads takes a number from 1 up.") }
        guard output != "-" else { throw ValidationError("A model is not written to standard output: name a file.") }
        if rows != nil, array == nil { throw ValidationError("--rows needs --array.") }
        if stored, container == "-" { throw ValidationError("--stored needs a file, not a pipe.") }
        if stored, array != nil { throw ValidationError("--stored writes all weights, --array one.") }
    }

    func run() async throws {
        if container != "-" { try OutputCheck.requireFree(output, read: [container]) }
        let isPipe = container == "-", name = isPipe ? "standard input" : container
        if isPipe, let array { return try await show(streamed(array, name)) }
        if let text = try exported() { return try show(text) }
        let source: ContainerUnpacker.Source =
            isPipe
            ? .stream(try ContainerStream(.standardInput, named: name)) : .file(try ContainerFile(path: container))
        guard !isPipe || !ArrayExport.isWanted(source.directory, path: output) else {
            throw ValidationError("The weights of a model become plain arrays from a file, not from a pipe.")
        }
        let unpacker = ContainerUnpacker(
            source, named: name, threads: threads ?? ProcessInfo.processInfo.activeProcessorCount)
        let meter = ProgressMeter("unpacked", of: source.directory.files.reduce(0) { $0 + $1.byteCount })
        let (paths, byteCount) = try await unpacker.unpack(to: output, progress: meter.tell)
        Console.endProgress()
        try show(UnpackText(container: name, paths: paths, bytes: byteCount, notes: []))
    }

    /// Writes plain arrays when that is what was asked for.
    private func exported() throws -> UnpackText? {
        guard container != "-" else { return nil }
        let file = try ContainerFile(path: container)
        if let array {
            return text(container, try ArrayExport(file).write(array: array, rows: rows?.range, to: output))
        }
        let kind = file.directory.kind
        guard ArrayExport.isWanted(file.directory, path: output) else {
            let ending = URL(fileURLWithPath: output).pathExtension.lowercased()
            guard ending != "npy" || kind == "npy" else {
                throw ValidationError("A .npy holds one array: say which with --array, or write .npz for all.")
            }
            guard !stored else {
                let other = kind == "npz" ? ".safetensors" : kind == "safetensors" ? ".npz" : ".npz or .safetensors"
                throw ValidationError(
                    "--stored writes arrays, and \(output) would be the \(kind) file itself: "
                        + "give the output a name that ends in \(other).")
            }
            return nil
        }
        return text(container, try ArrayExport(file, isStored: stored).write(to: output))
    }

    /// Writes one array of what comes through the pipe.
    private func streamed(_ array: String, _ name: String) async throws -> UnpackText {
        let tensor = try await ContainerStream(.standardInput, named: name).weight(named: array, rows: rows?.range)
        let count = try ArrayFile.write(tensor, named: array, to: output)
        return UnpackText(container: name, paths: [output], bytes: count, notes: [])
    }

    private func text(_ container: String, _ report: ArrayExport.Report) -> UnpackText {
        UnpackText(container: container, paths: [output], bytes: report.byteCount, notes: report.notes)
    }

    private func show(_ text: UnpackText) throws {
        switch shared.format {
        case .text: try Console.print(text.text)
        case .json: try Console.print(JSONText.encode(text))
        }
    }
}

/// A half-open range of rows: `10-20` is ten rows.
struct RowRange: ExpressibleByArgument {
    let range: Range<Int>

    init?(argument: String) {
        let ends = argument.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
        guard ends.count == 2, let start = ends[0], let end = ends[1], start < end else { return nil }
        range = start..<end
    }
}
