import ArgumentParser
import Foundation
import PithFormats
import PithRuntime
import PithTensor

/// Runs a model once and prints the peak memory of the process: the other half of `MemoryProbe`.
struct RunOnceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run-once", abstract: "Run a model once and print the peak memory of the process.",
        shouldDisplay: false)

    @Argument(help: "The ONNX model.")
    var model: String

    @Option(help: "An input and the NPY file that holds it: NAME=FILE.")
    var input: [String] = []

    func run() throws {
        var inputs: [String: Tensor] = [:]
        for text in input {
            guard let mark = text.lastIndex(of: "=") else { throw ValidationError("--input takes NAME=FILE.") }
            inputs[String(text[..<mark])] = try NPYReader.read(path: String(text[text.index(after: mark)...]))
        }
        let session = try Session(path: model), known = Set(session.inputs.map(\.name))
        _ = try session.run(inputs.filter { known.contains($0.key) })
        try Console.print("\(peakBytes)")
    }

    /// Largest resident memory of this process alone.
    private var peakBytes: Int {
        // Linux starts the figure of getrusage at what the parent held when it made this process; this one starts at zero.
        guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }),
            let kilobytes = line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap({ Int($0) })
        else { return ProcessMemory.peakBytes }
        return kilobytes * 1024
    }
}
