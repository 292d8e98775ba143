internal import Foundation
internal import PithCoding
internal import PithModel
internal import PithTensor

/// Writes the weights of a container as plain arrays, for other tools: `.npz`, `.safetensors`, or one array as `.npy`.
///
/// A weight that is stored in several arrays is written as the numbers it stands for, or, on demand, as the parts of its
/// stored form, named after weight and part: `w.levels`, `w.scales`, `w.zero-points`, `w.indices`, `w.values`,
/// `w.numbers`. Levels of less than a byte take a byte each. Numbers that lie in the file in another way than arrays do
/// (`UnlistedWeights`) are written too.
///
/// One weight is in memory at a time, and what of the file is no array where that may hold weights.
package struct ArrayExport: Sendable {
    private let file: ContainerFile
    private let isStored: Bool
    private let sparseAllowance: Int

    /// What an export came to.
    package struct Report: Sendable {
        /// Bytes that were written.
        package let byteCount: Int
        /// What its reader should know.
        package let notes: [String]
    }

    /// Exports the weights of `file`: as numbers, or when `isStored` as the parts of their stored forms.
    ///
    /// A sparse weight may take `sparseAllowance` bytes when dense, or 100 times its stored bytes.
    package init(_ file: ContainerFile, isStored: Bool = false, sparseAllowance: Int = ONNXReader.sparseAllowance) {
        self.file = file
        self.isStored = isStored
        self.sparseAllowance = sparseAllowance
    }

    /// Whether unpacking what `directory` lists to `path` asks for plain arrays rather than the model's own file.
    package static func isWanted(_ directory: ContainerDirectory, path: String) -> Bool {
        let target = URL(fileURLWithPath: path).pathExtension.lowercased()
        guard ["npz", "safetensors"].contains(target) else { return false }
        // The first file of a set of safetensors is their index.
        return target != directory.kind || directory.files.first?.name.lowercased().hasSuffix(".json") ?? false
    }

    /// Writes all weights to `path`.
    ///
    /// - Throws: `FormatError` when a block or a stored form is damaged, or the file can not be written.
    package func write(to path: String) throws -> Report {
        let arrays = ContainerArrays(file, cacheBytes: 16 << 20), found = try weights(arrays, only: nil)
        var notes = found.notes
        if found.weights.isEmpty { notes.append("it has no arrays that can be exported, so \(path) is empty") }
        return Report(byteCount: try ArrayFile.write(found.weights, to: path), notes: notes)
    }

    /// Writes one array or weight, or rows of it, to `path`: the weight that an export calls `name`, else an array of a
    /// weight's stored form.
    ///
    /// - Throws: `FormatError` `.notInFile` for a name or rows that are not there, else as `write(to:)`.
    package func write(array name: String, rows: Range<Int>?, to path: String) throws -> Report {
        let arrays = ContainerArrays(file)
        // Rows of a plain array are read alone.
        if let index = file.directory.index(ofExported: name), !UnlistedWeights.mayReplace(index, in: file.directory) {
            let tensor = try arrays.tensor(index, rows: rows)
            return Report(byteCount: try ArrayFile.write(tensor, named: name, to: path), notes: [])
        }
        let found = try weights(arrays, only: name)
        guard let weight = found.weights.first(where: { $0.name.isExactly(name) }) else {
            // A name that only a sound file would have, or bytes of which the order is not known.
            if let failure = found.failure, !file.directory.hasPart(named: name) { throw failure }
            let tensor = try arrays.tensor(named: name, rows: rows)
            return Report(byteCount: try ArrayFile.write(tensor, named: name, to: path), notes: [])
        }
        let whole = try weight.tensor(), tensor = try rows.map { try ArrayExport.rows($0, of: whole, weight.subject) }
        return Report(byteCount: try ArrayFile.write(tensor ?? whole, named: name, to: path), notes: [])
    }

    /// Some indices of the first axis of a weight.
    ///
    /// - Throws: `FormatError` `.notInFile` for rows that it does not have.
    static func rows(_ rows: Range<Int>, of tensor: Tensor, _ subject: String) throws(FormatError) -> Tensor {
        let lengths = tensor.shape.dimensions, count = lengths.first ?? 0
        guard rows.lowerBound >= 0, rows.upperBound <= count, !rows.isEmpty,
            let shape = try? Shape([rows.count] + lengths.dropFirst()), tensor.byteCount % count == 0
        else { throw ContainerArrays.outside(rows, of: tensor.shape, subject) }
        let row = tensor.byteCount / count
        do {
            return try Tensor(
                type: tensor.type, shape: shape,
                storage: tensor.storage.slice(rows.lowerBound * row..<rows.upperBound * row))
        } catch { throw FormatError(error) }
    }

    // MARK: Weights

    /// The weights with the names that an export gives them; `only` says which one is looked for, if one is.
    private func weights(
        _ arrays: ContainerArrays, only: String?
    ) throws(FormatError) -> (weights: [ExportedArray], notes: [String], failure: FormatError?) {
        var weights: [ExportedArray] = []
        for named in file.directory.forms { weights += isStored ? try parts(named, arrays) : [whole(named, arrays)] }
        let unlisted = try UnlistedWeights(file, arrays, only: only)
        for index in file.directory.lone {
            // Bytes that may be numbers in another order are no weight of that name.
            let isUnknown = unlisted.failure != nil && UnlistedWeights.mayReplace(index, in: file.directory)
            guard let found = unlisted.replacements[index] ?? (isUnknown ? nil : plain(index, arrays)) else { continue }
            weights.append(found)
        }
        weights += unlisted.weights
        var names = UniqueNames(by: ExactName.init)
        for index in weights.indices { weights[index].name = names.make(weights[index].name) }
        return (weights, unlisted.notes, unlisted.failure)
    }

    private func subject(_ name: String) -> String { "\(file.path), weight '\(name)'" }

    private func decoder(_ arrays: ContainerArrays) -> FormDecoder {
        FormDecoder(arrays, path: file.path, sparseAllowance: sparseAllowance)
    }

    private func plain(_ index: Int, _ arrays: ContainerArrays) -> ExportedArray {
        let array = file.directory.arrays[index]
        return ExportedArray(
            name: array.name, subject: subject(array.name), type: array.type ?? .uint8, shape: array.shape
        ) { () throws(FormatError) in try arrays.tensor(index) }
    }

    private func whole(_ named: NamedForm, _ arrays: ContainerArrays) -> ExportedArray {
        let decoder = decoder(arrays)
        return ExportedArray(name: named.name, subject: subject(named.name)) { () throws(FormatError) in
            // Only what the directory says is looked at.
            try decoder.requireFitting(named)
            return (named.form.type, named.form.shape)
        } tensor: { () throws(FormatError) in
            try decoder.representation(of: named).decoded()
        }
    }

    private func parts(_ named: NamedForm, _ arrays: ContainerArrays) throws(FormatError) -> [ExportedArray] {
        let decoder = decoder(arrays)
        // A form that is not known must not be passed over, even one without parts.
        if named.form.parts.isEmpty { _ = try decoder.parts(of: named) }
        return named.form.parts.indices.map { index in
            let name = "\(named.name).\(named.form.parts[index].role)"
            return ExportedArray(name: name, subject: subject(name)) { () throws(FormatError) in
                let part = try decoder.parts(of: named)[index]
                return (part.type, part.shape)
            } tensor: { () throws(FormatError) in
                try decoder.parts(of: named)[index]
            }
        }
    }
}
