/// The names that exports give to weights.
extension ContainerDirectory {
    /// The arrays that are weights by themselves, not parts of a stored form.
    var lone: [Int] {
        let used = Set(forms.flatMap(\.form.arrays))
        return weights.filter { !used.contains($0) }
    }

    /// For each array of numbers the name that asks for it.
    ///
    /// Where several weights have one name, all but the first get a number; parts of stored forms keep theirs.
    package var exportedNames: [Int: String] {
        var names = UniqueNames(by: ExactName.init), found: [Int: String] = [:]
        for index in weights { found[index] = arrays[index].name }
        for named in forms { _ = names.make(named.name) }
        for index in lone { found[index] = names.make(arrays[index].name) }
        return found
    }

    /// Whether a part of a stored form has this name.
    func hasPart(named name: String) -> Bool {
        forms.contains { named in named.form.arrays.contains { arrays[$0].name.isExactly(name) } }
    }

    /// The array that is a weight by itself and that exports call `name`; nil where a weight in a stored form has the name.
    func index(ofExported name: String) -> Int? {
        guard !forms.contains(where: { $0.name.isExactly(name) }) else { return nil }
        let names = exportedNames
        return lone.first { names[$0]?.isExactly(name) ?? false }
    }
}
