package import Foundation

/// The ONNX model that a path stands for: the file itself, or what a `.pith` container holds, taken out.
package enum ContainedModel {
    /// Whether the file at `path` is called a container.
    package static func isContainer(_ path: String) -> Bool {
        URL(fileURLWithPath: path).pathExtension.lowercased() == "pith"
    }

    /// The model's own path; the one in a container is unpacked into a new folder in `folder` first.
    ///
    /// - Throws: `FormatError` for a container that is damaged or holds no ONNX model, or when `folder` can not be written;
    ///   `CancellationError`.
    package static func path(of path: String, in folder: URL, threads: Int) async throws -> String {
        guard isContainer(path) else { return path }
        let file = try ContainerFile(path: path)
        guard file.directory.kind == "onnx" else {
            throw FormatError(
                code: .unsupported, subject: path, problem: "it holds \(file.directory.kind), no ONNX model.",
                remedy: "Give a container of an ONNX model.")
        }
        let place = folder.appendingPathComponent(UUID().uuidString.prefix(8).description)
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        let target = place.appendingPathComponent("model.onnx").path
        _ = try await ContainerUnpacker(.file(file), named: path, threads: threads).unpack(to: target)
        return target
    }
}
