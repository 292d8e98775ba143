internal import PithCoding
internal import PithTensor

/// The files that arrays are exported to, and the types that these lack.
extension ArrayExport {
    // MARK: NumPy

    /// Writes the entries as an archive of NPY files; answers its size.
    func writeArchive(_ entries: [Entry], _ arrays: ContainerArrays, _ sink: FileSink) throws -> Int {
        var archive = ZIPWriter(sink)
        for entry in entries {
            let tensor = try ArrayExport.numPy(tensor(entry, arrays), subject(entry))
            try archive.add("\(entry.name).npy", Storage(try NPYWriter.bytes(of: tensor)))
        }
        return try archive.finish()
    }

    /// Axes of an array of NumPy, at most.
    private static let numPyAxes = 64

    /// The same numbers as NumPy can have them.
    ///
    /// - Throws: `FormatError` `.unsupported` for more axes than it takes.
    static func numPy(_ tensor: Tensor, _ subject: String) throws(FormatError) -> Tensor {
        guard tensor.shape.rank <= numPyAxes else {
            throw FormatError(
                code: .unsupported, subject: subject,
                problem: "it has \(tensor.shape.rank) axes, and NumPy takes \(numPyAxes).",
                remedy: "Unpack to .safetensors.")
        }
        return plain(tensor) { NPYHeader.text(type: $0, shape: .scalar) != nil }
    }

    // MARK: Safetensors

    /// Writes the entries as safetensors; answers the size of the file.
    func writeTensors(_ entries: [Entry], _ arrays: ContainerArrays, _ sink: FileSink) throws -> Int {
        let (records, offsets) = try records(entries, arrays)
        var text = Array("{\(records.joined(separator: ","))}".utf8)
        text += [UInt8](repeating: UInt8(ascii: " "), count: (8 - text.count % 8) % 8)
        var start = ByteWriter()
        start.number(UInt64(text.count))
        start.append(text)
        try sink.write(start.bytes)
        for (index, entry) in entries.enumerated() {
            let tensor = ArrayExport.plain(try tensor(entry, arrays)) { SafetensorsHeader.name(of: $0) != nil }
            guard tensor.storage.byteCount == offsets[index + 1] - offsets[index] else {
                throw FormatError(
                    code: .corrupt, subject: subject(entry),
                    problem: "its stored form is not of the type that it says.", remedy: FormatError.damaged)
            }
            try sink.write(tensor.storage)
        }
        return start.bytes.count + offsets[entries.count]
    }

    /// What the header says of each entry, and where each starts behind it; one place more is where the last ends.
    private func records(
        _ entries: [Entry], _ arrays: ContainerArrays
    ) throws(FormatError) -> (records: [String], offsets: [Int]) {
        var records: [String] = [], offsets = [0]
        for entry in entries {
            let (stored, shape) = try layout(entry, arrays), start = offsets[offsets.count - 1]
            let type = ArrayExport.type(stored) { SafetensorsHeader.name(of: $0) != nil }
            guard let name = SafetensorsHeader.name(of: type) else {
                throw FormatError(
                    code: .unsupported, subject: subject(entry),
                    problem: "safetensors has no elements of the type \(type.rawValue).", remedy: "Unpack to .npz.")
            }
            guard let count = type.byteCount(of: shape.count), count <= ArrayExport.mostBytes - start else {
                throw FormatError(
                    code: .corrupt, subject: subject(entry),
                    problem: "its shape \(shape) takes more bytes than a file can have.", remedy: FormatError.damaged)
            }
            offsets.append(start + count)
            let lengths = shape.dimensions.map(String.init).joined(separator: ",")
            records.append(
                "\(ArrayExport.json(entry.name)):{\"dtype\":\"\(name)\",\"shape\":[\(lengths)],"
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

    private func subject(_ entry: Entry) -> String { "\(file.path), weight '\(entry.name)'" }

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
        let type = type(tensor.type, known: known)
        guard type != tensor.type else { return tensor }
        if type == .float32, let numbers = tensor.floats() { return Tensor(numbers, shape: tensor.shape) }
        if let levels = tensor.integers(), let plain = try? Tensor(integers: levels, as: type, shape: tensor.shape) {
            return plain
        }
        return tensor
    }
}
