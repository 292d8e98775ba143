internal import PithModel
internal import PithTensor

/// Whether the parts of a form can fill its shape, by what the directory says of them.
extension FormDecoder {
    /// Refuses a form that stands for more numbers than its parts can make; no block is read.
    ///
    /// What passes takes memory for what the container really holds, though its parts may still contradict each other.
    ///
    /// - Throws: `FormatError` `.corrupt`, and `.unsupported` for a kind that is not known.
    package func requireFitting(_ named: NamedForm) throws(FormatError) {
        try requireFitting(named.form, Naming(path: path, weight: named.name))
    }

    private func requireFitting(_ form: StoredForm, _ naming: Naming) throws(FormatError) {
        let count: Int
        switch form.kind {
        case HalfFloats.kind: count = try elementCount(form, StoredForm.Role.numbers, naming)
        case GroupedIntegers.kind: count = try elementCount(form, StoredForm.Role.levels, naming)
        case TabledIntegers.kind: count = try elementCount(form, StoredForm.Role.codes, naming)
        case Codebook.kind: count = try elementCount(form, StoredForm.Role.indices, naming)
        case StoredForm.packedIntegers:
            let roles = [StoredForm.Role.bytes] + [4, 2, 1].map(StoredForm.Role.bits)
            let role = roles.first { form.part($0) != nil } ?? StoredForm.Role.bytes
            // A byte has eight levels at most.
            count = FormDecoder.times(8, try elementCount(form, role, naming))
        case SparseValues.kind: return try requireAllowed(form, naming)
        default: throw naming.unknown(form.kind)
        }
        guard form.shape.count <= count else {
            throw naming.corrupt("its parts have \(count) numbers at most, too few for its shape \(form.shape)")
        }
    }

    /// How many numbers a part has.
    private func elementCount(
        _ form: StoredForm, _ role: String, _ naming: Naming
    ) throws(FormatError) -> Int {
        switch form.part(role) {
        case .array(let index): return arrays.directory.arrays[index].shape.count
        case .numbers(let tensor): return tensor.count
        case .form(let inner):
            try requireFitting(inner, naming)
            return inner.shape.count
        case nil: throw naming.corrupt("it has no \(role)")
        }
    }

    /// Refuses a sparse weight that takes more than is allowed, or 100 times its stored values, when it is dense.
    private func requireAllowed(_ form: StoredForm, _ naming: Naming) throws(FormatError) {
        let count = try elementCount(form, StoredForm.Role.values, naming)
        let stored = form.type.byteCount(of: count) ?? .max
        guard let dense = form.type.byteCount(of: form.shape.count),
            dense <= max(sparseAllowance, FormDecoder.times(100, stored))
        else { throw naming.corrupt("\(count) values can not stand for a shape of \(form.shape)") }
    }

    /// The product, or the largest `Int` where that is less.
    private static func times(_ factor: Int, _ count: Int) -> Int {
        let (product, isTooLarge) = count.multipliedReportingOverflow(by: factor)
        return isTooLarge ? .max : product
    }
}
