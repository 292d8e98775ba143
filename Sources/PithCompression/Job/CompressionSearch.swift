/// Finds the recipe for a run of `compress`: the one that was asked for, `int8` by default, or with promises and no
/// recipe the first of the built-in ones that keeps them, in a fixed order: those of the fewest bits first, or, where
/// nothing but a size was asked for, the gentlest first.
public struct CompressionSearch: Sendable {
    private let input: String
    private let output: String
    private let recipe: Recipe?
    private let options: CompressionOptions
    private let progress: @Sendable (String) -> Void

    /// Creates a search; `recipe` nil leaves the choice to it.
    public init(
        input: String, output: String, recipe: Recipe?, options: CompressionOptions,
        progress: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.input = input
        self.output = output
        self.recipe = recipe
        self.options = options
        self.progress = progress
    }

    /// Runs the job, several times where promises have to be tried.
    ///
    /// - Throws: What ``CompressionJob/run()`` throws; `CompressionError` `.missingData` before any work when there is
    ///   nothing to measure a promise on, `.promiseBroken` when no recipe keeps the promises.
    public func run() async throws -> CompressionReport {
        try options.requireDecidablePromises(input: input)
        if let recipe { return try await run(recipe) }
        let isContainer = output.lowercased().hasSuffix(".pith")
        let inOrder = options.isBoundBySizeAlone ? Recipe.gentlestFirst : Recipe.builtIn
        let fitting = inOrder.filter { isContainer || !$0.hasStrength }
        let candidates = options.hasPromises ? fitting : [try Recipe.named("int8")]
        var failures: [String] = []
        for candidate in candidates {
            do {
                var report = try await run(candidate)
                report.notes = failures + report.notes
                return report
            } catch let error as CompressionError
                where error.code != .invalidOutput && candidates.count > 1
            {
                failures.append("Recipe \(candidate.name) was tried and not taken: \(error.subject): \(error.problem)")
            }
        }
        throw CompressionError(
            code: .promiseBroken, subject: input,
            problem: "no built-in recipe keeps the promises. " + failures.joined(separator: " "),
            remedy: "Relax a promise, or give a recipe of your own.")
    }

    /// Runs the job of a recipe, whose strength is found first where a size was asked for and it has one.
    private func run(_ recipe: Recipe) async throws -> CompressionReport {
        guard let limit = options.maximumSize, recipe.hasStrength else {
            return try await job(recipe).run()
        }
        let found = try await StrengthSearch(job: job(recipe), limit: limit).run()
        var report = try await job(found.recipe).run()
        report.notes.insert(found.note, at: 0)
        return report
    }

    private func job(_ recipe: Recipe) -> CompressionJob {
        CompressionJob(input: input, output: output, recipe: recipe, options: options, progress: progress)
    }
}
