internal import Foundation
package import PithCoding
internal import PithTensor

/// A container that is written but not yet in place.
package struct PackedOutput: Sendable {
    private let staging: StagedOutput
    /// What packing came to.
    package let report: ContainerPacker.Report
    /// Where the container can be read until `commit`.
    package let temporaryPath: String

    /// Packs `model` into a hidden folder beside `path`, to be put in place with `commit`.
    ///
    /// - Throws: `FormatError` when a file can not be read or written; `CancellationError`.
    package static func begin(
        _ model: PackedModel, path: String, threads: Int, codec: BlockCodec = .auto,
        progress: @escaping @Sendable (Int) -> Void = { _ in }
    ) async throws -> PackedOutput {
        let packer = try ContainerPacker(model, threads: threads, codec: codec)
        let staging = try StagedOutput(beside: path), name = URL(fileURLWithPath: path).lastPathComponent
        let file = try staging.create(name)
        let report = try await packer.pack(to: file, named: path, progress: progress)
        try staging.complete(name, file)
        return PackedOutput(staging: staging, report: report, temporaryPath: staging.path(of: name))
    }

    /// Puts the container in place.
    ///
    /// - Throws: `FormatError` `.unwritable`.
    package func commit() throws(FormatError) { try staging.commit() }
}
