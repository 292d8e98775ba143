public import PithTensor

/// An NPZ file: a ZIP archive of NPY arrays, as `numpy.savez` writes it.
///
/// Arrays are read on demand; stored ones stay in the mapped file.
public struct NPZArchive: Sendable {
    /// The path it was opened by, or the name it was given.
    public var path: String { archive.path }
    /// Names of the arrays, without `.npy`, in the order of the file.
    public let names: [String]
    private let archive: ZIPArchive

    /// Opens the file at `path`.
    ///
    /// - Throws: `FormatError` as `ZIPArchive.init(path:)`.
    public init(path: String) throws(FormatError) { self.init(try ZIPArchive(path: path)) }

    /// Reads arrays out of an open archive; entries whose names do not end in `.npy` are left alone.
    public init(_ archive: ZIPArchive) {
        self.archive = archive
        names = archive.entries.map(\.name).filter { $0.hasSuffix(".npy") }.map { String($0.dropLast(4)) }
    }

    /// The array called `name`.
    ///
    /// - Throws: `FormatError` `.missing` when there is none; otherwise as `ZIPArchive.contents(of:maximumByteCount:)`
    ///   and
    ///   `NPYReader.tensor(in:named:)`.
    /// - Complexity: O(*n*) time for its checksum; memory only for compressed or rearranged arrays.
    public func tensor(named name: String) throws(FormatError) -> Tensor {
        guard let entry = archive.entry(named: name + ".npy") else {
            let known =
                names.isEmpty ? "It holds no arrays." : "It holds \(names.map { "'\($0)'" }.joined(separator: ", "))."
            throw FormatError(
                code: .missing, subject: path, problem: "it has no array '\(name)'.", remedy: known)
        }
        return try NPYReader.tensor(in: archive.contents(of: entry), named: "\(path), array '\(name)'")
    }
}
