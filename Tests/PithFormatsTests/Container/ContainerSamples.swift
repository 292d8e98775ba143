import Foundation
import PithCoding
import PithFormats
import PithModel
import PithTensor
import PithTestSupport

/// Small models to pack.
enum ContainerSamples {
    /// A safetensors file with arrays of many kinds, two of them the same.
    static func safetensors() -> [UInt8] {
        var samples = NumberSamples(seed: 21)
        let weights = samples.weights(rows: 24, columns: 16)
        let parts: [(name: String, type: String, shape: [Int], bytes: [UInt8])] = [
            ("embedding", "F32", [24, 16], NumberSamples.bytes(weights.map(\.bitPattern))),
            ("half", "BF16", [24, 16], NumberSamples.bytes(NumberSamples.bfloat16(weights))),
            ("tied", "F32", [24, 16], NumberSamples.bytes(weights.map(\.bitPattern))),
            ("steps", "I64", [9], NumberSamples.bytes((0..<9).map { Int64($0 * $0) })),
            ("ones", "F32", [64], NumberSamples.bytes([UInt32](repeating: Float(1).bitPattern, count: 64))),
            ("levels", "I8", [24, 16], NumberSamples.bytes(weights.map { Int8(max(-127, min(127, $0 * 900))) })),
            ("empty", "F32", [0, 3], []),
        ]
        return safetensors(parts)
    }

    /// A safetensors file of levels: walks of 4 and 8 states, and levels that are none.
    static func levels() -> [UInt8] {
        var samples = NumberSamples(seed: 33)
        let parts = [(8, 160, 256), (4, 96, 384), (1, 160, 256)].map { states, rows, columns in
            (
                name: "walk\(states)", type: "I8", shape: [rows, columns],
                bytes: NumberSamples.bytes(
                    samples.levels(rows * columns, states: states, unit: columns, scale: 4, spread: 8))
            )
        }
        return safetensors(parts)
    }

    /// A safetensors file of a table in floats, some rows of which have the digits of halves, as rows of unused words do.
    static func mixedRows() -> [UInt8] {
        var samples = NumberSamples(seed: 44)
        let values = samples.weights(rows: 160, columns: 64, spread: 4).enumerated().map { index, value in
            index / 64 % 9 == 3 ? Float(Float16(value)) : value
        }
        return safetensors([("table", "F32", [160, 64], NumberSamples.bytes(values.map(\.bitPattern)))])
    }

    /// A safetensors file of given arrays.
    static func safetensors(_ parts: [(name: String, type: String, shape: [Int], bytes: [UInt8])]) -> [UInt8] {
        var entries = ["\"__metadata__\":{\"made\":\"by a test\"}"], data: [UInt8] = []
        for part in parts {
            let end = data.count + part.bytes.count
            entries.append(
                "\"\(part.name)\":{\"dtype\":\"\(part.type)\",\"shape\":\(part.shape),\"data_offsets\":[\(data.count),\(end)]}"
            )
            data += part.bytes
        }
        let header = Array("{\(entries.joined(separator: ","))}".utf8)
        return NumberSamples.bytes([UInt64(header.count)]) + header + data
    }

    /// Packs the model at `path` into a file of `folder`; answers its bytes.
    @discardableResult
    static func pack(_ path: String, to target: String, threads: Int = 2) async throws -> [UInt8] {
        try await pack(PackedModel.read(path: path), to: target, threads: threads)
    }

    /// Packs a model that was looked at.
    @discardableResult
    static func pack(_ model: PackedModel, to target: String, threads: Int = 2) async throws -> [UInt8] {
        let staged = try StagedOutput(beside: target), name = URL(fileURLWithPath: target).lastPathComponent
        let file = try staged.create(name)
        _ = try await ContainerPacker(model, threads: threads).pack(to: file, named: target)
        try staged.complete(name, file)
        try staged.commit()
        return try bytes(target)
    }

    /// Unpacks the container at `path` to `target`.
    static func unpack(_ path: String, to target: String, threads: Int = 2) async throws {
        let file = try ContainerFile(path: path)
        _ = try await ContainerUnpacker(.file(file), named: path, threads: threads).unpack(to: target)
    }

    static func bytes(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))) }
}
