internal import PithCompression
package import PithFormats

/// What packing came to, for people and programs.
package struct PackText: Encodable, Sendable {
    struct Side: Encodable, Sendable {
        let path: String
        let bytes: Int
    }

    let input: Side
    let output: Side
    let ratio: Double
    let arrays: Int
    let duplicates: Int
    let blocks: Int
    let root: String
    let notes: [String]

    /// Tells of packing `model` to `output`.
    package init(_ model: String, _ output: String, _ report: ContainerPacker.Report) {
        input = Side(path: model, bytes: report.inputBytes)
        self.output = Side(path: output, bytes: report.outputBytes)
        ratio = Double(report.inputBytes) / Double(report.outputBytes)
        arrays = report.arrays
        duplicates = report.duplicates
        blocks = report.blocks
        root = report.root
        notes = report.notes
    }

    /// The report as text.
    package var text: String {
        Text.notes(notes)
            + "\(output.path): \(Text.bytes(output.bytes)) from \(Text.bytes(input.bytes)), \(Text.change(ratio))\n"
            + "\(arrays) arrays"
            + (duplicates > 0 ? ", \(duplicates) of them the same as another and stored once" : "")
            + "; \(blocks) blocks; root \(root)"
    }
}

/// What unpacking came to.
package struct UnpackText: Encodable, Sendable {
    let container: String
    let paths: [String]
    let bytes: Int
    let notes: [String]

    /// Tells of unpacking `container`.
    package init(container: String, paths: [String], bytes: Int, notes: [String]) {
        self.container = container
        self.paths = paths
        self.bytes = bytes
        self.notes = notes
    }

    /// The report as text.
    package var text: String {
        Text.notes(notes) + "\(paths.joined(separator: ", ")): \(Text.bytes(bytes)) from \(container)"
    }
}

/// What verifying came to.
package struct VerifyText: Encodable, Sendable {
    struct Damage: Encodable, Sendable {
        let block: Int
        let problem: String
        let arrays: [String]
    }

    let path: String
    let bytes: Int
    let blocks: Int
    let root: String
    let damage: [Damage]

    /// Tells of verifying `file`.
    package init(_ file: ContainerFile, damage: [ContainerVerifier.Damage]) {
        self.init(
            file.path, bytes: file.byteCount, blocks: file.directory.blocks.count, root: file.root, damage: damage)
    }

    /// Tells of verifying the container at `path`.
    package init(
        _ path: String, bytes: Int, blocks: Int, root: String, damage: [ContainerVerifier.Damage] = []
    ) {
        self.path = path
        self.bytes = bytes
        self.blocks = blocks
        self.root = root
        self.damage = damage.map { Damage(block: $0.block, problem: $0.problem, arrays: $0.arrays) }
    }

    /// Whether a block can not be decoded.
    package var isDamaged: Bool { !damage.isEmpty }

    /// The report as text.
    package var text: String {
        guard isDamaged else { return "\(path): all \(blocks) blocks are sound; root \(root)" }
        let lines = damage.map { "block \($0.block): \($0.problem) Lost: \($0.arrays.joined(separator: ", "))" }
        return "\(path): \(damage.count) of \(blocks) blocks are damaged\n" + lines.joined(separator: "\n")
    }
}
