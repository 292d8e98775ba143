internal import CPithKernels

/// How the search for levels sees the numbers that name them.
package enum LevelSearch {
    /// Costs and counters of each set of a trellis: for distances 0 through 64 from zero, set 0 first.
    package static let ratesPerSet = Int(PITH_TRELLIS_LARGEST) + 1
    /// The same without a trellis: distances 0 through 127.
    package static let plainRates = 128
    /// Largest distance from zero, in steps, that the search takes.
    package static let largestValue: Float = 124
}

extension Kernels {
    /// Finds levels for `values` (in steps, at most 124 from zero) by a trellis of 4 or 8 states, or each for itself with 1.
    ///
    /// Pieces of `runLength` numbers are walks from state 0 to state 0, so any number of them is one walk. Least is the sum of
    /// `weights * (value - level)^2 + rate`, weights of one when there are none. Adds the levels' numbers to `counts`, laid out
    /// as `rates`.
    ///
    /// - Complexity: O(*n* states) time, 80 bytes of memory for each number of a run.
    package static func searchLevels(
        _ values: Span<Float>, weights: Span<Float>, states: Int, runLength: Int, rates: [Float],
        into levels: inout [Int8], counts: inout [UInt32]
    ) {
        let size = states == 1 ? LevelSearch.plainRates : 2 * LevelSearch.ratesPerSet
        precondition(states == 1 || states == 4 || states == 8, "There is no trellis of \(states) states.")
        precondition(
            levels.count == values.count && (weights.isEmpty || weights.count == values.count) && runLength > 0,
            "Levels and weights belong to values.")
        precondition(rates.count == size && counts.count == size, "Rates and counters are \(size).")
        unsafe values.withUnsafeBufferPointer { values in
            unsafe weights.withUnsafeBufferPointer { weights in
                unsafe levels.withUnsafeMutableBufferPointer { levels in
                    guard let source = values.baseAddress, let target = levels.baseAddress else { return }
                    // No weights may well have an address.
                    let importance = weights.isEmpty ? nil : weights.baseAddress
                    guard states > 1 else {
                        return unsafe pith_round_by_rate(
                            source, importance, values.count, rates, target, &counts)
                    }
                    let runs = Int(PITH_TRELLIS_RUNS), longest = min(runLength, values.count)
                    var scratch = [UInt8](repeating: 0, count: Int(PITH_TRELLIS_SCRATCH) * longest)
                    for start in stride(from: 0, to: values.count, by: runs * runLength) {
                        let lengths = stride(
                            from: start, to: min(start + runs * runLength, values.count), by: runLength
                        ).map { min(runLength, values.count - $0) }
                        unsafe pith_trellis_search(
                            source + start, importance.map { unsafe $0 + start }, runLength, lengths,
                            UInt32(lengths.count), UInt32(states), rates, &scratch, target + start, &counts)
                    }
                }
            }
        }
    }
}
