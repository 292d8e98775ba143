internal import PithTensor

/// Arrays of the files that a data card names; each file is opened once and each array read once.
///
/// What a file is, its first bytes say: NPZ, NPY, or IDX (plain or inside gzip).
struct DataFiles {
    /// The folder of the card.
    private let folder: String
    private var archives: [String: NPZArchive] = [:]
    private var arrays: [String: Tensor] = [:]
    /// Paths of the files opened so far, in the order of first use.
    private(set) var paths: [String] = []

    init(relativeTo card: String) {
        folder = card.lastIndex(of: "/").map { String(card[...$0]) } ?? ""
    }

    /// The array that `reference` names.
    ///
    /// - Throws: `FormatError` `.missing` when the file or the array is not there, naming the card's key; otherwise as
    ///   the
    ///   readers do.
    mutating func tensor(_ reference: DataCard.FileReference) throws(FormatError) -> Tensor {
        let path = reference.file.hasPrefix("/") ? reference.file : folder + reference.file
        // A path and an array can not be confused: neither holds a zero byte.
        let key = path + "\0" + (reference.array ?? "")
        if let known = arrays[key] { return known }
        let tensor = try read(path, reference)
        arrays[key] = tensor
        return tensor
    }

    private mutating func read(_ path: String, _ reference: DataCard.FileReference) throws(FormatError) -> Tensor {
        let reader = reference.reader
        if let archive = archives[path] { return try DataFiles.array(of: archive, reference) }
        let bytes: Storage
        do { bytes = try MappedFile.bytes(of: path) } catch {
            throw reader.failure(
                "file", "'\(path)' can not be read: \(error.problem)", "Paths are relative to the card; correct it.",
                code: .missing)
        }
        if !paths.contains(path) { paths.append(path) }
        if ZIPArchive.matches(bytes) {
            let archive = NPZArchive(try ZIPArchive(bytes, named: path))
            archives[path] = archive
            return try DataFiles.array(of: archive, reference)
        }
        guard reference.array == nil else {
            throw reader.failure("array", "'\(path)' is no `.npz`, so it has no named arrays.", "Remove `array`.")
        }
        return NPYReader.matches(bytes)
            ? try NPYReader.tensor(in: bytes, named: path) : try IDXReader.tensor(in: bytes, named: path)
    }

    private static func array(
        of archive: NPZArchive, _ reference: DataCard.FileReference
    ) throws(FormatError) -> Tensor {
        let names = archive.names
        let listed = names.map { "'\($0)'" }.joined(separator: ", ")
        guard let name = reference.array ?? (names.count == 1 ? names[0] : nil) else {
            throw reference.reader.failure(
                "file", "'\(archive.path)' holds several arrays.", "Add `array`, one of \(listed).")
        }
        guard names.contains(name) else {
            throw reference.reader.failure(
                "array", "'\(archive.path)' has no array '\(name)'.", "It holds \(listed).", code: .missing)
        }
        return try archive.tensor(named: name)
    }
}
