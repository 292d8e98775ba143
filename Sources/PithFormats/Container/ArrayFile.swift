internal import Foundation
internal import PithCoding
package import PithTensor

/// The files that arrays are exported to, by the ending of their name: `.npz`, `.safetensors`, else `.npy` of one array.
///
/// Types that a format lacks become the next one that holds all their values.
package enum ArrayFile {
    /// What a name's ending asks for.
    enum Kind {
        case npz, safetensors, npy

        init(_ path: String) {
            switch URL(fileURLWithPath: path).pathExtension.lowercased() {
            case "npz": self = .npz
            case "safetensors": self = .safetensors
            default: self = .npy
            }
        }

        /// Names that no array can have.
        var reservedNames: [String] { self == .safetensors ? [SafetensorsHeader.metadata] : [] }
    }

    /// Writes `arrays` to `path`, one array where that is no archive; the file appears whole or not at all.
    ///
    /// - Returns: The bytes of the file; of a `.npy` those of its numbers.
    /// - Throws: `FormatError` when an array can not be read or the file not be written.
    static func write(_ arrays: [ExportedArray], to path: String) throws -> Int {
        let kind = Kind(path), staged = try StagedOutput(beside: path)
        var names = UniqueNames(taken: kind.reservedNames, by: ExactName.init), arrays = arrays
        for index in arrays.indices { arrays[index].name = names.make(arrays[index].name) }
        var count = 0
        try staged.write(URL(fileURLWithPath: path).lastPathComponent) { sink in
            switch kind {
            case .npz: count = try writeArchive(arrays, sink)
            case .safetensors: count = try writeTensors(arrays, sink)
            case .npy:
                precondition(arrays.count == 1, "A .npy holds one array, not \(arrays.count).")
                let tensor = try numPy(arrays[0].tensor(), arrays[0].subject)
                count = tensor.byteCount
                try sink.write(NPYWriter.bytes(of: tensor))
            }
        }
        try staged.commit()
        return count
    }

    /// Writes `tensor` to `path` under `name`.
    ///
    /// - Throws: as `write(_:to:)` of several.
    package static func write(_ tensor: Tensor, named name: String, to path: String) throws -> Int {
        try write([ExportedArray(name: name, subject: "\(path), array '\(name)'", tensor)], to: path)
    }

    // MARK: NumPy

    /// Writes the arrays as an archive of NPY files; answers its size.
    private static func writeArchive(_ arrays: [ExportedArray], _ sink: FileSink) throws -> Int {
        var archive = ZIPWriter(sink)
        for array in arrays {
            let tensor = try numPy(array.tensor(), array.subject)
            try archive.add("\(array.name).npy", Storage(try NPYWriter.bytes(of: tensor)))
        }
        return try archive.finish()
    }

    /// Axes of an array of NumPy, at most.
    private static let numPyAxes = 64

    /// The same numbers as NumPy can have them.
    ///
    /// - Throws: `FormatError` `.unsupported` for more axes than it takes.
    private static func numPy(_ tensor: Tensor, _ subject: String) throws(FormatError) -> Tensor {
        guard tensor.shape.rank <= numPyAxes else {
            throw FormatError(
                code: .unsupported, subject: subject,
                problem: "it has \(tensor.shape.rank) axes, and NumPy takes \(numPyAxes).",
                remedy: "Unpack to .safetensors.")
        }
        return plain(tensor) { NPYHeader.text(type: $0, shape: .scalar) != nil }
    }

    // MARK: Safetensors

    /// Writes the arrays as safetensors; answers the size of the file.
    private static func writeTensors(_ arrays: [ExportedArray], _ sink: FileSink) throws -> Int {
        let (records, offsets) = try records(arrays)
        var text = Array("{\(records.joined(separator: ","))}".utf8)
        text += [UInt8](repeating: UInt8(ascii: " "), count: (8 - text.count % 8) % 8)
        var start = ByteWriter()
        start.number(UInt64(text.count))
        start.append(text)
        try sink.write(start.bytes)
        for (index, array) in arrays.enumerated() {
            let tensor = plain(try array.tensor()) { SafetensorsHeader.name(of: $0) != nil }
            guard tensor.storage.byteCount == offsets[index + 1] - offsets[index] else {
                throw FormatError(
                    code: .corrupt, subject: array.subject,
                    problem: "its stored form is not of the type that it says.", remedy: FormatError.damaged)
            }
            try sink.write(tensor.storage)
        }
        return start.bytes.count + offsets[arrays.count]
    }

    /// What the header says of each array, and where each starts behind it; one place more is where the last ends.
    private static func records(
        _ arrays: [ExportedArray]
    ) throws(FormatError) -> (records: [String], offsets: [Int]) {
        var records: [String] = [], offsets = [0]
        for array in arrays {
            let (stored, shape) = try array.layout(), start = offsets[offsets.count - 1]
            let type = Self.type(stored) { SafetensorsHeader.name(of: $0) != nil }
            guard let name = SafetensorsHeader.name(of: type) else {
                throw FormatError(
                    code: .unsupported, subject: array.subject,
                    problem: "safetensors has no elements of the type \(type.rawValue).", remedy: "Unpack to .npz.")
            }
            guard let count = type.byteCount(of: shape.count), count <= mostBytes - start else {
                throw FormatError(
                    code: .corrupt, subject: array.subject,
                    problem: "its shape \(shape) takes more bytes than a file can have.", remedy: FormatError.damaged)
            }
            offsets.append(start + count)
            let lengths = shape.dimensions.map(String.init).joined(separator: ",")
            records.append(
                "\(json(array.name)):{\"dtype\":\"\(name)\",\"shape\":[\(lengths)],"
                    + "\"data_offsets\":[\(start),\(start + count)]}")
        }
        return (records, offsets)
    }

    /// A text in JSON.
    private static func json(_ text: String) -> String {
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
            case 0..<32: bytes += Array("\\u00\(byte < 16 ? "0" : "")\(String(byte, radix: 16))".utf8)
            default: bytes.append(byte)
            }
        }
        return "\"\(String(decoding: bytes, as: UTF8.self))\""
    }

    /// Bytes of numbers in a file, at most, so that there is room for its header.
    private static let mostBytes = 1 << 62

    // MARK: Types

    /// The type that stands for `type` where only some are `known`.
    private static func type(_ type: ScalarType, known: (ScalarType) -> Bool) -> ScalarType {
        if known(type) { return type }
        return type.isFloatingPoint
            ? .float32
            : type == .complex128
                ? .complex128
                : type.integerRange == nil
                    ? .uint8
                    : (type.integerRange?.lowerBound ?? 0) < 0 ? .int8 : .uint8
    }

    /// The same numbers in a type that is `known`.
    private static func plain(_ tensor: Tensor, known: (ScalarType) -> Bool) -> Tensor {
        let type = Self.type(tensor.type, known: known)
        guard type != tensor.type else { return tensor }
        if type == .float32, let numbers = tensor.floats() { return Tensor(numbers, shape: tensor.shape) }
        if let levels = tensor.integers(), let plain = try? Tensor(integers: levels, as: type, shape: tensor.shape) {
            return plain
        }
        return tensor
    }
}
