import PithTensor

/// The levels of a layer's weight, along one walk, with the help of what is known of the layer's inputs.
///
/// As in ``LayerRounding`` (`feedback`) each error is made up for by the columns still to come, and costs what the curvature says.
/// Here the columns come in the order in which the weight lies, since the walk goes that way. Where rows of inputs lie one after the
/// other, each way that is still open makes up for errors of its own. Where an input's weights for all outputs lie together, they
/// are a walk from state 0 to state 0, and its errors move the inputs after it.
///
/// - Complexity: for a weight of *m* outputs and *n* inputs O(states *m n*²) time in the first case and O(*m n*²) in the second,
///   three times; O(*n*³) to set up.
/// - Reference: Frantar et al., "GPTQ", arXiv:2210.17323 (errors made up for); Raheli, Polydoros and Tzou, "Per-Survivor
///   Processing", IEEE Trans. Commun. 43, 1995; Tseng et al., "QTIP", arXiv:2406.11235 (trellis and feedback together).
/// - Deviation: from QTIP, whose trellis runs through one block of columns while feedback goes from block to block.
struct FeedbackLevels: Sendable {
    private let rounding: LevelRounding
    private let feedback: [LevelFeedback]
    /// What is wanted, and its step, in the order of the weight; the least step is 1.
    private let targets: [Float]
    private let steps: [Float]
    private let rows: Int
    private let outputsFirst: Bool

    /// Sets the search up for the matrices of a weight, each with `problems` of its own, whose `steps` lie as the weight does.
    ///
    /// - Throws: `CompressionError` `.invalidSetting` where the damping is too small for the moments.
    init(
        _ rounding: LevelRounding, _ problems: [RoundingProblem], steps: [Float], outputsFirst: Bool
    ) throws(CompressionError) {
        let least = steps.min() ?? 1, columns = problems[0].columns
        self.rounding = rounding
        self.outputsFirst = outputsFirst
        self.steps = steps.map { $0 / least }
        rows = problems[0].rows
        var targets: [Float] = []
        targets.reserveCapacity(steps.count)
        for problem in problems {
            if outputsFirst {
                targets += problem.targets
            } else {
                for column in 0..<columns {
                    for row in 0..<problem.rows { targets.append(problem.targets[row * columns + column]) }
                }
            }
        }
        self.targets = targets.map { $0 / least }
        let factors = try problems.map { problem throws(CompressionError) in try FeedbackLevels.factored(problem) }
        // On the mean a squared step costs 1, whatever the unit of the inputs.
        let energy = self.steps.reduce(0) { $0 + Double($1) * Double($1) } / Double(max(steps.count, 1))
        let pivots = factors.flatMap(\.pivots), mean = pivots.reduce(0, +) / Double(max(pivots.count, 1)) * energy
        feedback = factors.map { LevelFeedback(factors: $0.factors, pivots: $0.pivots.map { Float($0 / mean) }) }
    }

    /// The curvature as `Uᵀ D U`, `U` upper triangular with ones on its diagonal.
    private static func factored(
        _ problem: RoundingProblem
    ) throws(CompressionError) -> (factors: [Float], pivots: [Double]) {
        let count = problem.columns
        guard let cholesky = CholeskyFactor(problem.curvature.reordered((0..<count).reversed())) else {
            throw RoundingProblem.weakDamping(problem.name)
        }
        let last = count - 1, diagonal = (0..<count).map { cholesky.elements[$0 * count + $0] }
        var factors = [Float](repeating: 0, count: count * count)
        for column in 0..<count {
            for later in column + 1..<max(count, column + 1) {
                factors[column * count + later] = Float(
                    cholesky.elements[(last - column) * count + last - later] / diagonal[last - later])
            }
        }
        return (factors, (0..<count).map { diagonal[last - $0] * diagonal[last - $0] })
    }

    /// Levels between -127 and 127, in the order of the weight; the same at any number of threads.
    ///
    /// - Throws: `CancellationError`.
    func levels(threads: Int) async throws -> [Int8] {
        try await rounding.levels { rates in
            if !outputsFirst { return acrossRows(rates) }
            return feedback.count == 1 ? try await alongRows(rates, threads) : alongGroups(rates)
        }
    }

    /// Runs of rows side by side.
    private func alongRows(_ rates: [Float], _ threads: Int) async throws -> LevelRounding.Found {
        let columns = feedback[0].columns, height = max((LevelRounding.runLength + columns - 1) / columns, 1)
        let share = LevelSearch.runs * height * columns
        let parts = try await Parallel.map(
            stride(from: 0, to: targets.count, by: share).map { $0..<min($0 + share, targets.count) }, threads: threads
        ) { range in
            var found = LevelRounding.Found(count: range.count, states: rounding.states)
            _ = Kernels.searchLevels(
                targets.span.extracting(range), steps: steps.span.extracting(range), feedback[0],
                states: rounding.states, runLength: height * columns, rates: rates, into: &found.levels,
                counts: &found.counts)
            return found
        }
        return parts.dropFirst().reduce(into: parts[0]) { $0.append($1) }
    }

    /// One walk through matrices that have inputs of their own.
    private func alongGroups(_ rates: [Float]) -> LevelRounding.Found {
        var all = LevelRounding.Found(count: 0, states: rounding.states), state = 0
        let size = targets.count / feedback.count
        for (group, feedback) in feedback.enumerated() {
            let range = group * size..<(group + 1) * size
            var found = LevelRounding.Found(count: size, states: rounding.states)
            state = Kernels.searchLevels(
                targets.span.extracting(range), steps: steps.span.extracting(range), feedback,
                states: rounding.states, runLength: nil, first: state, rates: rates, into: &found.levels,
                counts: &found.counts)
            all.append(found)
        }
        return all
    }

    /// Input after input, the weights of each for all outputs.
    private func acrossRows(_ rates: [Float]) -> LevelRounding.Found {
        let feedback = feedback[0], columns = feedback.columns, limit = LevelSearch.largestValue
        var all = LevelRounding.Found(count: 0, states: rounding.states)
        var sums = [Float](repeating: 0, count: targets.count)
        var scaled = [Float](repeating: 0, count: rows), weights = scaled, errors = scaled
        for column in 0..<columns {
            let first = column * rows
            for row in 0..<rows {
                let step = steps[first + row], number = (targets[first + row] + sums[first + row]) / step
                scaled[row] = min(max(number, -limit), limit)
                weights[row] = feedback.pivots[column] * (step * step)
            }
            var found = LevelRounding.Found(count: rows, states: rounding.states)
            Kernels.searchLevels(
                scaled.span, weights: weights.span, states: rounding.states, runLength: rows, rates: rates,
                into: &found.levels, counts: &found.counts)
            for row in 0..<rows { errors[row] = targets[first + row] - Float(found.levels[row]) * steps[first + row] }
            let later = column * columns + column + 1..<(column + 1) * columns
            Kernels.addOuter(errors, feedback.factors.span.extracting(later), to: &sums, from: column + 1)
            all.append(found)
        }
        return all
    }
}
