internal import PithCoding
internal import PithTensor

/// The bytes of stored forms in a directory.
extension StoredForm {
    /// Forms in forms, at most.
    private static let depthLimit = 8
    /// Axes of a shape, at most.
    static let mostAxes = 64
    /// Bytes of numbers that are written out, at most.
    static let mostWrittenOut = 4096

    /// Whether no shape in it has more axes than a reader takes.
    var hasReadableShapes: Bool {
        shape.rank <= Self.mostAxes
            && parts.allSatisfy { part in
                switch part.source {
                case .array: true
                case .numbers(let tensor): tensor.shape.rank <= Self.mostAxes
                case .form(let form): form.hasReadableShapes
                }
            }
    }

    func write(to out: inout ByteWriter) {
        out.text(kind)
        out.byte(ContainerDirectory.code(of: type))
        out.varint(shape.rank)
        for length in shape.dimensions { out.varint(length) }
        out.varint(settings.count)
        for setting in settings {
            out.text(setting.name)
            out.varint(setting.value)
        }
        out.varint(parts.count)
        for part in parts {
            out.text(part.role)
            switch part.source {
            case .array(let index):
                out.byte(1)
                out.varint(index)
            case .numbers(let tensor):
                out.byte(2)
                out.byte(ContainerDirectory.code(of: tensor.type))
                out.varint(tensor.shape.rank)
                for length in tensor.shape.dimensions { out.varint(length) }
                out.append(tensor.storage.withBytes { $0.bytes })
            case .form(let form):
                out.byte(3)
                form.write(to: &out)
            }
        }
    }

    /// Reads a form whose arrays are numbered below `arrayCount`.
    ///
    /// - Throws: `CodingError` `.corrupt` or `.truncated`.
    init(_ reader: inout ByteReader, arrayCount: Int, depth: Int = 0) throws(CodingError) {
        guard depth < Self.depthLimit else { throw reader.corrupt("forms nest deeper than \(Self.depthLimit) levels") }
        let kind = try reader.text("a form's kind", atMost: 64)
        let (type, shape) = try Self.typeAndShape(&reader)
        var settings: [(String, Int)] = [], parts: [(String, Source)] = [], names: Set<String> = []
        for _ in 0..<(try reader.varint("the number of settings", atMost: reader.remaining / 2)) {
            let name = try reader.text("a setting's name", atMost: 64)
            guard names.insert(name).inserted else { throw reader.corrupt("the setting '\(name)' stands there twice") }
            settings.append((name, try reader.varint("a setting", atMost: .max)))
        }
        names = []
        for _ in 0..<(try reader.varint("the number of parts", atMost: reader.remaining / 3)) {
            let role = try reader.text("a part's name", atMost: 64)
            guard names.insert(role).inserted else { throw reader.corrupt("the part '\(role)' stands there twice") }
            parts.append((role, try Self.source(&reader, arrayCount, depth)))
        }
        self.init(kind: kind, type: type, shape: shape, settings: settings, parts: parts)
    }

    private static func source(
        _ reader: inout ByteReader, _ arrayCount: Int, _ depth: Int
    ) throws(CodingError) -> Source {
        let start = reader.offset
        switch try reader.byte() {
        case 1: return .array(try reader.varint("an array's number", atMost: arrayCount - 1))
        case 2:
            let (type, shape) = try typeAndShape(&reader)
            guard let count = type.byteCount(of: shape.count), count <= mostWrittenOut else {
                throw reader.corrupt("numbers of the shape \(shape) can not be written out", at: start)
            }
            let storage = Storage(try reader.array(count))
            guard let tensor = try? Tensor(type: type, shape: shape, storage: storage) else {
                throw reader.corrupt("written out numbers do not fit their shape", at: start)
            }
            return .numbers(tensor)
        case 3: return .form(try StoredForm(&reader, arrayCount: arrayCount, depth: depth + 1))
        default: throw reader.corrupt("a part comes from nowhere", at: start)
        }
    }

    private static func typeAndShape(_ reader: inout ByteReader) throws(CodingError) -> (ScalarType, Shape) {
        let start = reader.offset, code = Int(try reader.byte())
        guard let type = ContainerDirectory.type(of: code) else {
            throw reader.corrupt("the element type \(code) is not known", at: start)
        }
        var dimensions: [Int] = []
        for _ in 0..<(try reader.varint("the number of axes", atMost: min(reader.remaining, mostAxes))) {
            dimensions.append(try reader.varint("an axis' length", atMost: .max))
        }
        guard let shape = try? Shape(dimensions), type.byteCount(of: shape.count) != nil else {
            throw reader.corrupt("a form's shape has too many elements", at: start)
        }
        return (type, shape)
    }
}
