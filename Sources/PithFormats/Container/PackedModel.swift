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

    /// Formats that containers are made from; the raw value is their name inside.
    package enum Kind: String, Sendable {
        case onnx, safetensors, npy, npz
    }

    /// Joins files and arrays; arrays that overlap one before them, or are empty or text, are left to the bytes around.
    init(kind: Kind, files: [File], arrays: [LocatedArray]) {
        self.kind = kind
        self.files = files
        let ordered = arrays.sorted {
            ($0.file, $0.range.lowerBound, $0.range.upperBound) < ($1.file, $1.range.lowerBound, $1.range.upperBound)
        }
        var kept: [LocatedArray] = [], file = -1, end = 0
        for array in ordered where !array.range.isEmpty && array.type != .string {
            if array.file != file { (file, end) = (array.file, 0) }
            guard array.range.lowerBound >= end else { continue }
            kept.append(array)
            end = array.range.upperBound
        }
        self.arrays = kept
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
        if name.hasSuffix(".onnx") { return try ONNXLocator(path: path).model() }
        throw FormatError(
            code: .unsupported, subject: path, problem: "its name says none of the formats that can be packed.",
            remedy: "Pack a .onnx, .safetensors, .safetensors.index.json, .npz or .npy file.")
    }
}
