import Foundation
import PithCoding
import PithFormats
import PithTensor

extension HostileReader {
    private static let vector = Tensor(vector: [1, -2, 3.5] as [Float])

    /// NPY files.
    public static let npy = HostileReader("npy") {
        [
            try NPYWriter.bytes(of: vector),
            try NPYWriter.bytes(of: Tensor([1, 2, 3, 4, 5, 6] as [Int16], shape: try Shape([2, 3]))),
        ]
    } read: { bytes in
        let tensor = try NPYReader.tensor(in: Storage(bytes), named: "input")
        let again = try NPYReader.tensor(in: Storage(try NPYWriter.bytes(of: tensor)), named: "again")
        precondition(again == tensor, "An array that was read and written is another one.")
    }

    /// NPZ files, so ZIP archives of stored and deflated entries.
    public static let npz = HostileReader("npz") {
        try ["a", "b"].indices.map { count in
            try TemporaryFile.with([], named: "a.npz") { path in
                let staged = try StagedOutput(beside: path)
                try staged.write("a.npz") { sink in
                    var archive = ZIPWriter(sink)
                    for name in ["a.npy", "b.npy"].prefix(count + 1) {
                        try archive.add(name, Storage(try NPYWriter.bytes(of: vector)))
                    }
                    _ = try archive.finish()
                }
                try staged.commit()
                return [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
            }
        }
    } read: { bytes in
        let archive = NPZArchive(try ZIPArchive(Storage(bytes), named: "input"))
        for name in archive.names.prefix(8) { _ = try archive.tensor(named: name) }
    }

    /// IDX files, plain and compressed by gzip.
    public static let idx = HostileReader("idx") {
        let plain: [UInt8] = [0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6]
        let packed = try Storage(plain).withBytes { try Gzip.deflated($0) }
        return [plain, packed, [0, 0, 13, 1, 0, 0, 0, 1, 63, 128, 0, 0]]
    } read: { bytes in
        _ = try IDXReader.tensor(in: Storage(bytes), named: "input")
    }

    /// Data cards, and through them any YAML.
    public static let card = HostileReader("card") {
        [
            """
            inputs:
              image: { file: a.npy, axes: [0, 2, 1], scale: 0.0039, mean: [0.5], std: [0.25] }
              rate: { value: 16000 }
              state: { zeros: [2, 1], from: out }
            labels: { file: a.npy, array: label }
            metric: accuracy
            batch: 1
            calibrate: [0, 5]
            evaluate: [5, 30]
            """, "inputs: { x: { file: a.npy, shape: [1, 3] } }\nlabels: { file: a.npy }\n",
        ].map { Array($0.utf8) }
    } read: { bytes in
        let value = try YAMLDocument.parse(String(decoding: bytes, as: UTF8.self), named: "card.yaml")
        let text = try YAMLDocument.text(of: value)
        _ = try YAMLDocument.parse(text, named: "again.yaml")
        try TemporaryFile.with(bytes, named: "card.yaml") { path in
            // A card is sound when nothing but its data is not there.
            do { _ = try Dataset(path: path, graphInputs: []) } catch let error as FormatError {
                guard error.code == .missing else { throw error }
            }
        }
    }
}
