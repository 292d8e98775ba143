/// Makes value names that occur nowhere else in a model.
package struct NameSource {
    private var taken: Set<String>

    /// Knows the names in use, such as `Graph.allNames` of the model's graph.
    package init(taken: Set<String>) { self.taken = taken }

    /// `base` with `suffix`, and a number from 1 up where that is taken.
    package mutating func make(_ base: String, _ suffix: String = "") -> String {
        var name = base + suffix, number = 1
        while name.isEmpty || !taken.insert(name).inserted {
            name = "\(base)\(suffix)_\(number)"
            number += 1
        }
        return name
    }
}
