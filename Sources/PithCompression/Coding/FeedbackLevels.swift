import PithTensor

/// The levels of a layer's weight, along one walk, with the help of what is known of the layer's inputs.
///
/// As in ``LayerRounding`` (`feedback`) each error is made up for by the columns still to come, and costs what the curvature says.
/// Here the columns come in the order in which the weight lies, since the walk goes that way. Where rows of inputs lie one after the
/// other, each way that is still open makes up for errors of its own. Where an input's weights for all outputs lie together, the walk
/// through them is decided before their errors move the inputs after it. All in all the levels are a walk from state 0 to state 0, so
/// that weights that share a block of a container are one walk.
///
/// - Complexity: for a weight of *m* outputs and *n* inputs O(states *m n*²) time in the first case and O(*m n*²) in the second, on one
///   thread, three times; O(*n*³) to set up. Memory: 20 bytes a number and *n*² doubles; in the first case 512 *n* bytes and 2.4 MB for each
///   thread.
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
        // On the mean a squared step costs 1, whatever the unit of the inputs; one of those that are wider costs more.
        let seen = zip(factors, problems).filter { !$1.seesNothing }.flatMap(\.0.pivots)
        let mean = seen.isEmpty ? 1 : seen.reduce(0, +) / Double(seen.count)
        feedback = zip(factors, problems).map { factors, problem in
            // Inputs that never vary say nothing of what an error costs: as little as damping would.
            let unit = problem.seesNothing ? (factors.pivots.max() ?? 1) / Self.costOfUnseen : mean
            return LevelFeedback(factors: factors.factors, pivots: factors.pivots.map { Float($0 / unit) })
        }
    }

    /// What an error costs where nothing was seen, beside the mean.
    private static let costOfUnseen = 0.02

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
            if !outputsFirst { return try acrossRows(rates) }
            let size = targets.count / feedback.count
            guard feedback.count == 1 || size >= LevelRounding.runLength else { return try alongGroups(rates) }
            var all = LevelRounding.Found(count: 0, states: rounding.states)
            for (group, feedback) in feedback.enumerated() {
                all.append(try await alongRows(group * size..<(group + 1) * size, feedback, rates, threads))
            }
            return all
        }
    }

    /// Runs of rows side by side.
    private func alongRows(
        _ range: Range<Int>, _ feedback: LevelFeedback, _ rates: [Float], _ threads: Int
    ) async throws -> LevelRounding.Found {
        let columns = feedback.columns, height = max((LevelRounding.runLength + columns - 1) / columns, 1)
        let share = LevelSearch.runs * height * columns
        let shares = stride(from: range.lowerBound, to: range.upperBound, by: share).map {
            $0..<min($0 + share, range.upperBound)
        }
        let parts = try await Parallel.map(shares, threads: threads) { range in
            var found = LevelRounding.Found(count: range.count, states: rounding.states)
            _ = Kernels.searchLevels(
                targets.span.extracting(range), steps: steps.span.extracting(range), feedback,
                states: rounding.states, runLength: height * columns, rates: rates, into: &found.levels,
                counts: &found.counts)
            return found
        }
        return parts.dropFirst().reduce(into: parts[0]) { $0.append($1) }
    }

    /// One walk through small matrices that have inputs of their own.
    private func alongGroups(_ rates: [Float]) throws -> LevelRounding.Found {
        var all = LevelRounding.Found(count: 0, states: rounding.states), state = 0
        let size = targets.count / feedback.count
        for (group, feedback) in feedback.enumerated() {
            try Task.checkCancellation()
            let range = group * size..<(group + 1) * size
            var found = LevelRounding.Found(count: size, states: rounding.states)
            state = Kernels.searchLevels(
                targets.span.extracting(range), steps: steps.span.extracting(range), feedback,
                states: rounding.states, runLength: nil, first: state,
                isClosed: group == self.feedback.count - 1 && size >= Self.closing,
                rates: rates, into: &found.levels, counts: &found.counts)
            all.append(found)
        }
        return all
    }

    /// Input after input, the weights of each for all outputs; errors go to the inputs of the same block at once and to those behind
    /// it block by block.
    private func acrossRows(_ rates: [Float]) throws -> LevelRounding.Found {
        let feedback = feedback[0], columns = feedback.columns
        var all = LevelRounding.Found(count: 0, states: rounding.states)
        var sums = [Float](repeating: 0, count: targets.count)
        var moved = [Float](repeating: 0, count: rows), state = 0
        for start in stride(from: 0, to: columns, by: Self.blockSize) {
            try Task.checkCancellation()
            let end = min(start + Self.blockSize, columns)
            var blockErrors: [Float] = []
            for column in start..<end {
                let first = column * rows
                for row in 0..<rows { moved[row] = targets[first + row] + sums[first + row] }
                var found = LevelRounding.Found(count: rows, states: rounding.states)
                // Here no number moves another: each is a row of its own.
                state = Kernels.searchLevels(
                    moved.span, steps: steps.span.extracting(first..<first + rows),
                    LevelFeedback(factors: [0], pivots: [feedback.pivots[column]]), states: rounding.states,
                    runLength: nil, first: state, isClosed: column == columns - 1 && rows >= Self.closing, rates: rates,
                    into: &found.levels, counts: &found.counts)
                let errors = (0..<rows).map {
                    targets[first + $0] - Float(found.levels[$0]) * steps[first + $0]
                }
                Kernels.addErrors(errors, of: column..<column + 1, by: feedback, upTo: end, to: &sums)
                blockErrors += errors
                all.append(found)
            }
            Kernels.addErrors(blockErrors, of: start..<end, by: feedback, upTo: columns, to: &sums)
        }
        return all
    }

    /// Numbers that take a walk from any state to state 0.
    private static let closing = 3
    /// Inputs of a block.
    private static let blockSize = 64
}
