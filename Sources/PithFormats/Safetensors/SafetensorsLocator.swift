internal import Foundation
internal import PithTensor

/// Finds the arrays of safetensors files.
enum SafetensorsLocator {
    /// The model in one file.
    ///
    /// - Throws: `FormatError` as `SafetensorsHeader`.
    static func model(at path: String) throws(FormatError) -> PackedModel {
        let name = URL(fileURLWithPath: path).lastPathComponent
        let (file, arrays) = try shard(path, name: name, index: 0)
        return PackedModel(kind: .safetensors, files: [file], arrays: arrays)
    }

    /// The model in the files that an index names.
    ///
    /// - Throws: `FormatError` as `SafetensorsHeader`; `.corrupt` for an index without files, `.unsupported` for files
    ///   outside its folder.
    static func indexedSet(at path: String) throws(FormatError) -> PackedModel {
        struct Index: Decodable {
            let weights: [String: String]
            enum CodingKeys: String, CodingKey { case weights = "weight_map" }
        }
        let bytes = try MappedFile.bytes(of: path)
        guard bytes.byteCount <= SafetensorsHeader.limit,
            let index = try? JSONDecoder().decode(Index.self, from: Data(bytes.withBytes { $0.bytes }))
        else {
            throw FormatError(
                code: .corrupt, subject: path, problem: "it is no index of safetensors files.",
                remedy: FormatError.damaged)
        }
        let url = URL(fileURLWithPath: path)
        var files = [PackedModel.File(path: path, name: url.lastPathComponent, byteCount: bytes.byteCount)]
        var arrays: [PackedModel.LocatedArray] = []
        for name in Set(index.weights.values).sorted() {
            guard RelativeName.isSound(name) else {
                throw FormatError(
                    code: .unsupported, subject: path, problem: "it names '\(name)', outside its folder.",
                    remedy: "Put the files beside the index and correct it.")
            }
            let place = url.deletingLastPathComponent().appendingPathComponent(name).path
            let (file, found) = try shard(place, name: name, index: files.count)
            files.append(file)
            arrays += found
        }
        return PackedModel(kind: .safetensors, files: files, arrays: arrays)
    }

    private static func shard(
        _ path: String, name: String, index: Int
    ) throws(FormatError) -> (PackedModel.File, [PackedModel.LocatedArray]) {
        let bytes = try MappedFile.bytes(of: path)
        let header = try SafetensorsHeader(bytes, named: path)
        let arrays = header.entries.map {
            PackedModel.LocatedArray(name: $0.name, type: $0.type, shape: $0.shape, file: index, range: $0.range)
        }
        return (PackedModel.File(path: path, name: name, byteCount: bytes.byteCount), arrays)
    }
}
