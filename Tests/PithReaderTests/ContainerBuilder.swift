import PithReader

/// Writes small containers with stored blocks: one array to a block, one file of all arrays.
struct ContainerBuilder {
    struct Item {
        var name: String
        var type: UInt8
        var dimensions: [Int]
        var bytes: [UInt8]
        var original = 0
    }

    var format = "npz"
    var items: [Item] = []
    var forms: [(name: String, form: [UInt8])] = []
    var hot: [Int] = []
    /// Fields by their numbers, in place of those that follow from the rest; empty fields are left out.
    var fields: [Int: [UInt8]] = [:]
    /// Block bodies by the numbers of their arrays, in place of stored bytes.
    var bodies: [Int: [UInt8]] = [:]
    var fileName = "file"

    mutating func add(_ name: String, _ type: ElementType, _ dimensions: [Int], _ bytes: [UInt8], original: Int = 0) {
        items.append(Item(name: name, type: type.rawValue, dimensions: dimensions, bytes: bytes, original: original))
    }

    /// A form whose parts are arrays that were added, by name.
    mutating func addForm(
        _ name: String, _ kind: String, _ dimensions: [Int], type: ElementType = .float32,
        settings: [String: Int] = [:], parts: [String: String]
    ) {
        let sources = parts.sorted { $0.key < $1.key }.map { part, array in
            Bytes.text(part) + [1] + Bytes.number(items.firstIndex { $0.name == array } ?? items.count)
        }
        let named = settings.sorted { $0.key < $1.key }.map { Bytes.text($0.key) + Bytes.number($0.value) }
        forms.append((name, Self.form(kind, type, dimensions, settings: named, parts: sources)))
    }

    static func form(
        _ kind: String, _ type: ElementType, _ dimensions: [Int], settings: [[UInt8]] = [], parts: [[UInt8]] = []
    ) -> [UInt8] {
        Bytes.text(kind) + [type.rawValue] + Bytes.list(dimensions.map(Bytes.number)) + Bytes.list(settings)
            + Bytes.list(parts)
    }

    func frames() -> SealedFrames {
        let owned = items.indices.filter { items[$0].original == 0 && !items[$0].bytes.isEmpty }
        var all: [Int: [UInt8]] = [
            1: [UInt8](format.utf8),
            3: Bytes.list([
                Bytes.text(fileName) + Bytes.number(items.reduce(0) { $0 + $1.bytes.count })
                    + Bytes.list(items.indices.map { Bytes.number($0) + Bytes.number(items[$0].bytes.count) })
            ]),
            5: Bytes.list(
                items.map { item in
                    Bytes.text(item.name) + [item.type] + Bytes.list(item.dimensions.map(Bytes.number))
                        + Bytes.number(item.original)
                }),
            7: Bytes.list(
                owned.map { [1] + Bytes.number($0) + Bytes.number(items[$0].bytes.count / width(of: items[$0])) }),
            10: Bytes.list(forms.map { Bytes.text($0.name) + $0.form }),
            12: Bytes.list(hot.map(Bytes.number)),
        ]
        all.merge(fields) { $1 }
        let content = all.sorted { $0.key < $1.key }.filter { !$0.value.isEmpty }
            .flatMap { Bytes.number($0.key) + Bytes.number($0.value.count) + $0.value }
        var frames = SealedFrames(directory: [], blocks: owned.map { bodies[$0] ?? [0] + items[$0].bytes })
        frames.store(fields: content)
        return frames
    }

    func reader(maximumByteCount: Int = 1 << 24) throws(ReaderError) -> ContainerReader {
        try ContainerReader(frames().file(), maximumByteCount: maximumByteCount)
    }

    private func width(of item: Item) -> Int {
        switch item.type {
        case 1, 13, 17, 24: 4
        case 2, 14, 18, 25: 8
        case 3, 4, 12, 16: 2
        default: 1
        }
    }
}
