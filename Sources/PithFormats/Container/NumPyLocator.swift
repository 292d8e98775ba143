internal import Foundation
internal import PithTensor

/// Finds the arrays of NPY and NPZ files.
enum NumPyLocator {
    /// The array of an NPY file.
    ///
    /// - Throws: `FormatError` as `NPYReader`.
    static func array(at path: String) throws(FormatError) -> PackedModel {
        let bytes = try MappedFile.bytes(of: path), url = URL(fileURLWithPath: path)
        let name = url.deletingPathExtension().lastPathComponent
        let file = PackedModel.File(path: path, name: url.lastPathComponent, byteCount: bytes.byteCount)
        let array = try located(in: bytes, at: 0, named: path, as: name)
        return PackedModel(kind: .npy, files: [file], arrays: [array.array])
            .noting(array.isPlain ? nil : note(on: [name]))
    }

    /// The arrays of an NPZ file that are stored as they are; deflated ones stay bytes.
    ///
    /// - Throws: `FormatError` as `ZIPArchive`.
    static func archive(at path: String) throws(FormatError) -> PackedModel {
        let bytes = try MappedFile.bytes(of: path)
        let archive = try ZIPArchive(bytes, named: path, takesAnyName: true)
        var arrays: [PackedModel.LocatedArray] = [], others: [String] = []
        for entry in archive.entries where entry.name.hasSuffix(".npy") && !entry.isDeflated {
            let content = bytes.slice(entry.storedRange), name = String(entry.name.dropLast(4))
            // An array that is not read, such as one of strings, is bytes like the rest.
            guard let array = try? located(in: content, at: entry.storedRange.lowerBound, named: path, as: name)
            else { continue }
            arrays.append(array.array)
            if !array.isPlain { others.append(name) }
        }
        let deflated = archive.entries.count { $0.name.hasSuffix(".npy") && $0.isDeflated }
        let name = URL(fileURLWithPath: path).lastPathComponent
        let file = PackedModel.File(path: path, name: name, byteCount: bytes.byteCount)
        return PackedModel(kind: .npz, files: [file], arrays: arrays)
            .noting(others.isEmpty ? nil : note(on: others))
            .noting(
                deflated == 0
                    ? nil
                    : "\(deflated) of its arrays are deflated, so they are kept as bytes, and inflated when they are "
                        + "exported: np.savez, without compression, lets them be coded as numbers and read alone")
    }

    private static func note(on names: [String]) -> String {
        "big-endian or column-major arrays are kept as bytes until they are exported, and listed so: \(names.joined(separator: ", "))"
    }

    /// The numbers of the NPY file in `bytes`, which starts at `offset` of its own file.
    private static func located(
        in bytes: Storage, at offset: Int, named file: String, as name: String
    ) throws(FormatError) -> (array: PackedModel.LocatedArray, isPlain: Bool) {
        let (header, start) = try NPYReader.header(in: bytes, named: file)
        guard let count = header.type.byteCount(of: header.shape.count), count <= bytes.byteCount - start else {
            throw FormatError(
                code: .truncated, subject: file, problem: "its array \(header.shape) does not end in the file.",
                remedy: FormatError.damaged)
        }
        // Other orders of bytes and axes come back as they are, but are no rows of numbers.
        let isPlain = !header.isBigEndian && !header.isFortranOrder
        let array = PackedModel.LocatedArray(
            name: name, type: isPlain ? header.type : .uint8, shape: isPlain ? header.shape : .vector(count), file: 0,
            range: offset + start..<offset + start + count)
        return (array, isPlain)
    }
}
