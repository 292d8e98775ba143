/// Gives names that occur once: the first of each keeps its own, the others get a number behind theirs.
struct UniqueNames {
    private var taken: Set<String>
    /// The last number behind a name.
    private var numbers: [String: Int] = [:]

    /// Knows names that none may have.
    init(taken: Set<String> = []) { self.taken = taken }

    /// `name`, or `name#2` and so on where it is taken.
    ///
    /// - Complexity: O(1) on average, however many ask for one name.
    mutating func make(_ name: String) -> String {
        guard !taken.insert(name).inserted else { return name }
        var number = numbers[name, default: 1], result = name
        repeat {
            number += 1
            result = "\(name)#\(number)"
        } while !taken.insert(result).inserted
        numbers[name] = number
        return result
    }
}
