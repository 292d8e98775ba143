internal import PithCoding
internal import PithTensor

/// Decides what a container of a model will hold before anything is coded.
///
/// Text comes first, then the hot arrays, then the others in the order in which the graph reads them. Small arrays of one
/// layout share blocks, which lie where the first of them would; large ones are cut into blocks of whole rows.
struct ContainerPlan {
    /// The directory to be written.
    let directory: ContainerDirectory
    /// For each block, how many elements belong together; 0 when none do.
    let units: [Int]

    /// Elements of a block of a large array, at most.
    static let blockElements = 1 << 18
    /// Arrays below this number of elements share blocks.
    private static let smallElements = 1 << 15
    /// Elements of a shared block, at least.
    private static let sharedElements = 1 << 16
    /// Elements of a block of text.
    private static let textElements = 1 << 20

    /// Plans the container of `model`, whose arrays are compared to find those that are stored once.
    ///
    /// - Throws: `FormatError` when a file can not be read; `.unsupported` for a model whose container no reader would take.
    init(_ model: PackedModel) throws(FormatError) {
        let finder = DuplicateFinder(model), originals = try finder.originals()
        let repetitions = try finder.repetitions(below: Self.smallElements)
        var arrays: [ContainerDirectory.Array] = [], files: [ContainerDirectory.File] = []
        var textBytes = [Int](repeating: 0, count: model.files.count)
        for array in model.arrays { textBytes[array.file] -= array.range.count }
        for (index, file) in model.files.enumerated() { textBytes[index] += file.byteCount }
        var textOfFile: [Int: Int] = [:]
        for (index, file) in model.files.enumerated() where textBytes[index] > 0 {
            textOfFile[index] = arrays.count
            arrays.append(
                ContainerDirectory.Array(
                    name: file.name, type: nil, shape: .vector(textBytes[index]), byteCount: textBytes[index],
                    original: nil))
        }
        let first = arrays.count
        for (index, array) in model.arrays.enumerated() {
            arrays.append(
                ContainerDirectory.Array(
                    name: ContainerPlan.cut(array.name), type: array.type, shape: array.shape,
                    byteCount: array.range.count, original: originals[index].map { $0 + first }))
        }
        for (index, file) in model.files.enumerated() {
            files.append(ContainerPlan.file(file, index, model, firstArray: first, text: textOfFile[index]))
        }
        let repeating = [Bool](repeating: false, count: first) + repetitions
        let hot = model.hot.map { $0 + first }
        let order = ContainerPlan.order(Array(0..<first) + hot + model.order.map { $0 + first }, of: arrays)
        let (blocks, units) = ContainerPlan.blocks(
            of: arrays, in: order, repeating: repeating, hot: Set(hot.map { arrays[$0].original ?? $0 }))
        self.units = units
        do {
            directory = try ContainerDirectory(
                kind: model.kind.rawValue, files: files, arrays: arrays, blocks: blocks,
                forms: ContainerPlan.forms(model.forms, firstArray: first), hot: hot, named: "the plan")
        } catch {
            throw FormatError(
                code: .unsupported, subject: model.files.first?.path ?? "the model",
                problem: "its container would contradict itself: \(error.problem)",
                remedy: "This is a fault of Pith, not of the model: report it, and use another archive meanwhile.")
        }
    }

    /// Bytes of a name, at most.
    private static let nameBytes = 1000

    private static func cut(_ name: String) -> String { String(decoding: name.utf8.prefix(nameBytes), as: UTF8.self) }

    /// The forms as the directory has them: with names that are still different when they are cut, and without those that
    /// no reader takes.
    private static func forms(_ forms: [NamedForm], firstArray: Int) -> [NamedForm] {
        var names = UniqueNames.equivalent
        return forms.filter { $0.form.hasReadableShapes }.map { named in
            NamedForm(name: names.make(cut(named.name)), form: named.form.renumbered { $0 + firstArray })
        }
    }

    /// The pieces of a file: its arrays, and the text before, between and after them.
    private static func file(
        _ file: PackedModel.File, _ index: Int, _ model: PackedModel, firstArray: Int, text: Int?
    ) -> ContainerDirectory.File {
        var pieces: [ContainerDirectory.Piece] = [], offset = 0
        func addText(to end: Int) {
            guard end > offset, let text else { return }
            pieces.append(ContainerDirectory.Piece(array: text, byteCount: end - offset))
        }
        for (number, array) in model.arrays.enumerated() where array.file == index {
            addText(to: array.range.lowerBound)
            pieces.append(ContainerDirectory.Piece(array: firstArray + number, byteCount: array.range.count))
            offset = array.range.upperBound
        }
        addText(to: file.byteCount)
        return ContainerDirectory.File(name: file.name, byteCount: file.byteCount, pieces: pieces)
    }

    /// The arrays with content of their own in the order `wanted`, each where it or the first one like it is wanted.
    private static func order(_ wanted: [Int], of arrays: [ContainerDirectory.Array]) -> [Int] {
        var seen: Set<Int> = []
        return wanted.map { arrays[$0].original ?? $0 }.filter { seen.insert($0).inserted }
    }

    /// What the arrays of a shared block have in common.
    private struct Kind: Hashable {
        let layout: NumberLayout
        let isRepeating: Bool
        let isHot: Bool
    }

    private static func blocks(
        of arrays: [ContainerDirectory.Array], in order: [Int], repeating: [Bool], hot: Set<Int>
    ) -> (blocks: [ContainerDirectory.Block], units: [Int]) {
        // A shared block has its place from its first array on, so that it is not behind what is read later.
        var blocks: [[ContainerDirectory.Segment]] = [], units: [Int] = [], open: [Kind: Int] = [:]
        for index in order {
            let array = arrays[index], layout = array.layout, count = array.elementCount
            guard layout.isText || count >= smallElements else {
                let kind = Kind(layout: layout, isRepeating: repeating[index], isHot: hot.contains(index))
                let segment = ContainerDirectory.Segment(array: index, start: 0, count: count)
                if let place = open[kind] {
                    blocks[place].append(segment)
                    units[place] = 64
                } else {
                    open[kind] = blocks.count
                    blocks.append([segment])
                    units.append(unit(of: array))
                }
                if let place = open[kind], blocks[place].reduce(0, { $0 + $1.count }) >= sharedElements {
                    open[kind] = nil
                }
                continue
            }
            let unit = layout.isText ? 0 : unit(of: array), size = blockSize(of: array, unit: unit)
            for start in stride(from: 0, to: count, by: size) {
                blocks.append([ContainerDirectory.Segment(array: index, start: start, count: min(size, count - start))])
                units.append(unit)
            }
        }
        return (blocks.map { ContainerDirectory.Block(segments: $0) }, units)
    }

    /// Elements of a block: whole units, and whole rows where they fit.
    private static func blockSize(of array: ContainerDirectory.Array, unit: Int) -> Int {
        guard !array.layout.isText else { return textElements }
        let row = array.shape.dimensions.first.map { $0 > 0 ? array.elementCount / $0 : 0 } ?? 0
        // Levels of a byte are coded best a megabyte at a time: their blocks have many tables.
        let most = array.layout.width == 1 ? BlockEncoder.mostElements : blockElements
        for step in [row, unit] where step > 0 && step <= most { return most / step * step }
        return most
    }

    /// Elements of a row: those of one index of the first axis, or of the innermost axis when these are too many.
    static func unit(of array: ContainerDirectory.Array) -> Int {
        let inner = array.shape.dimensions.last ?? 1
        let row = array.shape.dimensions.first.map { $0 > 0 ? array.elementCount / $0 : 0 } ?? 0
        for candidate in [row, inner] where (64...8192).contains(candidate) { return candidate }
        return inner > 8192 ? 4096 : 64
    }
}
