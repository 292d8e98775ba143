internal import Foundation
internal import PithTensor

/// Finds the arrays of an ONNX model and of the data files beside it, without decoding or copying the model.
final class ONNXLocator {
    private let path: String
    private let scanner: WireScanner
    /// Where data files are looked for; nil looks for none.
    private let external: ExternalFiles?
    private var files: [PackedModel.File]
    private var arrays: [PackedModel.LocatedArray] = []
    /// Whether the file has a graph, once it was walked: a file without one is no model, whatever its name says.
    private(set) var hasGraph = false
    /// Tensors whose numbers lie in fields of varying length, where they are no run of bytes.
    private(set) var typed: [TypedTensor] = []

    /// A tensor that has to be decoded to be read.
    struct TypedTensor {
        let name: String
        let type: ScalarType
        let shape: Shape
        /// The bytes of its message.
        let range: Range<Int>
    }

    /// Arrays below this size stay with the bytes around them.
    private static let smallest = 64

    /// Opens the model at `path`.
    ///
    /// - Throws: `FormatError` `.missing` when it can not be opened.
    init(path: String) throws(FormatError) {
        self.path = path
        let bytes = try MappedFile.bytes(of: path)
        scanner = WireScanner(bytes: RawSpanReader(storage: bytes), subject: path)
        external = ExternalFiles(besideModelAt: path)
        let name = URL(fileURLWithPath: path).lastPathComponent
        files = [PackedModel.File(path: path, name: name, byteCount: bytes.byteCount)]
    }

    /// Looks at the model in `bytes` for what lies in it alone; `path` names it in errors.
    init(_ bytes: Storage, path: String) {
        self.path = path
        scanner = WireScanner(bytes: RawSpanReader(storage: bytes), subject: path)
        external = nil
        files = [PackedModel.File(path: path, name: path, byteCount: bytes.byteCount)]
    }

    /// Tensors whose numbers lie in fields of varying length.
    ///
    /// - Throws: `FormatError` as `model`.
    func typedTensors() throws(FormatError) -> [TypedTensor] {
        try walk(.model, 0..<files[0].byteCount, depth: 0)
        return typed
    }

    /// The numbers of a tensor that was found.
    ///
    /// - Throws: `FormatError` `.corrupt` or `.truncated` when they do not fit its shape.
    func tensor(_ found: TypedTensor) throws(FormatError) -> Tensor {
        try ONNXDecoder.tensor(scanner.bytes.copy(found.range), named: found.name, subject: path)
    }

    /// The model's files and arrays.
    ///
    /// - Throws: `FormatError` `.corrupt` or `.truncated` where the model is damaged, `.missing` for data files that are
    ///   not there, `.unsupported` for data files outside its folder and graphs nested too deep.
    func model() throws(FormatError) -> PackedModel {
        try walk(.model, 0..<files[0].byteCount, depth: 0)
        return try PackedModel(kind: .onnx, files: files, arrays: arrays).requiringFileNames().noting(typedNote)
    }

    private var typedNote: String? {
        guard !typed.isEmpty else { return nil }
        let names = typed.prefix(8).map(\.name).joined(separator: ", ")
        let more = typed.count > 8 ? " and \(typed.count - 8) more" : ""
        return "\(typed.count) of its weights are not stored as raw bytes, so they are no arrays of the container, "
            + "only of what is exported from it: \(names)\(more)"
    }

    /// What the places of a sparse weight's values are called, whatever name the file gives them.
    static func indicesName(of weight: String) -> String { "\(weight).indices" }

    private func walk(
        _ message: ONNXMessage, _ range: Range<Int>, depth: Int, renamed: String? = nil
    ) throws(FormatError) {
        guard depth < TensorCutter.depthLimit * 3 else {
            throw FormatError(
                code: .unsupported, subject: path,
                problem: "its graphs nest deeper than \(TensorCutter.depthLimit) levels.",
                remedy: "Flatten the control flow before export.")
        }
        if message == .graph { hasGraph = true }
        if message == .tensor { try locate(range, renamed) }
        var values: String?
        try scanner.forEachField(in: range) { (field) throws(FormatError) in
            guard field.wireType == 2, let nested = message.nested(field.number) else { return }
            var renamed: String?
            if message == .sparseTensor {
                if field.number == 1 { values = try fields(of: field.content).name }
                if field.number == 2 { renamed = values.map(ONNXLocator.indicesName) }
            }
            try walk(nested, field.content, depth: depth + 1, renamed: renamed)
        }
    }

    /// What the fields of a tensor say.
    private struct Fields {
        var type = 0
        var dimensions: [Int] = []
        var name = ""
        var numbers: [(field: Int, range: Range<Int>)] = []
        /// Whether there are numbers that have to be decoded one by one.
        var isTyped = false
        var isExternal = false
        var entries: [String: String] = [:]
    }

    private func locate(_ range: Range<Int>, _ renamed: String?) throws(FormatError) {
        let fields = try fields(of: range)
        let type = ONNXType.scalar(Int32(clamping: fields.type)) ?? .uint8
        let name = renamed ?? (fields.name.isEmpty ? "at byte \(range.lowerBound)" : fields.name)
        if fields.isExternal { return try locateExternal(fields, type, name) }
        let floats: [Int: [ScalarType]] = [4: [.float32, .complex64], 10: [.float64, .complex128]]
        // The numbers of a small weight are wanted all the same; small integers are shapes and axes, mostly.
        let smallest = type.isFloatingPoint && !fields.dimensions.isEmpty ? 1 : ONNXLocator.smallest
        for (field, place) in fields.numbers where place.count >= smallest {
            guard floats[field]?.contains(type) ?? true else { continue }
            add(name, type, fields.dimensions, file: 0, place)
        }
        // A type that is not known can not be decoded.
        guard fields.isTyped, fields.numbers.isEmpty, type != .string,
            ONNXType.scalar(Int32(clamping: fields.type)) != nil, let shape = try? Shape(fields.dimensions),
            type.byteCount(of: shape.count) ?? 0 >= smallest
        else { return }
        typed.append(TypedTensor(name: name, type: type, shape: shape, range: range))
    }

    private func fields(of range: Range<Int>) throws(FormatError) -> Fields {
        var found = Fields()
        try scanner.forEachField(in: range) { (field) throws(FormatError) in
            switch (field.number, field.wireType) {
            case (1, 0): found.dimensions.append(varint(field.content))
            case (1, 2): found.dimensions += varints(field.content)
            case (2, 0): found.type = varint(field.content)
            case (8, 2): found.name = text(field.content)
            case (4, 2), (9, 2), (10, 2): found.numbers.append((field.number, field.content))
            case (5, 0), (5, 2), (7, 0), (7, 2), (11, 0), (11, 2), (4, 5), (10, 1): found.isTyped = true
            case (13, 2): try readEntry(field.content, into: &found)
            case (14, 0): found.isExternal = varint(field.content) == 1
            default: break
            }
        }
        return found
    }

    private func readEntry(_ range: Range<Int>, into found: inout Fields) throws(FormatError) {
        var key = "", value = ""
        try scanner.forEachField(in: range) { (field) throws(FormatError) in
            if field.number == 1, field.wireType == 2 { key = text(field.content) }
            if field.number == 2, field.wireType == 2 { value = text(field.content) }
        }
        found.entries[key] = value
    }

    private func locateExternal(_ fields: Fields, _ type: ScalarType, _ name: String) throws(FormatError) {
        guard let external, let location = fields.entries["location"] else { return }
        let file = try external.file(at: location, tensor: name)
        let index = files.firstIndex { $0.name.isExactly(location) } ?? files.count
        if index == files.count {
            guard RelativeName.isSound(location) else {
                throw FormatError(
                    code: .unsupported, subject: path, problem: "tensor '\(name)' lies in '\(location)'.",
                    remedy: "Give the data file a plain name.")
            }
            files.append(PackedModel.File(path: file.path, name: location, byteCount: file.byteCount))
        }
        let offset = fields.entries["offset"].map { Int($0) ?? -1 } ?? 0
        let count = Shape.product(of: fields.dimensions).flatMap { type.byteCount(of: $0) }
        let length = fields.entries["length"].map { Int($0) ?? -1 } ?? count ?? -1
        // A weight that is not there would come back as none.
        _ = try external.storage(location: location, offset: offset, length: length, tensor: name)
        guard length > 0 else { return }
        add(name, type, fields.dimensions, file: index, offset..<offset + length)
    }

    private func add(_ name: String, _ type: ScalarType, _ dimensions: [Int], file: Int, _ range: Range<Int>) {
        let shape = try? Shape(dimensions)
        let fits = shape.flatMap { type.byteCount(of: $0.count) } == range.count
        arrays.append(
            PackedModel.LocatedArray(
                name: name, type: fits ? type : .uint8, shape: fits ? shape ?? .scalar : .vector(range.count),
                file: file, range: range))
    }

    private func varint(_ range: Range<Int>) -> Int {
        var value: UInt64 = 0
        for (index, place) in range.enumerated().prefix(10) {
            value |= UInt64(scanner.bytes[place] & 0x7f) << UInt64(7 * index)
        }
        return Int(truncatingIfNeeded: value)
    }

    private func varints(_ range: Range<Int>) -> [Int] {
        var values: [Int] = [], start = range.lowerBound
        for place in range where scanner.bytes[place] < 0x80 {
            values.append(varint(start..<place + 1))
            start = place + 1
        }
        return values
    }

    private func text(_ range: Range<Int>) -> String {
        String(decoding: scanner.bytes.copy(range.prefix(4096)), as: UTF8.self)
    }
}
