internal import PithModel
package import PithTensor

/// A model as files with arrays in them: what a container is made from.
package struct PackedModel: Sendable {
    /// One file of the model.
    package struct File: Sendable {
        /// Its path.
        package let path: String
        /// Its path relative to the folder of the first file.
        package let name: String
        /// Size in bytes.
        package let byteCount: Int
    }

    /// Where the numbers of an array lie.
    package struct LocatedArray: Sendable {
        /// Name of the weight.
        package let name: String
        package let type: ScalarType
        package let shape: Shape
        /// The file it lies in.
        package let file: Int
        /// The bytes in that file.
        package let range: Range<Int>
    }

    /// The format of the first file.
    package let kind: Kind
    package let files: [File]
    /// Arrays whose bytes do not overlap; those of a file in the order of their bytes.
    package let arrays: [LocatedArray]
    /// Stored forms of weights, whose arrays are numbered as in `arrays`.
    package private(set) var forms: [NamedForm] = []
    /// Arrays in the order in which the graph reads them; those it does not read come last.
    package private(set) var order: [Int]
    /// Arrays that a reader wants first; they lie before all others.
    package private(set) var hot: [Int] = []
    /// What its owner should know of it.
    package private(set) var notes: [String] = []

    /// Formats that containers are made from; the raw value is their name inside.
    package enum Kind: String, Sendable {
        case onnx, safetensors, npy, npz
    }

    /// Joins files and arrays; arrays that overlap one before them, are empty or text, or have more axes than a container knows, are
    /// left to the bytes around.
    init(kind: Kind, files: [File], arrays: [LocatedArray]) {
        self.kind = kind
        self.files = files
        let ordered = arrays.sorted {
            ($0.file, $0.range.lowerBound, $0.range.upperBound) < ($1.file, $1.range.lowerBound, $1.range.upperBound)
        }
        var kept: [LocatedArray] = [], file = -1, end = 0
        for array in ordered
        where !array.range.isEmpty && array.type != .string && array.shape.rank <= StoredForm.mostAxes {
            if array.file != file { (file, end) = (array.file, 0) }
            guard array.range.lowerBound >= end else { continue }
            kept.append(array)
            end = array.range.upperBound
        }
        self.arrays = kept
        order = Array(kept.indices)
    }

    /// Looks at the model at `path` without reading its numbers.
    ///
    /// - Throws: `FormatError` when it can not be read, is damaged, or is in a format that containers are not made from.
    package static func read(path: String) throws(FormatError) -> PackedModel {
        let name = path.lowercased()
        if name.hasSuffix(".safetensors") { return try SafetensorsLocator.model(at: path) }
        if name.hasSuffix(".safetensors.index.json") { return try SafetensorsLocator.indexedSet(at: path) }
        if name.hasSuffix(".npz") { return try NumPyLocator.archive(at: path) }
        if name.hasSuffix(".npy") { return try NumPyLocator.array(at: path) }
        if name.hasSuffix(".onnx") {
            let locator = try ONNXLocator(path: path), model = try locator.model()
            guard model.files[0].byteCount > 0 else {
                throw FormatError(
                    code: .truncated, subject: path, problem: "the file is empty.", remedy: FormatError.damaged)
            }
            return locator.hasGraph ? try model.read(asGraphAt: path) : model
        }
        throw FormatError(
            code: .unsupported, subject: path, problem: "its name says none of the formats that can be packed.",
            remedy: "Pack a .onnx, .safetensors, .safetensors.index.json, .npz or .npy file.")
    }

    /// The same with the arrays first that `patterns` name: a name, or the start of names with a `*` behind it.
    ///
    /// The parts of a weight in a stored form go by the weight's name, too.
    ///
    /// - Throws: `FormatError` `.notInFile` for a pattern that no array matches.
    package func first(_ patterns: [String]) throws(FormatError) -> PackedModel {
        var first: [Int] = []
        for pattern in patterns {
            let isStart = pattern.hasSuffix("*"), stem = isStart ? String(pattern.dropLast()) : pattern
            func matches(_ name: String) -> Bool {
                isStart ? name.utf8.starts(with: stem.utf8) : name.isExactly(stem)
            }
            let parts = forms.filter { matches($0.name) }.flatMap(\.form.arrays)
            let found = parts + arrays.indices.filter { matches(arrays[$0].name) }
            guard !found.isEmpty else {
                throw FormatError(
                    code: .notInFile, subject: files.first?.path ?? "the model",
                    problem: "no array is called '\(pattern)'.",
                    remedy: "`pith inspect` of a packed file lists the arrays.")
            }
            for index in found where !first.contains(index) { first.append(index) }
        }
        var copy = self
        copy.hot = first
        return copy
    }

    /// The same, if the names of its files are those of different files on every system.
    ///
    /// - Throws: `FormatError` `.unsupported` for names that only differ in how Unicode writes the same characters.
    func requiringFileNames() throws(FormatError) -> PackedModel {
        var names: Set<String> = []
        for file in files where !names.insert(file.name).inserted {
            throw FormatError(
                code: .unsupported, subject: files[0].path,
                problem: "two of its files are called '\(file.name)', in different bytes for the same characters.",
                remedy: "Give one of them another name, in the model too.")
        }
        return self
    }

    /// The same with one more note, if there is one.
    func noting(_ note: String?) -> PackedModel {
        var copy = self
        if let note { copy.notes.append(note) }
        return copy
    }

    /// The same with these stored forms, whose arrays are numbered as in `arrays`.
    package func describing(_ forms: [NamedForm]) -> PackedModel {
        var copy = self
        copy.forms = forms
        return copy
    }

    /// What a weight of the graph and its array have in common.
    private struct Layout: Hashable {
        let name: ExactName
        let type: ScalarType
        let byteCount: Int
    }

    /// Looks at the graph of the ONNX model at `path` for stored forms and the order of use; a graph that does not make
    /// sense leaves both as they are, and a note.
    ///
    /// - Throws: `FormatError` `.missing` when the file, or one that it needs, can not be read.
    private func read(asGraphAt path: String) throws(FormatError) -> PackedModel {
        let model: Model
        do {
            model = try ONNXReader.read(path: path, sparseAllowance: ONNXReader.sparseAllowanceForInspection)
        } catch {
            guard error.code != .missing else { throw error }
            var copy = self
            copy.notes.append(
                "its graph can not be read, so weights have no stored forms and lie in the order of the file: \(error)")
            return copy
        }
        return used(by: model.graph)
    }

    /// The same with the stored forms and the order of use that `graph` shows.
    private func used(by graph: Graph) -> PackedModel {
        var places: [ExactName: [Int]] = [:], layouts: [Layout: [Int]] = [:]
        for (index, array) in arrays.enumerated() {
            places[ExactName(array.name), default: []].append(index)
            let layout = Layout(name: ExactName(array.name), type: array.type, byteCount: array.range.count)
            layouts[layout, default: []].append(index)
        }
        let reading = GraphReading(graph) { weight in
            let layout = weight.dense.map {
                Layout(name: ExactName(weight.name), type: $0.type, byteCount: $0.storage.byteCount)
            }
            // Weights of several nested graphs that are alike can not be told apart.
            guard let found = layout.flatMap({ layouts[$0] }), found.count == 1 else { return nil }
            return .array(found[0])
        }
        var copy = self
        copy.forms = reading.forms
        let read = reading.order.flatMap { places[ExactName($0)] ?? [] }, known = Set(read)
        copy.order = read + arrays.indices.filter { !known.contains($0) }
        return copy
    }
}
