extension ContainerReader {
    /// The numbers of a weight in row-major order: of the stored form of that name, else of the first array of numbers.
    ///
    /// Stored forms are computed in single precision as the format says; elements of arrays are rounded to it, truth
    /// values are 0 and 1. The arrays that are parts of forms can be read by their own names.
    ///
    /// - Throws: ``ReaderError`` `notFound` without such a weight, `corrupt` where a block or a form breaks a rule of
    ///   the format, `unsupported` for complex numbers, forms of other kinds or that are only parts of others, and
    ///   blocks that need a codec or a newer reader, `tooLarge` above ``maximumByteCount``, parts included.
    /// - Complexity: O(*n*) in the weight's numbers and the elements of the blocks of its parts.
    public func numbers(ofWeight name: String) throws(ReaderError) -> [Float] {
        try numbers(of: [try weight(named: name)], subject: "weight '\(name)'")[0]
    }

    /// The numbers of several weights by their names; weights that share blocks are best read so.
    ///
    /// - Throws: ``ReaderError`` as for one weight; ``maximumByteCount`` holds for all together.
    /// - Complexity: O(*n*) in the weights' numbers and the elements of the blocks of their parts, each decoded once.
    public func numbers(ofWeights names: [String]) throws(ReaderError) -> [[Float]] {
        var weights: [Weight] = []
        for name in names { weights.append(try weight(named: name)) }
        return try numbers(of: weights, subject: "\(names.count) weights")
    }

    /// The numbers of a weight by the number of its form in ``forms``.
    ///
    /// - Throws: ``ReaderError`` as for a weight by name; `notFound` for a number without a form.
    /// - Complexity: as for a weight by name.
    public func numbers(ofFormAt index: Int) throws(ReaderError) -> [Float] {
        guard forms.indices.contains(index) else {
            throw .notFound("form \(index)", "There are \(forms.count) stored forms.")
        }
        return try numbers(of: [.form(index)], subject: "weight '\(forms[index].name)'")[0]
    }

    /// The numbers of an array by its number in ``arrays``.
    ///
    /// - Throws: ``ReaderError`` as for a weight by name; `notFound` for a number without an array of numbers.
    /// - Complexity: as for a weight by name.
    public func numbers(ofArrayAt index: Int) throws(ReaderError) -> [Float] {
        guard arrays.indices.contains(index), arrays[index].type != .text else {
            throw .notFound("array \(index)", "There are \(arrays.count) arrays, of numbers and text.")
        }
        return try numbers(of: [.array(index)], subject: "array '\(arrays[index].name)'")[0]
    }

    // MARK: One walk

    /// Where the numbers of a weight are: in a form or an array, by their numbers.
    private enum Weight {
        case form(Int)
        case array(Int)
    }

    private func weight(named name: String) throws(ReaderError) -> Weight {
        if let index = forms.firstIndex(where: { $0.name.isExactly(name) }) { return .form(index) }
        guard let index = arrays.firstIndex(where: { $0.type != .text && $0.name.isExactly(name) }) else {
            throw .notFound("weight '\(name)'", "Names are listed in forms and arrays.")
        }
        return .array(index)
    }

    /// Decodes the blocks of all `weights` in one walk, then their numbers.
    private func numbers(of weights: [Weight], subject: String) throws(ReaderError) -> [[Float]] {
        var parts: Set<Int> = []
        for weight in weights {
            switch weight {
            case .form(let index):
                // What cannot be computed is refused before its parts are decoded.
                try FormDecoder.checkWeight(directory.forms[index], subject: "weight '\(forms[index].name)'")
                parts.formUnion(directory.forms[index].arrays)
            case .array(let index): parts.insert(index)
            }
        }
        var decoder = FormDecoder(
            arrays, content: try content(of: parts, for: subject), budget: maximumByteCount, subject: subject)
        var numbers: [[Float]] = []
        for weight in weights {
            switch weight {
            case .form(let index):
                decoder.subject = "weight '\(forms[index].name)'"
                numbers.append(try decoder.floats(directory.forms[index]))
            case .array(let index):
                decoder.subject = "array '\(arrays[index].name)'"
                numbers.append(try decoder.floats(array: index))
            }
        }
        return numbers
    }
}
