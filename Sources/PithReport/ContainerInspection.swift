internal import PithCompression
package import PithFormats
internal import PithTensor

/// What a container holds: the result of `inspect` on a `.pith` file.
package struct ContainerInspection: Encodable, Sendable {
    struct Entry: Encodable, Sendable {
        let name: String
        let shape: [Int]
        let type: String
        let bytes: Int
        /// Bytes in the container; arrays that share a block share its bytes by their size.
        let stored: Int
        let sameAs: String?
    }

    let path: String
    let bytes: Int
    let kind: String
    let files: [String]
    let unpackedBytes: Int
    let blocks: Int
    let root: String
    let textBytes: Int
    let textStored: Int
    let arrays: [Entry]

    /// Looks at `file`; no block is read.
    package init(_ file: ContainerFile) {
        let directory = file.directory
        path = file.path
        bytes = file.byteCount
        kind = directory.kind
        files = directory.files.map(\.name)
        unpackedBytes = directory.files.reduce(0) { $0 + $1.byteCount }
        blocks = directory.blocks.count
        root = file.root
        var stored = [Int](repeating: 0, count: directory.arrays.count)
        for (number, block) in directory.blocks.enumerated() {
            let size = file.storedByteCount(ofBlock: number), count = block.elementCount
            for segment in block.segments { stored[segment.array] += size * segment.count / count }
        }
        let text = directory.arrays.indices.filter { directory.arrays[$0].type == nil }
        textBytes = text.reduce(0) { $0 + directory.arrays[$1].byteCount }
        textStored = text.reduce(0) { $0 + stored[$1] }
        arrays = directory.weights.map { index in
            let array = directory.arrays[index]
            return Entry(
                name: array.name, shape: array.shape.dimensions, type: array.type?.rawValue ?? "",
                bytes: array.byteCount,
                stored: stored[index], sameAs: array.original.map { directory.arrays[$0].name })
        }
    }

    /// The report as text.
    package var text: String {
        var table = TextTable(header: ["array", "shape", "type", "bytes", "stored", "ratio"], rightAligned: [3, 4, 5])
        for array in arrays {
            let shape = array.shape.isEmpty ? "scalar" : array.shape.map(String.init).joined(separator: "x")
            let ratio =
                array.sameAs.map { "same as \($0)" }
                ?? (Double(array.bytes) / Double(max(array.stored, 1))).formatted(digits: 3)
            table.add([array.name, shape, array.type, "\(array.bytes)", "\(array.stored)", ratio])
        }
        return """
            \(path): \(Text.bytes(bytes)) for \(Text.bytes(unpackedBytes)) of \(kind) in \(files.joined(separator: ", "))
            \(blocks) blocks; text between the arrays \(textBytes) B, stored in \(textStored) B
            root \(root)

            \(table.text)
            """
    }
}
