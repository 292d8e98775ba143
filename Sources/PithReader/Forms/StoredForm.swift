/// The parts of one weight, and how its numbers follow from them, as the directory says.
struct StoredForm: Sendable, Equatable {
    /// Where the numbers of a part are.
    enum Source: Sendable, Equatable {
        case array(Int)
        case numbers(ElementType, [Int], [UInt8])
        indirect case form(StoredForm)
    }

    let kind: String
    let type: ElementType
    let dimensions: [Int]
    private(set) var settings: [String: Int] = [:]
    private(set) var parts: [String: Source] = [:]

    /// Reads a form; the outermost has `depth` 1.
    init(_ input: inout ByteReader, _ arrays: [ArrayEntry], depth: Int) throws(ReaderError) {
        try input.require(depth <= 8, "Stored forms nest more than 8 deep.")
        kind = try input.key()
        type = try Directory.elementType(&input)
        try input.require(type != .text, "A stored form stands for text.")
        dimensions = try Directory.dimensions(&input)
        let isCountable = Extent.byteCount(dimensions, of: type) != nil
        try input.require(isCountable, "A stored form has more elements than can be counted.")
        for _ in 0..<(try input.number()) {
            let name = try input.key(), value = try input.number()
            try input.require(settings.updateValue(value, forKey: name) == nil, "Setting '\(name)' stands twice.")
        }
        for _ in 0..<(try input.number()) {
            let name = try input.key(), source = try Self.source(&input, arrays, depth: depth)
            try input.require(parts.updateValue(source, forKey: name) == nil, "Part '\(name)' stands twice.")
        }
    }

    /// The arrays that are parts of it, or of forms in it.
    var arrays: Set<Int> {
        var arrays: Set<Int> = []
        for source in parts.values {
            switch source {
            case .array(let index): arrays.insert(index)
            case .numbers: break
            case .form(let form): arrays.formUnion(form.arrays)
            }
        }
        return arrays
    }

    /// The numbers of the arrays that are parts of it, or of forms in it, by their names joined with points.
    var namedArrays: [String: Int] {
        var arrays: [String: Int] = [:]
        for (name, source) in parts.sorted(by: { $0.key < $1.key }) {
            switch source {
            case .array(let index): arrays[name] = index
            case .numbers: break
            case .form(let form):
                let inner = form.namedArrays.map { ("\(name).\($0.key)", $0.value) }
                // Names may have points of their own: the less deep one stays.
                arrays.merge(inner) { first, _ in first }
            }
        }
        return arrays
    }

    private static func source(
        _ input: inout ByteReader, _ arrays: [ArrayEntry], depth: Int
    ) throws(ReaderError) -> Source {
        let code = try input.byte()
        switch code {
        case 1:
            let number = try input.number()
            let isFit = arrays.indices.contains(number) && arrays[number].type != .text
            try input.require(isFit, "Array \(number) cannot be a part: it is text, or there is none.")
            return .array(number)
        case 2:
            let type = try Directory.elementType(&input), shape = try Directory.dimensions(&input)
            guard let byteCount = Extent.byteCount(shape, of: type) else {
                throw input.failure("Numbers that are written out are more than can be counted.")
            }
            try input.require(type != .text, "Text is written out as numbers.")
            try input.require(byteCount <= 4096, "Numbers that are written out take \(byteCount) bytes, above 4096.")
            return .numbers(type, shape, try input.take(byteCount))
        case 3: return .form(try StoredForm(&input, arrays, depth: depth + 1))
        default: throw input.failure("There is no source \(code) of a part.")
        }
    }
}
