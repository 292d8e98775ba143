package import PithModel
package import PithTensor

/// Turns the stored forms of a container into representations, and so into numbers.
///
/// What the directory says about a form comes from outside: everything is checked before it is believed.
package struct FormDecoder {
    let arrays: any ArraySource
    let path: String
    let sparseAllowance: Int

    /// Decodes forms whose parts are `arrays` of the container at `path`.
    ///
    /// A sparse weight may take `sparseAllowance` bytes when dense, or 100 times its stored bytes.
    package init(_ arrays: any ArraySource, path: String, sparseAllowance: Int = ONNXReader.sparseAllowance) {
        self.arrays = arrays
        self.path = path
        self.sparseAllowance = sparseAllowance
    }

    /// The weight of `named` in its stored form.
    ///
    /// - Throws: `FormatError` `.corrupt` when its parts do not fit each other or a block is damaged, `.unsupported` for a
    ///   kind that is not known.
    /// - Complexity: O(numbers) time and memory.
    package func representation(of named: NamedForm) throws(FormatError) -> any Representation {
        try representation(of: named.form, Naming(path: path, weight: named.name))
    }

    /// The parts of `named` as plain arrays, in the order in which its form lists them.
    ///
    /// - Throws: `FormatError` as `representation(of:)`; `.corrupt` too for parts that its kind does not have.
    package func parts(of named: NamedForm) throws(FormatError) -> [Tensor] {
        let form = try representation(of: named), naming = Naming(path: path, weight: named.name)
        var tensors: [Tensor] = []
        for part in named.form.parts {
            guard let tensor = FormDecoder.part(part.role, of: form) else {
                throw naming.corrupt("it has \(part.role), which '\(named.form.kind)' does not have")
            }
            tensors.append(tensor)
        }
        return tensors
    }

    private static func part(_ role: String, of form: any Representation) -> Tensor? {
        switch (form, role) {
        case (let form as HalfFloats, StoredForm.Role.numbers): form.numbers
        case (let form as GroupedIntegers, StoredForm.Role.levels): form.levels
        case (let form as GroupedIntegers, StoredForm.Role.scales): form.scales
        case (let form as GroupedIntegers, StoredForm.Role.zeroPoints): form.zeroPoints
        case (let form as TabledIntegers, StoredForm.Role.codes): form.codes.levels
        case (let form as TabledIntegers, StoredForm.Role.scales): form.codes.scales
        case (let form as TabledIntegers, StoredForm.Role.table): form.table
        case (let form as Codebook, StoredForm.Role.indices): form.indices
        case (let form as Codebook, StoredForm.Role.values): form.values
        case (let form as SparseValues, StoredForm.Role.indices): form.indices
        case (let form as SparseValues, StoredForm.Role.values): form.values
        default: nil
        }
    }

    /// Names the weight that is worked on in errors.
    struct Naming {
        let path: String
        let weight: String

        func corrupt(_ problem: String) -> FormatError {
            FormatError(
                code: .corrupt, subject: "\(path), weight '\(weight)'", problem: "\(problem).",
                remedy: FormatError.damaged)
        }

        func unknown(_ kind: String) -> FormatError {
            FormatError(
                code: .unsupported, subject: "\(path), weight '\(weight)'",
                problem: "it is stored as '\(kind)', which this version does not know.",
                remedy: "Use a newer version of Pith.")
        }
    }

    /// A form has the settings and parts of its kind and no others: they would change what it means.
    func requireKnown(_ form: StoredForm, _ naming: Naming) throws(FormatError) {
        guard let known = StoredForm.vocabulary[form.kind] else { return }
        let odd =
            form.settings.map(\.name).first { !known.settings.contains($0) }
            ?? form.parts.map(\.role).first { !known.parts.contains($0) }
        if let odd { throw naming.corrupt("it has '\(odd)', which '\(form.kind)' does not have") }
    }

    /// A form in a form, or the whole one.
    func representation(of form: StoredForm, _ naming: Naming) throws(FormatError) -> any Representation {
        try requireKnown(form, naming)
        let found: any Representation
        switch form.kind {
        case HalfFloats.kind:
            let numbers = try tensor(form, StoredForm.Role.numbers, form.shape, naming)
            guard numbers.type == .float16 || numbers.type == .bfloat16 else {
                throw naming.corrupt("its half floats are \(numbers.type.rawValue)")
            }
            found = HalfFloats(numbers)
        case GroupedIntegers.kind: found = try grouped(form, StoredForm.Role.levels, naming)
        case TabledIntegers.kind: found = try tabled(form, naming)
        case Codebook.kind: found = try codebook(form, naming)
        case SparseValues.kind: found = try sparse(form, naming)
        default: throw naming.unknown(form.kind)
        }
        guard found.type == form.type else {
            throw naming.corrupt("it says to be \(form.type.rawValue), and its parts make \(found.type.rawValue)")
        }
        return found
    }
}
