internal import PithTensor

/// Weights that a container holds among the bytes of its first file rather than as arrays of their numbers.
///
/// | format | weights |
/// | --- | --- |
/// | ONNX | numbers in fields of varying length, such as `int32_data` and `int64_data` |
/// | NPZ | deflated arrays, arrays of no numbers, arrays in other orders than rows of little-endian numbers |
/// | NPY | an array in such an order |
struct UnlistedWeights {
    /// What replaces an array that is listed as bytes.
    private(set) var replacements: [Int: ExportedArray] = [:]
    /// Weights that no array stands for.
    private(set) var weights: [ExportedArray] = []
    /// What is not among them.
    private(set) var notes: [String] = []
    /// Why they could not all be found, if so.
    private(set) var failure: FormatError?

    private let file: ContainerFile
    /// Arrays that are weights by themselves, by where they begin in the first file.
    private let places: [Int: Int]
    private let arrays: ContainerArrays
    private let only: String?

    /// Looks through the first file of `file`; `only` is the name of the one weight that is looked for, if one is.
    ///
    /// Where these bytes are damaged the arrays are still good, so that is a note.
    init(_ file: ContainerFile, _ arrays: ContainerArrays, only: String?) throws(FormatError) {
        self.file = file
        self.arrays = arrays
        self.only = only
        let directory = file.directory
        let starts = directory.lone.compactMap { index in
            directory.places[index].first.flatMap { $0.file == 0 ? ($0.offset, index) : nil }
        }
        places = Dictionary(starts) { first, _ in first }
        do throws(FormatError) {
            switch PackedModel.Kind(rawValue: file.directory.kind) {
            case .onnx: try addFields()
            case .npz: try addEntries()
            case .npy: try addArray()
            case .safetensors, nil: break
            }
        } catch {
            notes.append("weights that are no arrays of the container can not be read, and are not there: \(error)")
            failure = error
        }
    }

    /// Whether an array may be listed as bytes for want of a better way.
    static func mayReplace(_ index: Int, in directory: ContainerDirectory) -> Bool {
        let array = directory.arrays[index]
        return array.type == .uint8 && array.shape.rank == 1 && ["npy", "npz"].contains(directory.kind)
    }

    /// Whether a weight of this name, or one that got a number behind it, is looked for.
    private func isWanted(_ name: String) -> Bool { only?.utf8.starts(with: name.utf8) ?? true }

    private func subject(_ name: String) -> String { "\(file.path), weight '\(name)'" }

    // MARK: ONNX

    private mutating func addFields() throws(FormatError) {
        let locator = ONNXLocator(try FileText.bytes(of: file, arrays), path: file.path)
        for found in try locator.typedTensors() {
            weights.append(
                ExportedArray(name: found.name, subject: subject(found.name), type: found.type, shape: found.shape) {
                    () throws(FormatError) in try locator.tensor(found)
                })
        }
    }

    // MARK: NumPy

    private mutating func addArray() throws(FormatError) {
        let bytes = try FileText.bytes(of: file, arrays)
        add(try NPYReader.header(in: bytes, named: file.path), at: 0, named: nil)
    }

    private mutating func addEntries() throws(FormatError) {
        let archive = try ZIPArchive(FileText.bytes(of: file, arrays), named: file.path, takesAnyName: true)
        var others: [String] = []
        for entry in archive.entries where entry.name.hasSuffix(".npy") {
            let name = String(entry.name.dropLast(4))
            guard isWanted(name) else { continue }
            do throws(FormatError) {
                if entry.isDeflated {
                    let tensor = try NPYReader.tensor(in: archive.contents(of: entry), named: subject(name))
                    add(entry, archive, name, type: tensor.type, shape: tensor.shape)
                } else {
                    let stored = archive.storedBytes(of: entry)
                    add(
                        try NPYReader.header(in: stored, named: subject(name)), at: entry.storedRange.lowerBound,
                        named: name)
                }
            } catch {
                guard error.code == .unsupported else { throw error }
                others.append(name)
            }
        }
        if !others.isEmpty {
            let names = others.joined(separator: ", ")
            notes.append("arrays that are no plain numbers, or inflate to more than 1 GiB, are not there: \(names)")
        }
    }

    /// Adds a deflated array, which is read again when it is its turn.
    private mutating func add(
        _ entry: ZIPArchive.Entry, _ archive: ZIPArchive, _ name: String, type: ScalarType, shape: Shape
    ) {
        let subject = subject(name)
        weights.append(
            ExportedArray(name: name, subject: subject, type: type, shape: shape) { () throws(FormatError) in
                try NPYReader.tensor(in: archive.contents(of: entry), named: subject)
            })
    }

    /// Adds the array of an NPY file that lies at `offset`, if its numbers are not listed as they are; `name` is nil for
    /// the only one.
    private mutating func add(_ found: (header: NPYHeader, start: Int), at offset: Int, named name: String?) {
        let header = found.header, place = offset + found.start, arrays = arrays
        guard let index = places[place] else {
            guard header.shape.count == 0, let name else { return }
            let empty = try? Tensor(type: header.type, shape: header.shape, storage: Storage([UInt8]()))
            if let empty { weights.append(ExportedArray(name: name, subject: subject(name), empty)) }
            return
        }
        guard header.isBigEndian || header.isFortranOrder else { return }
        let array = file.directory.arrays[index], subject = subject(array.name)
        guard header.type.byteCount(of: header.shape.count) == array.byteCount else { return }
        replacements[index] = ExportedArray(
            name: array.name, subject: subject, type: header.type, shape: header.shape
        ) { () throws(FormatError) in
            try NPYReader.tensor(header, arrays.tensor(index).storage, subject)
        }
    }
}
