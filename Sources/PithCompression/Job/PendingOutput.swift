internal import Foundation
internal import PithFormats
internal import PithModel

/// The written model and, when a container was asked for, the container of it; neither is in place yet.
struct PendingOutput {
    private let model: ONNXWriter.Pending
    private let container: PackedOutput?
    /// Holds the model of a container, until both are gone.
    private let folder: StagedOutput?

    /// Writes `model` into a hidden folder beside `path`, and packs it when `path` ends in `.pith`; there it keeps the name of the
    /// file `input`, so that a container's bytes do not depend on where it goes.
    ///
    /// - Throws: `FormatError` when something can not be written; `CancellationError`.
    init(_ model: Model, of input: String, path: String, threads: Int) async throws {
        let url = URL(fileURLWithPath: path)
        guard url.pathExtension.lowercased() == "pith" else {
            self.model = try ONNXWriter.begin(model, path: path)
            (container, folder) = (nil, nil)
            return
        }
        let folder = try StagedOutput(beside: path)
        let name = URL(fileURLWithPath: input).deletingPathExtension().appendingPathExtension("onnx").lastPathComponent
        let inside = folder.workFolder + "/" + name
        self.folder = folder
        self.model = try ONNXWriter.begin(model, path: inside)
        container = try await PackedOutput.begin(
            PackedModel.read(path: self.model.temporaryPath), path: path, threads: threads)
    }

    /// Where the model can be loaded until `commit`.
    var modelPath: String { model.temporaryPath }

    /// The first file of the output, until `commit`.
    var outputPath: String { container?.temporaryPath ?? model.temporaryPath }

    /// Bytes of the output.
    var byteCount: Int { container?.report.outputBytes ?? model.byteCount }

    /// Puts the output in place.
    ///
    /// - Throws: `FormatError` `.unwritable`.
    func commit() throws(FormatError) {
        if let container { try container.commit() } else { try model.commit() }
    }
}
