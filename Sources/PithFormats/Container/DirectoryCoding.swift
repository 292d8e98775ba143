package import PithCoding
package import PithTensor

/// The bytes of a directory: fields of a number, a length and content.
///
/// A field with an even number may be passed over by who does not know it; one with an odd number may not.
extension ContainerDirectory {
    private enum Field {
        static let kind = 1, files = 3, arrays = 5, blocks = 7, forms = 10, hot = 12
        static let needed: Set<Int> = [kind, files, arrays, blocks]
    }

    /// Codes of element types in containers; 0 is text.
    static let typeCodes: [ScalarType] = [
        .float32, .float64, .float16, .bfloat16, .float8e4m3fn, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz,
        .float8e8m0, .float4e2m1, .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64, .int4, .uint4,
        .int2, .uint2, .bool, .complex64, .complex128,
    ]

    /// The directory as bytes.
    package var encoded: [UInt8] {
        var out = ByteWriter()
        func add(_ field: Int, _ body: (inout ByteWriter) -> Void) {
            var content = ByteWriter()
            body(&content)
            out.varint(field)
            out.varint(content.bytes.count)
            out.append(content.bytes)
        }
        add(Field.kind) { $0.append(Swift.Array(kind.utf8)) }
        add(Field.files) { writeFiles(to: &$0) }
        add(Field.arrays) { writeArrays(to: &$0) }
        add(Field.blocks) { writeBlocks(to: &$0) }
        if !forms.isEmpty { add(Field.forms) { writeForms(to: &$0) } }
        if !hot.isEmpty {
            add(Field.hot) { content in
                content.varint(hot.count)
                for index in hot { content.varint(index) }
            }
        }
        return out.bytes
    }

    /// The byte that stands for an element type.
    static func code(of type: ScalarType) -> UInt8 { UInt8((typeCodes.firstIndex(of: type) ?? -1) + 1) }

    /// The element type of a byte; nil for text and for what is not known.
    package static func type(of code: Int) -> ScalarType? {
        (1...typeCodes.count).contains(code) ? typeCodes[code - 1] : nil
    }

    private func writeForms(to out: inout ByteWriter) {
        out.varint(forms.count)
        for named in forms {
            out.text(named.name)
            named.form.write(to: &out)
        }
    }

    private func writeFiles(to out: inout ByteWriter) {
        out.varint(files.count)
        for file in files {
            out.text(file.name)
            out.varint(file.byteCount)
            out.varint(file.pieces.count)
            for piece in file.pieces {
                out.varint(piece.array)
                out.varint(piece.byteCount)
            }
        }
    }

    private func writeArrays(to out: inout ByteWriter) {
        out.varint(arrays.count)
        for array in arrays {
            out.text(array.name)
            out.byte(array.type.map(ContainerDirectory.code) ?? 0)
            out.varint(array.shape.rank)
            for length in array.shape.dimensions { out.varint(length) }
            out.varint(array.original.map { $0 + 1 } ?? 0)
        }
    }

    private func writeBlocks(to out: inout ByteWriter) {
        out.varint(blocks.count)
        for block in blocks {
            out.varint(block.segments.count)
            for segment in block.segments {
                out.varint(segment.array)
                out.varint(segment.count)
            }
        }
    }

    /// Reads the bytes of a directory.
    ///
    /// - Throws: `CodingError` `.corrupt` or `.truncated` when it does not add up, `.unsupported` for a field that must be
    ///   understood and is not known.
    package init(_ bytes: [UInt8], named subject: String) throws(CodingError) {
        var reader = ByteReader(bytes, named: subject), parts: [Int: ByteReader] = [:]
        while reader.remaining > 0 {
            let field = try reader.varint("a field's number", atMost: .max)
            let length = try reader.varint("a field's length", atMost: reader.remaining)
            let part = try reader.part(length, named: "field \(field)")
            guard Field.needed.contains(field) || field % 2 == 0 else {
                throw CodingError(
                    code: .unsupported, subject: subject,
                    problem: "it needs what field \(field) says, which is not known.",
                    remedy: "Use a newer version of Pith.")
            }
            guard Field.needed.contains(field) || field == Field.forms || field == Field.hot else { continue }
            guard parts.updateValue(part, forKey: field) == nil else {
                throw reader.corrupt("field \(field) stands there twice")
            }
        }
        guard var kind = parts[Field.kind], var files = parts[Field.files], var arrays = parts[Field.arrays],
            var blocks = parts[Field.blocks]
        else { throw reader.corrupt("a field is missing") }
        let readArrays = try ContainerDirectory.readArrays(&arrays)
        let readFiles = try ContainerDirectory.readFiles(&files, readArrays.count)
        var forms = parts[Field.forms] ?? ByteReader([0], named: subject)
        var hot = parts[Field.hot] ?? ByteReader([0], named: subject)
        try self.init(
            kind: try ContainerDirectory.readKind(&kind), files: readFiles, arrays: readArrays,
            blocks: try ContainerDirectory.readBlocks(&blocks, readArrays.count),
            forms: try ContainerDirectory.readForms(&forms, readArrays.count),
            hot: try ContainerDirectory.readHot(&hot, readArrays.count), named: subject)
        for part in [files, arrays, blocks, forms, hot] where part.remaining > 0 {
            throw part.corrupt("\(part.remaining) bytes follow the field")
        }
    }

    private static func readKind(_ reader: inout ByteReader) throws(CodingError) -> String {
        guard let kind = String(validating: try reader.array(reader.remaining), as: UTF8.self) else {
            throw reader.corrupt("the format is not UTF-8")
        }
        return kind
    }

    /// A count of things that take at least `size` bytes each, so that none is believed that can not be there.
    private static func count(
        _ reader: inout ByteReader, _ meaning: String, size: Int
    ) throws(CodingError) -> Int {
        try reader.varint("the number of \(meaning)", atMost: reader.remaining / size + 1)
    }

    private static func readFiles(_ reader: inout ByteReader, _ arrayCount: Int) throws(CodingError) -> [File] {
        var files: [File] = [], names: Set<String> = []
        for _ in 0..<(try count(&reader, "files", size: 3)) {
            let name = try reader.text("a file's name", atMost: 4096)
            guard RelativeName.isSound(name), names.insert(name).inserted else {
                throw reader.corrupt("the file name \(name.debugDescription) leaves the folder or stands there twice")
            }
            let byteCount = try reader.varint("a file's size", atMost: .max)
            var pieces: [Piece] = []
            for _ in 0..<(try count(&reader, "pieces", size: 2)) {
                let array = try reader.varint("an array's number", atMost: arrayCount - 1)
                pieces.append(Piece(array: array, byteCount: try reader.varint("a piece's size", atMost: .max)))
            }
            files.append(File(name: name, byteCount: byteCount, pieces: pieces))
        }
        return files
    }

    private static func readArrays(_ reader: inout ByteReader) throws(CodingError) -> [Array] {
        var arrays: [Array] = []
        for index in 0..<(try count(&reader, "arrays", size: 4)) {
            let start = reader.offset
            let name = try reader.text("an array's name", atMost: 4096), code = Int(try reader.byte())
            guard code <= typeCodes.count else {
                throw reader.corrupt("the element type \(code) is not known", at: start)
            }
            var dimensions: [Int] = []
            for _ in 0..<(try reader.varint("the number of axes", atMost: min(reader.remaining, StoredForm.mostAxes))) {
                dimensions.append(try reader.varint("an axis' length", atMost: .max))
            }
            let type = code == 0 ? nil : typeCodes[code - 1]
            guard let shape = try? Shape(dimensions), let bytes = (type ?? .uint8).byteCount(of: shape.count) else {
                throw reader.corrupt("the shape of '\(name)' has too many elements", at: start)
            }
            let original = try reader.varint("an original", atMost: index)
            arrays.append(
                Array(
                    name: name, type: type, shape: shape, byteCount: bytes,
                    original: original == 0 ? nil : original - 1))
        }
        return arrays
    }

    private static func readBlocks(_ reader: inout ByteReader, _ arrayCount: Int) throws(CodingError) -> [Block] {
        var blocks: [Block] = [], next = [Int](repeating: 0, count: arrayCount)
        for _ in 0..<(try count(&reader, "blocks", size: 3)) {
            var segments: [Segment] = []
            for _ in 0..<(try count(&reader, "segments", size: 2)) {
                let array = try reader.varint("an array's number", atMost: arrayCount - 1)
                let count = try reader.varint("a segment's elements", atMost: BlockEncoder.mostElements)
                segments.append(Segment(array: array, start: next[array], count: count))
                next[array] += count
            }
            blocks.append(Block(segments: segments))
        }
        return blocks
    }

    private static func readForms(_ reader: inout ByteReader, _ arrayCount: Int) throws(CodingError) -> [NamedForm] {
        var forms: [NamedForm] = []
        for _ in 0..<(try count(&reader, "forms", size: 5)) {
            let name = try reader.text("a form's name", atMost: 4096)
            forms.append(NamedForm(name: name, form: try StoredForm(&reader, arrayCount: arrayCount)))
        }
        return forms
    }

    private static func readHot(_ reader: inout ByteReader, _ arrayCount: Int) throws(CodingError) -> [Int] {
        var hot: [Int] = []
        for _ in 0..<(try count(&reader, "hot arrays", size: 1)) {
            hot.append(try reader.varint("an array's number", atMost: arrayCount - 1))
        }
        return hot
    }
}
