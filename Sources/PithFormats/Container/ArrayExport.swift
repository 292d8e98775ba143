internal import Foundation
internal import PithCoding
internal import PithModel
package import PithTensor

/// Writes the weights of a container as plain arrays, for other tools: `.npz`, `.safetensors`, or one array as `.npy`.
///
/// A weight that is stored in several arrays is written as the numbers it stands for, or, on demand, as the parts of its
/// stored form, named after weight and part: `w.levels`, `w.scales`, `w.zero-points`, `w.indices`, `w.values`,
/// `w.numbers`. Levels of less than a byte take a byte each.
///
/// One weight is in memory at a time. Types that a format lacks become the next one that holds all their values.
package struct ArrayExport: Sendable {
    let file: ContainerFile
    private let isStored: Bool
    private let sparseAllowance: Int

    /// Exports the weights of `file`: as numbers, or when `isStored` as the parts of their stored forms.
    ///
    /// A sparse weight may take `sparseAllowance` bytes when dense, or 100 times its stored bytes.
    package init(_ file: ContainerFile, isStored: Bool = false, sparseAllowance: Int = ONNXReader.sparseAllowance) {
        self.file = file
        self.isStored = isStored
        self.sparseAllowance = sparseAllowance
    }

    private func decoder(_ arrays: ContainerArrays) -> FormDecoder {
        FormDecoder(arrays, path: file.path, sparseAllowance: sparseAllowance)
    }

    /// Whether unpacking `kind` to `path` asks for plain arrays rather than the model's own file.
    package static func isWanted(kind: String, path: String) -> Bool {
        let target = URL(fileURLWithPath: path).pathExtension.lowercased()
        return ["npz", "safetensors"].contains(target) && target != kind
    }

    /// What becomes one array of the output.
    struct Entry {
        var name: String
        let source: Source
    }

    enum Source {
        case array(Int)
        case weight(NamedForm)
        case part(NamedForm, Int)
    }

    /// Writes all weights to `path`.
    ///
    /// - Returns: The number of bytes written.
    /// - Throws: `FormatError` when a block or a stored form is damaged, or the file can not be written.
    package func write(to path: String) throws -> Int {
        let url = URL(fileURLWithPath: path), staged = try StagedOutput(beside: path)
        let isNPZ = url.pathExtension.lowercased() == "npz"
        let arrays = ContainerArrays(file, cacheBytes: 16 << 20)
        let entries = try entries(arrays, besides: isNPZ ? [] : [SafetensorsHeader.metadata])
        var count = 0
        try staged.write(url.lastPathComponent) { sink in
            count = isNPZ ? try writeArchive(entries, arrays, sink) : try writeTensors(entries, arrays, sink)
        }
        try staged.commit()
        return count
    }

    /// Writes one array or weight, or rows of it, to `path` as `.npy`.
    ///
    /// - Throws: `FormatError` as `ContainerArrays.tensor` and `NPYWriter.write`.
    package func write(array name: String, rows: Range<Int>?, to path: String) throws(FormatError) -> Int {
        let arrays = ContainerArrays(file), tensor: Tensor
        if let form = file.directory.forms.first(where: { $0.name.isExactly(name) }) {
            let whole = try decoder(arrays).representation(of: form).decoded()
            tensor = try rows.map { (rows) throws(FormatError) in try self.rows(rows, of: whole, name) } ?? whole
        } else {
            tensor = try arrays.tensor(named: name, rows: rows)
        }
        return try ArrayExport.write(tensor, to: path)
    }

    /// Writes `tensor` to `path` as `.npy`; answers the bytes of its numbers.
    ///
    /// - Throws: `FormatError` `.unwritable`.
    package static func write(_ tensor: Tensor, to path: String) throws(FormatError) -> Int {
        let plain = try numPy(tensor, path)
        try NPYWriter.write(plain, to: path)
        return plain.byteCount
    }

    private func rows(_ rows: Range<Int>, of tensor: Tensor, _ name: String) throws(FormatError) -> Tensor {
        let lengths = tensor.shape.dimensions, count = lengths.first ?? 0
        guard rows.lowerBound >= 0, rows.upperBound <= count, !rows.isEmpty,
            let shape = try? Shape([rows.count] + lengths.dropFirst())
        else { throw ContainerArrays.outside(rows, of: tensor.shape, "\(file.path), weight '\(name)'") }
        let row = tensor.byteCount / count
        do {
            return try Tensor(
                type: tensor.type, shape: shape,
                storage: tensor.storage.slice(rows.lowerBound * row..<rows.upperBound * row))
        } catch { throw FormatError(error) }
    }

    /// The arrays of the output with names that occur once and are not `reserved`: weights in stored forms, then the other
    /// arrays.
    private func entries(_ arrays: ContainerArrays, besides reserved: [String]) throws(FormatError) -> [Entry] {
        var entries: [Entry] = []
        for named in file.directory.forms {
            guard isStored else {
                entries.append(Entry(name: named.name, source: .weight(named)))
                continue
            }
            // A form that is not known must not be passed over, even one without parts.
            if named.form.parts.isEmpty { _ = try decoder(arrays).parts(of: named) }
            for (index, part) in named.form.parts.enumerated() {
                entries.append(Entry(name: "\(named.name).\(part.role)", source: .part(named, index)))
            }
        }
        let used = Set(file.directory.forms.flatMap(\.form.arrays))
        for index in file.directory.weights where !used.contains(index) {
            entries.append(Entry(name: file.directory.arrays[index].name, source: .array(index)))
        }
        var names = UniqueNames(taken: reserved, by: ExactName.init)
        for index in entries.indices { entries[index].name = names.make(entries[index].name) }
        return entries
    }

    /// The numbers of an entry.
    func tensor(_ entry: Entry, _ arrays: ContainerArrays) throws(FormatError) -> Tensor {
        let decoder = decoder(arrays)
        switch entry.source {
        case .array(let index): return try arrays.tensor(index)
        case .weight(let named): return try decoder.representation(of: named).decoded()
        case .part(let named, let index): return try decoder.parts(of: named)[index]
        }
    }

    /// Type and shape of an entry; only parts of forms have to be read for that.
    func layout(_ entry: Entry, _ arrays: ContainerArrays) throws(FormatError) -> (ScalarType, Shape) {
        switch entry.source {
        case .array(let index):
            let array = file.directory.arrays[index]
            return (array.type ?? .uint8, array.shape)
        case .weight(let named):
            try decoder(arrays).requireFitting(named)
            return (named.form.type, named.form.shape)
        case .part:
            let part = try tensor(entry, arrays)
            return (part.type, part.shape)
        }
    }
}
