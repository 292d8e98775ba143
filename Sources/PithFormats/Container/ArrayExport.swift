internal import Foundation
internal import PithCoding
internal import PithTensor

/// Writes the arrays of a container as plain arrays, for other tools: `.npz`, `.safetensors`, or one array as `.npy`.
///
/// One array is in memory at a time. Types that a format lacks become the next one that holds all their values.
package struct ArrayExport: Sendable {
    private let file: ContainerFile

    /// Exports the arrays of `file`.
    package init(_ file: ContainerFile) { self.file = file }

    /// Whether unpacking `kind` to `path` asks for plain arrays rather than the model's own file.
    package static func isWanted(kind: String, path: String) -> Bool {
        let target = URL(fileURLWithPath: path).pathExtension.lowercased()
        return ["npz", "safetensors"].contains(target) && target != kind
    }

    /// Writes all arrays to `path`.
    ///
    /// - Returns: The number of bytes written.
    /// - Throws: `FormatError` when a block is damaged, two arrays have one name, or the file can not be written.
    package func write(to path: String) throws -> Int {
        let url = URL(fileURLWithPath: path), staged = try StagedOutput(beside: path)
        let arrays = ContainerArrays(file, cacheBytes: 16 << 20)
        var names: [String: Int] = [:], entries: [(name: String, index: Int)] = []
        for index in file.directory.weights {
            let name = file.directory.arrays[index].name
            names[name, default: 0] += 1
            entries.append((names[name] == 1 ? name : "\(name)#\(names[name, default: 0])", index))
        }
        let isNPZ = url.pathExtension.lowercased() == "npz"
        var count = 0
        try staged.write(url.lastPathComponent) { sink in
            count = isNPZ ? try writeArchive(entries, arrays, sink) : try writeTensors(entries, arrays, sink)
        }
        try staged.commit()
        return count
    }

    /// Writes one array, or rows of it, to `path` as `.npy`.
    ///
    /// - Throws: `FormatError` as `ContainerArrays.tensor` and `NPYWriter.write`.
    package func write(array name: String, rows: Range<Int>?, to path: String) throws(FormatError) -> Int {
        let tensor = try ContainerArrays(file).tensor(named: name, rows: rows)
        let plain = ArrayExport.plain(tensor) { NPYHeader.text(type: $0, shape: .scalar) != nil }
        try NPYWriter.write(plain, to: path)
        return plain.byteCount
    }

    private func writeArchive(
        _ entries: [(name: String, index: Int)], _ arrays: ContainerArrays, _ sink: FileSink
    ) throws -> Int {
        var archive = ZIPWriter(sink)
        for entry in entries {
            let tensor = ArrayExport.plain(try arrays.tensor(entry.index)) {
                NPYHeader.text(type: $0, shape: .scalar) != nil
            }
            try archive.add("\(entry.name).npy", Storage(try NPYWriter.bytes(of: tensor)))
        }
        return try archive.finish()
    }

    private func writeTensors(
        _ entries: [(name: String, index: Int)], _ arrays: ContainerArrays, _ sink: FileSink
    ) throws -> Int {
        struct Record: Encodable {
            let dtype: String
            let shape: [Int]
            let data_offsets: [Int]
        }
        var header: [String: Record] = [:], offset = 0
        for entry in entries {
            let array = file.directory.arrays[entry.index]
            let type = ArrayExport.type(array.type ?? .uint8) { SafetensorsHeader.name(of: $0) != nil }
            let end = offset + (type.byteCount(of: array.shape.count) ?? 0)
            header[entry.name] = Record(
                dtype: SafetensorsHeader.name(of: type) ?? "U8", shape: array.shape.dimensions,
                data_offsets: [offset, end])
            offset = end
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var text = [UInt8](try encoder.encode(header))
        text += [UInt8](repeating: UInt8(ascii: " "), count: (8 - text.count % 8) % 8)
        var start = ByteWriter()
        start.number(UInt64(text.count))
        start.append(text)
        try sink.write(start.bytes)
        for entry in entries {
            let tensor = ArrayExport.plain(try arrays.tensor(entry.index)) { SafetensorsHeader.name(of: $0) != nil }
            try sink.write(tensor.storage)
        }
        return start.bytes.count + offset
    }

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
