/// Makes value names that occur nowhere else in a model.
package struct NameSource {
    private var taken: Set<String>

    package init(taken: Set<String>) { self.taken = taken }

    /// `base` with `suffix`, and a number where that is taken.
    package mutating func make(_ base: String, _ suffix: String) -> String {
        var name = base + suffix, number = 2
        while !taken.insert(name).inserted {
            name = "\(base)\(suffix)\(number)"
            number += 1
        }
        return name
    }
}
