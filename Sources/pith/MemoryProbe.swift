import Foundation
import PithFormats
import PithTensor

/// Measures how much memory a model takes, in a process of its own: what this one holds already does not count.
struct MemoryProbe: Sendable {
    /// A folder for the inputs, which are handed over as files.
    let folder: URL

    /// Largest resident memory of a process that loads the model at `path` and runs it once; nil where an input can not be
    /// handed over or the process does not end well.
    func peakBytes(of path: String, inputs: [String: Tensor]) -> Int? {
        guard let program = Bundle.main.executableURL else { return nil }
        var arguments = ["run-once", path]
        for (index, (name, tensor)) in inputs.sorted(by: { $0.key < $1.key }).enumerated() {
            let file = folder.appendingPathComponent("input-\(index).npy").path
            guard (try? NPYWriter.write(tensor, to: file)) != nil else { return nil }
            arguments += ["--input", "\(name)=\(file)"]
        }
        let process = Process(), output = Pipe()
        process.executableURL = program
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return nil }
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return process.terminationStatus == 0 ? Int(text.trimmingCharacters(in: .whitespacesAndNewlines)) : nil
    }
}
