/// Gives names that occur once: the first of each keeps its own, the others get a number behind theirs.
///
/// `Key` decides what one name is: a `String` where equivalent texts are, an `ExactName` where the bytes count.
struct UniqueNames<Key: Hashable> {
    private let key: (String) -> Key
    private var taken: Set<Key>
    /// The last number behind a name.
    private var numbers: [Key: Int] = [:]

    /// Knows names that none may have.
    init(taken: [String] = [], by key: @escaping (String) -> Key) {
        self.key = key
        self.taken = Set(taken.map(key))
    }

    /// `name`, or `name#2` and so on where it is taken.
    ///
    /// - Complexity: O(1) on average, however many ask for one name.
    mutating func make(_ name: String) -> String {
        guard !taken.insert(key(name)).inserted else { return name }
        var number = numbers[key(name), default: 1], result = name
        repeat {
            number += 1
            result = "\(name)#\(number)"
        } while !taken.insert(key(result)).inserted
        numbers[key(name)] = number
        return result
    }
}

extension UniqueNames<String> {
    /// Names of which no two are equivalent, as the forms of a container have them.
    static var equivalent: UniqueNames { UniqueNames { $0 } }
}
