internal import CPithKernels

/// How the search for levels sees the numbers that name them.
package enum LevelSearch {
    /// Costs and counters of each set of a trellis: for distances 0 through 64 from zero, set 0 first.
    package static let ratesPerSet = Int(PITH_TRELLIS_LARGEST) + 1
    /// The same without a trellis: distances 0 through 127.
    package static let plainRates = 128
    /// Largest distance from zero, in steps, that the search takes.
    package static let largestValue = Float(PITH_TRELLIS_WIDEST)
    /// Runs that the search takes side by side.
    package static let runs = Int(PITH_TRELLIS_RUNS)
    /// Costs and counters with so many states.
    package static func rates(states: Int) -> Int { states == 1 ? plainRates : 2 * ratesPerSet }
}

/// How the errors of a row of levels move the numbers after them, and what they cost.
package struct LevelFeedback: Sendable {
    /// Numbers in a row.
    package let columns: Int
    /// Square, row-major: an error in column `j` moves the number in column `k > j` by itself times element (j, k).
    package let factors: [Float]
    /// What a squared unit of error costs in each column.
    package let pivots: [Float]

    package init(factors: [Float], pivots: [Float]) {
        precondition(factors.count == pivots.count * pivots.count && !pivots.isEmpty, "The factors are square.")
        columns = pivots.count
        self.factors = factors
        self.pivots = pivots
    }
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
        let size = LevelSearch.rates(states: states)
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

    /// Finds levels for rows of `targets`, each `steps` apart, where errors move what comes after them in their row.
    ///
    /// With a `runLength`, whole rows, runs of so many numbers are walks from state 0 to state 0; without, all numbers are one walk
    /// from the state `first`, to state 0 where it `isClosed` and else to the state that is returned; three numbers reach any
    /// state. Least is the sum of `pivots * (moved target - level * step)^2 + rate`, as far as ways that end in the same state of
    /// the trellis are compared. Adds the levels' numbers to `counts`.
    ///
    /// - Complexity: O(*n* states columns) time, 144 bytes of memory for each number of a run.
    package static func searchLevels(
        _ targets: Span<Float>, steps: Span<Float>, _ feedback: LevelFeedback, states: Int, runLength: Int?,
        first: Int = 0, isClosed: Bool = false, rates: [Float], into levels: inout [Int8], counts: inout [UInt32]
    ) -> Int {
        let size = LevelSearch.rates(states: states), columns = feedback.columns
        precondition(states == 1 || states == 4 || states == 8, "There is no trellis of \(states) states.")
        precondition(
            levels.count == targets.count && steps.count == targets.count, "Levels and steps belong to targets.")
        precondition(
            targets.count.isMultiple(of: columns) && (runLength ?? columns).isMultiple(of: columns)
                && runLength.map { $0 > 0 } ?? true, "Runs are rows of \(columns).")
        precondition(rates.count == size && counts.count == size, "Rates and counters are \(size).")
        precondition((0..<states).contains(first) && (runLength == nil || first == 0), "There is no state \(first).")
        guard targets.count > 0 else { return first }
        let length = runLength ?? targets.count, longest = min(length, targets.count)
        var sums = [Float](repeating: 0, count: Int(PITH_FEEDBACK_SUMS) * columns)
        var scratch = [UInt8](repeating: 0, count: Int(PITH_FEEDBACK_SCRATCH) * longest), last = first
        unsafe targets.withUnsafeBufferPointer { targets in
            unsafe steps.withUnsafeBufferPointer { steps in
                unsafe levels.withUnsafeMutableBufferPointer { levels in
                    guard let source = targets.baseAddress, let widths = steps.baseAddress,
                        let found = levels.baseAddress
                    else { return }
                    for start in stride(from: 0, to: targets.count, by: LevelSearch.runs * length) {
                        let end = min(start + LevelSearch.runs * length, targets.count)
                        let lengths = stride(from: start, to: end, by: length).map { min(length, end - $0) }
                        unsafe feedback.factors.withUnsafeBufferPointer { factors in
                            unsafe feedback.pivots.withUnsafeBufferPointer { pivots in
                                unsafe lengths.withUnsafeBufferPointer { lengths in
                                    var problem = unsafe pith_feedback(
                                        targets: source + start, steps: widths + start, stride: length,
                                        columns: columns, lengths: lengths.baseAddress, runs: UInt32(lengths.count),
                                        factors: factors.baseAddress, pivots: pivots.baseAddress,
                                        first: UInt32(first), isClosed: runLength == nil && !isClosed ? 0 : 1)
                                    last = Int(
                                        unsafe pith_feedback_search(
                                            &problem, UInt32(states), rates, &sums, &scratch, found + start, &counts))
                                }
                            }
                        }
                    }
                }
            }
        }
        return runLength == nil && !isClosed ? last : 0
    }

    /// Adds rows of `errors`, those of the columns `block`, times their factors to the sums of the columns behind them, of which
    /// `upTo` is the end.
    package static func addErrors(
        _ errors: [Float], of block: Range<Int>, by feedback: LevelFeedback, upTo end: Int, to sums: inout [Float]
    ) {
        let columns = feedback.columns
        guard !block.isEmpty, block.upperBound < end, !errors.isEmpty else { return }
        let width = errors.count / block.count
        precondition(
            block.lowerBound >= 0 && end <= columns && errors.count == width * block.count
                && sums.count == width * columns, "Each column has a row of errors and of sums.")
        unsafe feedback.factors.withUnsafeBufferPointer { factors in
            unsafe sums.withUnsafeMutableBufferPointer { sums in
                guard let base = sums.baseAddress, let first = factors.baseAddress else { return }
                unsafe pith_add_outer(
                    errors, block.count, width, first + block.lowerBound * columns + block.upperBound, columns,
                    end - block.upperBound, base + block.upperBound * width)
            }
        }
    }
}
