internal import PithModel
package import PithTensor

/// How a weight lies in a file: a kind, its settings, and the parts that its numbers are made of.
///
/// A part is an array of the file, a few numbers written out, or another form, so forms nest. Kinds are those of
/// representations, and `packed-integers`, which only stands inside others.
///
/// | kind | settings | parts |
/// | --- | --- | --- |
/// | `half-floats` | | numbers |
/// | `grouped-integers` | bits, axis, block, padded | levels, scales, zero-points |
/// | `tabled-integers` | bits, axis, block, padded | codes, scales, table |
/// | `codebook` | | indices, values |
/// | `sparse-values` | | values, indices |
/// | `packed-integers` | bits, offset | bits-4, bits-2, bits-1; or bytes |
package struct StoredForm: Equatable, Sendable {
    /// Name of the kind.
    package let kind: String
    /// Element type and shape of what the form stands for.
    package let type: ScalarType
    package let shape: Shape
    package let settings: [Setting]
    package let parts: [Part]

    /// A number that the kind needs, by name.
    package struct Setting: Equatable, Sendable {
        package let name: String
        package let value: Int
    }

    /// Numbers that the kind needs, by name.
    package struct Part: Equatable, Sendable {
        package let role: String
        package let source: Source
    }

    /// Where the numbers of a part come from.
    package indirect enum Source: Equatable, Sendable {
        /// The array of that number.
        case array(Int)
        /// A few numbers, written out.
        case numbers(Tensor)
        /// What another form stands for.
        case form(StoredForm)
    }

    /// Kind of levels of less than a byte, of which several share one.
    package static let packedIntegers = "packed-integers"

    /// Names of settings.
    enum Name {
        static let bits = "bits", axis = "axis", block = "block", padded = "padded", offset = "offset"
    }

    /// Names of parts.
    enum Role {
        static let levels = "levels", scales = "scales", zeroPoints = "zero-points", numbers = "numbers"
        static let indices = "indices", values = "values", codes = "codes", table = "table"
        /// Packed integers, neighbours in one byte.
        static let bytes = "bytes"

        /// Runs of `width` bits of packed integers.
        static func bits(_ width: Int) -> String { "bits-\(width)" }
    }

    /// The settings and parts of each kind.
    static let vocabulary: [String: (settings: Set<String>, parts: Set<String>)] = [
        HalfFloats.kind: ([], [Role.numbers]),
        GroupedIntegers.kind: (
            [Name.bits, Name.axis, Name.block, Name.padded], [Role.levels, Role.scales, Role.zeroPoints]
        ),
        TabledIntegers.kind: ([Name.bits, Name.axis, Name.block, Name.padded], [Role.codes, Role.scales, Role.table]),
        Codebook.kind: ([], [Role.indices, Role.values]),
        SparseValues.kind: ([], [Role.values, Role.indices]),
        packedIntegers: ([Name.bits, Name.offset], [Role.bytes, Role.bits(4), Role.bits(2), Role.bits(1)]),
    ]

    /// Joins settings and parts by their names.
    package init(
        kind: String, type: ScalarType, shape: Shape, settings: [(String, Int)] = [], parts: [(String, Source)]
    ) {
        self.kind = kind
        self.type = type
        self.shape = shape
        self.settings = settings.map { Setting(name: $0.0, value: $0.1) }
        self.parts = parts.map { Part(role: $0.0, source: $0.1) }
    }

    /// The value of a setting; nil when the form does not state it.
    package func setting(_ name: String) -> Int? { settings.first { $0.name == name }?.value }

    /// The source of a part; nil when the form does not have it.
    package func part(_ role: String) -> Source? { parts.first { $0.role == role }?.source }

    /// The arrays it is made of, in order, those of nested forms included.
    package var arrays: [Int] {
        parts.flatMap { part -> [Int] in
            switch part.source {
            case .array(let index): [index]
            case .numbers: []
            case .form(let form): form.arrays
            }
        }
    }

    /// The form with other numbers for its arrays.
    package func renumbered(_ number: (Int) -> Int) -> StoredForm {
        let parts = parts.map { part -> (String, Source) in
            switch part.source {
            case .array(let index): (part.role, Source.array(number(index)))
            case .numbers: (part.role, part.source)
            case .form(let form): (part.role, Source.form(form.renumbered(number)))
            }
        }
        return StoredForm(
            kind: kind, type: type, shape: shape, settings: settings.map { ($0.name, $0.value) }, parts: parts)
    }
}

/// A weight of a model with the form it is stored in.
package struct NamedForm: Equatable, Sendable {
    /// Name of the weight; no two forms of a container have the same.
    package let name: String
    package let form: StoredForm

    /// Names a form.
    package init(name: String, form: StoredForm) {
        self.name = name
        self.form = form
    }
}
