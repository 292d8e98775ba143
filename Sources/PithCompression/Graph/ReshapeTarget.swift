import PithModel
import PithTensor

/// The second input of a `Reshape` written as constants.
enum ReshapeTarget {
    /// Constants that reshape a value of lengths `source` to lengths `result`: fixed lengths, 0 where the length is
    /// the source's at the same axis, and at most one -1.
    ///
    /// - Returns: nil when constants can not say it.
    static func constants(for result: [Extent], from source: [Extent]?) -> [Int]? {
        var open = 0, target: [Int] = []
        for (axis, length) in result.enumerated() {
            if let number = length.constant {
                guard number > 0 else { return nil }
                target.append(number)
            } else if let source, axis < source.count, source[axis] == length {
                target.append(0)
            } else {
                open += 1
                target.append(-1)
            }
        }
        return open <= 1 ? target : nil
    }
}

extension Graph {
    /// Adds a weight of 64-bit integers under a new name made from `base`.
    mutating func addIntegers(_ numbers: [Int], base: String, names: inout NameSource) -> String {
        let name = names.make(base)
        weights[name] = Weight(name, Tensor(vector: numbers.map { Int64($0) }))
        return name
    }
}
