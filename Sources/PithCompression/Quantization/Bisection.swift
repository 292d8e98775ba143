/// Finds how many of a row of things can be had.
package enum Bisection {
    /// The largest count found for which `holds`, from `count` down, where it holds for fewer if it holds for more; the true
    /// one lies less than `step` above it.
    ///
    /// - Complexity: `log2(count / step) + 2` questions.
    package static func most(of count: Int, within step: Int = 1, holds: (Int) async throws -> Bool) async rethrows
        -> Int
    {
        var (found, failed, next) = (0, count + 1, count)
        while next > found {
            if try await holds(next) { found = next } else { failed = next }
            next = failed - found > step ? (found + failed) / 2 : found
        }
        return found
    }
}
