import Foundation
internal import PithTensor

/// The files beside a model that hold its external tensors, mapped once each.
final class ExternalFiles {
    private let folder: URL
    private let subject: String
    private var mapped: [ExactName: MappedFile] = [:]
    /// The files used so far as the model names them, in the order of first use.
    private(set) var locations: [String] = []

    /// Files are looked for beside the model at `path`.
    init(besideModelAt path: String) {
        folder = URL(fileURLWithPath: path).deletingLastPathComponent()
        subject = path
    }

    /// The bytes of an external tensor.
    ///
    /// - Throws: `FormatError` `.unsupported` for a location outside the model's folder, `.missing` for a file that is
    ///   not there, `.truncated` for a range past its end.
    func storage(location: String, offset: Int, length: Int, tensor: String) throws(FormatError) -> Storage {
        let file = try file(at: location, tensor: tensor)
        let (end, overflow) = offset.addingReportingOverflow(length)
        guard offset >= 0, length >= 0, !overflow, end <= file.byteCount else {
            throw FormatError(
                code: .truncated, subject: subject,
                problem: "tensor '\(tensor)' wants bytes \(offset)..<\(overflow ? Int.max : end) of '\(location)', "
                    + "which has \(file.byteCount).",
                remedy: "Copy or download the data file of the model again.")
        }
        return file.storage.slice(offset..<end)
    }

    /// The file at `location`, which the tensor says it lies in.
    ///
    /// - Throws: `FormatError` `.unsupported` for a location outside the model's folder, `.missing` for no file.
    func file(at location: String, tensor: String) throws(FormatError) -> MappedFile {
        if let file = mapped[ExactName(location)] { return file }
        let components = RelativeName.parts(of: location)
        let url = folder.appendingPathComponent(location)
        let root = folder.resolvingSymlinksInPath().path, target = url.resolvingSymlinksInPath().path
        guard !location.isEmpty, location.utf8.first != UInt8(ascii: "/"), !location.contains("\0"),
            !components.contains(".."),
            target.hasPrefix(root.hasSuffix("/") ? root : root + "/")
        else {
            throw FormatError(
                code: .unsupported, subject: subject,
                problem: "tensor '\(tensor)' points to '\(location)', outside the model's folder.",
                remedy: "External data must lie beside the model; move it there and correct the location.")
        }
        do {
            let file = try MappedFile(path: url.path)
            mapped[ExactName(location)] = file
            locations.append(location)
            return file
        } catch {
            throw FormatError(
                code: .missing, subject: subject,
                problem: "the data file '\(location)' of tensor '\(tensor)' can not be read (\(error.problem))",
                remedy: "Put it beside the model.")
        }
    }
}
