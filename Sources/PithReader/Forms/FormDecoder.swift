/// Computes the numbers of stored forms, and counts the bytes that it takes for them.
struct FormDecoder {
    private let arrays: [ArrayEntry]
    /// The bytes of the arrays that are parts.
    private let content: [Int: [UInt8]]
    /// Bytes that may still be taken; it bounds time and memory of forms that announce anything.
    private var budget: Int
    /// What errors name.
    var subject: String

    init(_ arrays: [ArrayEntry], content: [Int: [UInt8]], budget: Int, subject: String) {
        (self.arrays, self.content, self.budget, self.subject) = (arrays, content, budget, subject)
    }

    // MARK: Arrays

    /// The numbers of an array.
    mutating func floats(array index: Int) throws(ReaderError) -> [Float] {
        try floats(content[index] ?? [], arrays[index].type, arrays[index].dimensions)
    }

    /// The numbers of a shape in the bytes that hold them.
    mutating func floats(_ bytes: [UInt8], _ type: ElementType, _ dimensions: [Int]) throws(ReaderError) -> [Float] {
        guard type.isReal else { throw complex("Read its bytes.") }
        return NumberCoding.floats(bytes, type, count: try take(dimensions, of: .float32))
    }

    // MARK: Forms

    /// Refuses a form that is no weight this reader knows, or has what its kind does not.
    static func checkWeight(_ form: StoredForm, subject: String) throws(ReaderError) {
        guard try kind(of: form, subject: subject) == .packedIntegers else { return }
        throw ReaderError(
            code: .unsupported, subject: subject, problem: "A form '\(form.kind)' is only a part of other forms.",
            remedy: "Read its parts as arrays, or use a newer reader.")
    }

    /// The kind of a form that has no other settings and parts than that has.
    private static func kind(of form: StoredForm, subject: String) throws(ReaderError) -> FormKind {
        guard let kind = FormKind(rawValue: form.kind) else {
            throw ReaderError(
                code: .unsupported, subject: subject, problem: "A form '\(form.kind)' cannot be read here.",
                remedy: "Read its parts as arrays, or use a newer reader.")
        }
        if let name = form.settings.keys.sorted().first(where: { !kind.settings.contains($0) }) {
            throw .corrupt(subject, "A form '\(form.kind)' has no setting '\(name)'.")
        }
        if let name = form.parts.keys.sorted().first(where: { !kind.parts.contains($0) }) {
            throw .corrupt(subject, "A form '\(form.kind)' has no part '\(name)'.")
        }
        return kind
    }

    mutating func floats(_ form: StoredForm) throws(ReaderError) -> [Float] {
        switch try Self.kind(of: form, subject: subject) {
        case .halfFloats:
            let count = try makes(form, .float32)
            return try floats("numbers", of: form, [.float16, .bfloat16], count: count)
        case .groupedIntegers: return try grouped(form)
        case .tabledIntegers: return try tabled(form)
        case .codebook: return try codebook(form)
        case .sparseValues:
            let count = try sparse(form), values = try floats("values", of: form, [form.type], count: nil)
            return try scattered(values, form, count)
        case .packedIntegers: return try packed(form).map { Float($0) }
        }
    }

    mutating func integers(_ form: StoredForm) throws(ReaderError) -> [Int64] {
        switch try Self.kind(of: form, subject: subject) {
        case .packedIntegers: return try packed(form)
        case .sparseValues:
            let count = try sparse(form), values = try integers("values", of: form, [form.type], count: nil)
            return try scattered(values, form, count)
        default: throw failure("A form '\(form.kind)' does not stand for integers.")
        }
    }

    /// The number of elements of a form, whose numbers are taken from the budget.
    mutating func count(_ form: StoredForm) throws(ReaderError) -> Int {
        try take(form.dimensions, of: form.type.isInteger ? .int64 : .float32)
    }

    /// The number of elements of a shape, once the budget allows for them.
    private mutating func take(_ dimensions: [Int], of type: ElementType) throws(ReaderError) -> Int {
        let count = Extent.count(dimensions), byteCount = Extent.byteCount(dimensions, of: type)
        guard let count, let byteCount, byteCount <= budget else {
            throw .tooLarge(subject, byteCount: byteCount, limit: budget)
        }
        budget -= byteCount
        return count
    }

    /// The number of elements of a form that stands for numbers of `type`.
    mutating func makes(_ form: StoredForm, _ type: ElementType) throws(ReaderError) -> Int {
        try require(form.type == type, "A form '\(form.kind)' stands for \(form.type), not for \(type).")
        return try count(form)
    }

    // MARK: Parts

    /// The numbers of a part in single precision; it has one of `types` and `count` numbers, any if nil.
    mutating func floats(
        _ part: String, of form: StoredForm, _ types: [ElementType], count: Int?
    ) throws(ReaderError) -> [Float] {
        let source = try source(part, of: form, types, count: count)
        if case .form(let inner) = source { return try floats(inner) }
        let (type, count, bytes) = try content(of: source, as: .float32)
        return NumberCoding.floats(bytes, type, count: count)
    }

    /// The numbers of a part of one of the integer `types`.
    mutating func integers(
        _ part: String, of form: StoredForm, _ types: [ElementType], count: Int?
    ) throws(ReaderError) -> [Int64] {
        let source = try source(part, of: form, types, count: count)
        try require(layout(of: source).type.isInteger, "The numbers of '\(part)' are not integers.")
        if case .form(let inner) = source { return try integers(inner) }
        let (type, count, bytes) = try content(of: source, as: .int64)
        return NumberCoding.integers(bytes, type, count: count)
    }

    /// The type and the shape of a part.
    func layout(_ part: String, of form: StoredForm) throws(ReaderError) -> (type: ElementType, dimensions: [Int]) {
        guard let source = form.parts[part] else { throw failure("Its part '\(part)' is missing.") }
        return layout(of: source)
    }

    private func layout(of source: StoredForm.Source) -> (type: ElementType, dimensions: [Int]) {
        switch source {
        case .array(let index): (arrays[index].type, arrays[index].dimensions)
        case .numbers(let type, let dimensions, _): (type, dimensions)
        case .form(let form): (form.type, form.dimensions)
        }
    }

    /// Where a part is, once its type and the number of its elements are known to fit.
    private func source(
        _ part: String, of form: StoredForm, _ types: [ElementType], count: Int?
    ) throws(ReaderError) -> StoredForm.Source {
        guard let source = form.parts[part] else { throw failure("Its part '\(part)' is missing.") }
        let (type, dimensions) = layout(of: source), found = Extent.count(dimensions)
        try require(type.isReal && types.contains(type), "Its part '\(part)' cannot be of type \(type).")
        try require(
            found != nil && (count == nil || found == count),
            "Its part '\(part)' has the shape \(dimensions), which is not \(count ?? 0) numbers.")
        return source
    }

    /// The numbers of a part that is no form, as their array holds them; they will be decoded to numbers of `decoded`.
    private mutating func content(
        of source: StoredForm.Source, as decoded: ElementType
    ) throws(ReaderError) -> (type: ElementType, count: Int, bytes: [UInt8]) {
        let (type, dimensions) = layout(of: source), count = try take(dimensions, of: decoded)
        switch source {
        case .array(let index): return (type, count, content[index] ?? [])
        case .numbers(_, _, let bytes): return (type, count, bytes)
        case .form: throw failure("A form is not numbers.")
        }
    }

    // MARK: Errors

    func complex(_ remedy: String) -> ReaderError {
        ReaderError(code: .unsupported, subject: subject, problem: "Its numbers are complex.", remedy: remedy)
    }

    func failure(_ problem: String) -> ReaderError { .corrupt(subject, problem) }

    func require(_ condition: Bool, _ problem: @autoclosure () -> String) throws(ReaderError) {
        if !condition { throw failure(problem()) }
    }
}
