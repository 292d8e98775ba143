internal import Foundation
internal import PithTensor

/// Files that come with a model, in its folder: they must not take the place of other files that happen to have their names.
struct NeighbourFiles {
    /// The folder of the model.
    let folder: URL
    /// Names, relative to the folder, and sizes in bytes.
    let files: [(name: String, byteCount: Int)]

    private static let chunk = 1 << 20

    /// Refuses what a glance shows, before any work is done.
    ///
    /// - Throws: `FormatError` `.unwritable` when something of another size, or no file, has one of the names.
    func requireFreeOrOfSameSize() throws(FormatError) {
        for (name, byteCount) in files {
            let path = folder.appendingPathComponent(name).path
            guard FileSystem.kind(of: path) != .nothing else { continue }
            guard (try? InputFile(path: path))?.byteCount == byteCount else { throw NeighbourFiles.taken(path) }
        }
    }

    /// Refuses files with other bytes than those that wait at `staged` to take their place.
    ///
    /// - Throws: `FormatError` `.unwritable`.
    /// - Complexity: O(bytes) where a file has one of the names, else O(files).
    func requireFreeOrSame(staged: (String) -> String) throws(FormatError) {
        let first = ByteBuffer(), second = ByteBuffer()
        for (name, byteCount) in files {
            let path = folder.appendingPathComponent(name).path
            guard FileSystem.kind(of: path) != .nothing else { continue }
            let old = try InputFile.opened(path), new = try InputFile.opened(staged(name))
            guard old.byteCount == byteCount else { throw NeighbourFiles.taken(path) }
            for offset in stride(from: 0, to: byteCount, by: Self.chunk) {
                let count = min(Self.chunk, byteCount - offset)
                first.resize(to: count)
                second.resize(to: count)
                try old.fill(first, 0..<count, from: offset, path: path)
                try new.fill(second, 0..<count, from: offset, path: staged(name))
                guard first.storage(0..<count) == second.storage(0..<count) else { throw NeighbourFiles.taken(path) }
            }
        }
    }

    private static func taken(_ path: String) -> FormatError {
        FormatError(
            code: .unwritable, subject: path,
            problem: "the model comes with a data file of this name, and another file has it.",
            remedy: "Unpack into an empty folder, or move that file away.")
    }
}
