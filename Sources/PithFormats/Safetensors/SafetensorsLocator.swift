internal import Foundation
internal import PithTensor

/// Finds the arrays of safetensors files.
enum SafetensorsLocator {
    /// The model in one file.
    ///
    /// - Throws: `FormatError` as `SafetensorsHeader`.
    static func model(at path: String) throws(FormatError) -> PackedModel {
        let name = URL(fileURLWithPath: path).lastPathComponent
        let (file, arrays, foreign) = try shard(path, name: name, index: 0)
        return PackedModel(kind: .safetensors, files: [file], arrays: arrays).noting(note(on: foreign))
    }

    /// The model in the files that an index names.
    ///
    /// - Throws: `FormatError` as `SafetensorsHeader`; `.corrupt` for an index without files, `.unsupported` for files
    ///   outside its folder.
    static func indexedSet(at path: String) throws(FormatError) -> PackedModel {
        let bytes = try MappedFile.bytes(of: path)
        guard bytes.byteCount <= SafetensorsHeader.limit, let names = try? fileNames(bytes.withBytes { $0.bytes })
        else {
            throw FormatError(
                code: .corrupt, subject: path, problem: "it is no index of safetensors files.",
                remedy: FormatError.damaged)
        }
        let url = URL(fileURLWithPath: path)
        var files = [PackedModel.File(path: path, name: url.lastPathComponent, byteCount: bytes.byteCount)]
        var arrays: [PackedModel.LocatedArray] = [], foreign: [String] = []
        for name in names {
            guard RelativeName.isSound(name) else {
                throw FormatError(
                    code: .unsupported, subject: path, problem: "it names '\(name)', outside its folder.",
                    remedy: "Put the files beside the index and correct it.")
            }
            let place = url.deletingLastPathComponent().appendingPathComponent(name).path
            let (file, found, others) = try shard(place, name: name, index: files.count)
            files.append(file)
            arrays += found
            foreign += others
        }
        return try PackedModel(kind: .safetensors, files: files, arrays: arrays).requiringFileNames()
            .noting(note(on: foreign))
    }

    /// The files that the `weight_map` of an index names, each once, in the order of their bytes.
    private static func fileNames(_ index: [UInt8]) throws(JSONScanner.Failure) -> [String] {
        var scanner = JSONScanner(index), names: Set<ExactName>?
        try scanner.object { (key, scanner) throws(JSONScanner.Failure) in
            guard key == "weight_map" else { return try scanner.skipValue() }
            var found: Set<ExactName> = []
            try scanner.object { (_, scanner) throws(JSONScanner.Failure) in
                found.insert(ExactName(try scanner.string()))
            }
            names = found
        }
        try scanner.finish()
        guard let names else { throw JSONScanner.Failure(offset: 0) }
        return names.map(\.text).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    private static func shard(
        _ path: String, name: String, index: Int
    ) throws(FormatError) -> (PackedModel.File, [PackedModel.LocatedArray], foreign: [String]) {
        let bytes = try MappedFile.bytes(of: path)
        let header = try SafetensorsHeader(bytes, named: path)
        let arrays = header.entries.map {
            PackedModel.LocatedArray(name: $0.name, type: $0.type, shape: $0.shape, file: index, range: $0.range)
        }
        let foreign = header.entries.compactMap { entry in entry.foreignType.map { "\(entry.name) (\($0))" } }
        return (PackedModel.File(path: path, name: name, byteCount: bytes.byteCount), arrays, foreign)
    }

    private static func note(on foreign: [String]) -> String? {
        guard !foreign.isEmpty else { return nil }
        return "tensors of types that are not known are kept as bytes, and listed so: "
            + foreign.joined(separator: ", ")
    }
}
