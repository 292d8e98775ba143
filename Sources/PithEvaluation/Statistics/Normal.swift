internal import Foundation

/// The standard normal distribution.
enum Normal {
    /// The two-sided 95 % point, `quantile(0.975)`.
    static let z95 = 1.959963984540054

    /// The part of the distribution below `x`.
    static func probability(below x: Double) -> Double {
        erfc(-x / 2.0.squareRoot()) / 2
    }

    /// The point that `probability` of the distribution lies below, found by halving -40...40 until it is exact.
    static func quantile(_ probability: Double) -> Double {
        precondition(probability > 0 && probability < 1, "\(probability) is no probability between 0 and 1.")
        var low = -40.0, high = 40.0
        while true {
            let middle = (low + high) / 2
            guard middle > low, middle < high else { return middle }
            if self.probability(below: middle) < probability { low = middle } else { high = middle }
        }
    }
}
