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

    /// A weight that is more than one array.
    struct Weight: Encodable, Sendable {
        let name: String
        let form: String
        let shape: [Int]
        let settings: [String: Int]
        /// Where each part comes from: an array, a few numbers, or a form of its own.
        let parts: [Part]
    }

    struct Part: Encodable, Sendable {
        let role: String
        let array: String?
        let numbers: String?
        let form: Weight?
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
    let weights: [Weight]
    /// Arrays that lie first, and the bytes of the container up to the end of their blocks.
    let first: [String]
    let bytesUntilFirst: Int?

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
        let names = directory.exportedNames
        arrays = directory.weights.map { index in
            let array = directory.arrays[index]
            return Entry(
                name: names[index] ?? array.name, shape: array.shape.dimensions, type: array.type?.rawValue ?? "",
                bytes: array.byteCount,
                stored: stored[index], sameAs: array.original.map { names[$0] ?? directory.arrays[$0].name })
        }
        weights = directory.forms.map { Self.weight($0.form, $0.name, directory) }
        first = directory.hot.map { directory.arrays[$0].name }
        bytesUntilFirst = file.endOfHotBlocks
    }

    private static func weight(_ form: StoredForm, _ name: String, _ directory: ContainerDirectory) -> Weight {
        let parts = form.parts.map { part in
            switch part.source {
            case .array(let index):
                Part(role: part.role, array: directory.arrays[index].name, numbers: nil, form: nil)
            case .numbers(let tensor):
                Part(role: part.role, array: nil, numbers: "\(tensor.type.rawValue) \(tensor.shape)", form: nil)
            case .form(let inner):
                Part(role: part.role, array: nil, numbers: nil, form: weight(inner, "\(name).\(part.role)", directory))
            }
        }
        return Weight(
            name: name, form: form.kind, shape: form.shape.dimensions,
            settings: Dictionary(form.settings.map { ($0.name, $0.value) }) { $1 }, parts: parts)
    }

    /// The parts of a weight on one line.
    private static func line(_ weight: Weight) -> String {
        weight.parts.map { part in
            let source = part.array ?? part.numbers ?? part.form.map { "\($0.form) (\(line($0)))" } ?? ""
            return "\(part.role) \(source)"
        }.joined(separator: ", ")
    }

    private var weightText: String {
        guard !weights.isEmpty else { return "" }
        var table = TextTable(header: ["weight", "shape", "form", "parts"])
        for weight in weights {
            let settings = weight.settings.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
            let words = [weight.form] + settings
            table.add([
                weight.name, weight.shape.isEmpty ? "scalar" : weight.shape.map(String.init).joined(separator: "x"),
                words.joined(separator: ", "), Self.line(weight),
            ])
        }
        return "\n\n" + table.text
    }

    private var firstText: String {
        guard let bytesUntilFirst else { return "" }
        return "first, in \(Text.bytes(bytesUntilFirst)): \(first.joined(separator: ", "))\n"
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
            \(firstText)
            \(table.text)\(weightText)
            """
    }
}
