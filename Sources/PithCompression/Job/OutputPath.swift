import Foundation
import PithFormats
import PithModel

/// Where an output may go: the files that are read stay as they are.
enum OutputPath {
    /// Endings of files that a compressed model can be written to; without one it is written as ONNX.
    private static let modelEndings = ["onnx", "pith"]

    /// Refuses a place for a model whose ending stands for another format, or for none that is known.
    ///
    /// - Throws: `CompressionError` `.invalidOutput`.
    static func requireModelEnding(_ output: String) throws(CompressionError) {
        let ending = URL(fileURLWithPath: output).pathExtension
        guard !ending.isEmpty, !modelEndings.contains(ending.lowercased()) else { return }
        throw CompressionError(
            code: .invalidOutput, subject: output, problem: "no model is written to files that end in '.\(ending)'.",
            remedy: "Give a path that ends in \(modelEndings.map { ".\($0)" }.joined(separator: " or ")).")
    }

    /// Refuses `output` where it, or what `endings` put behind it, is one of the files in `read` or holds weights of `models`,
    /// and where it stands for standard output.
    ///
    /// - Throws: `CompressionError` `.invalidOutput`.
    static func check(
        _ output: String, endings: [String] = [], read: [String], models: [(path: String, model: Model)]
    ) throws(CompressionError) {
        func place(_ path: String) -> String {
            URL(fileURLWithPath: path).standardizedFileURL.resolvingSymlinksInPath().path
        }
        let external = models.flatMap { path, model in
            let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
            return model.externalFiles.map { URL(fileURLWithPath: $0, relativeTo: folder).path }
        }
        let targets = Set(([""] + endings).map { place(output) + $0 })
        guard output != "-", !(read + models.map(\.path) + external).contains(where: { targets.contains(place($0)) })
        else {
            throw CompressionError(
                code: .invalidOutput, subject: output,
                problem: output == "-"
                    ? "it is not written to standard output." : "it is one of the files that are read.",
                remedy: "Give the output a name of its own.")
        }
    }
}
