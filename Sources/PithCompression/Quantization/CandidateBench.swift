import PithCoding
import PithEvaluation
import PithFormats
import PithModel
import PithRuntime
import PithTensor

/// Measures candidates of one model: error against its original on calibration rows, and time against itself.
struct CandidateBench {
    private let source: any SampleSource
    private let reference: Session
    private let referenceDigest: String
    /// Compares with the original.
    private let evaluator: ParallelEvaluator
    /// Times beside the model as it is.
    private let timer: Evaluator
    private let profile: MachineProfile
    private let runtime: Runtime
    /// Rows on which candidates are compared.
    private let rows: Range<Int>
    var rowCount: Int { rows.count }

    /// Rows whose outputs are compared, at most and at least.
    private static let mostRows = 256, fewestRows = 32
    /// Parameters times rows that are enough: large models are compared on fewer rows, whatever their speed.
    private static let enoughWork = 64_000_000
    /// Windows of time in which a candidate is measured: two that agree, three where they do not, and at most so many where
    /// the machine is busy.
    private static let windows = 3, mostWindows = 12
    /// How far apart the ratios of two windows that agree may lie.
    private static let agreement = 0.02

    /// Prepares to compare candidates with `original` on `rows`, and to time them beside `model`, which earlier stages made
    /// of it; `context` says on how many threads, and where times are kept.
    ///
    /// - Throws: What runtime and data throw.
    init(
        model: Model, original: Model, source: any SampleSource, rows: Range<Int>, in context: StageContext
    ) async throws {
        let bytes = try ONNXWriter.encode(model)
        profile = context.profile
        runtime = try Runtime.load()
        reference = try Session(bytes: bytes, name: "model before")
        let float = try Session(bytes: try ONNXWriter.encode(original), name: "original")
        referenceDigest = SHA256Digest(of: Storage(bytes)).hex
        let affordable = CandidateBench.enoughWork / max(ModelFacts(model).parameterCount, 1)
        let compared = rows.prefix(min(max(affordable, CandidateBench.fewestRows), CandidateBench.mostRows))
        self.rows = compared.startIndex..<compared.endIndex
        evaluator = try await ParallelEvaluator(
            source: source, reference: float, rows: self.rows, threads: context.threads)
        self.source = evaluator.source
        timer = try Evaluator(source: evaluator.source, reference: reference, rows: self.rows)
    }

    /// Signal-to-noise ratio of a candidate's worst output, in dB; outputs that are not finite count as ruined.
    ///
    /// Threads share the rows; the number does not depend on how many there are.
    func sqnrDB(of bytes: [UInt8]) async throws -> Double {
        CandidateBench.worst(try await evaluator.errors(of: try Session(bytes: bytes, name: "candidate")))
    }

    /// The same on one thread, for those who measure several candidates at once.
    func sqnrDBOnOneThread(of bytes: [UInt8]) throws -> Double {
        CandidateBench.worst(try evaluator.errorsOnOneThread(of: try Session(bytes: bytes, name: "candidate")))
    }

    private static func worst(_ errors: [OutputError]) -> Double {
        guard errors.allSatisfy({ $0.nonFinite.candidate <= $0.nonFinite.reference }) else { return -.infinity }
        return errors.map(\.sqnrDB).min() ?? -.infinity
    }

    private static func milliseconds(_ report: LatencyReport) -> Double {
        report.reference.quietMilliseconds + (report.candidate?.quietMilliseconds ?? 0)
    }

    private static func agree(_ left: LatencyReport, _ right: LatencyReport) -> Bool {
        guard left.isSteady, right.isSteady, let first = left.speedup, let second = right.speedup else { return false }
        return abs(first / second - 1) <= agreement
    }

    /// How many times faster than the float model a candidate runs one sample; nil under fixed rules.
    func speedup(of bytes: [UInt8]) throws -> Double? {
        try speedup(of: bytes, over: referenceDigest) { timer }
    }

    /// How many times faster a candidate runs one sample than another, which has kernels of the same kind, so that other work
    /// on the machine slows both alike; nil under fixed rules.
    func speedup(of bytes: [UInt8], over other: [UInt8]) throws -> Double? {
        try speedup(of: bytes, over: SHA256Digest(of: Storage(other)).hex) {
            let reference = try Session(bytes: other, name: "other candidate")
            return try Evaluator(source: source, reference: reference, rows: rows)
        }
    }

    private func speedup(
        of bytes: [UInt8], over reference: String, timer: () throws -> Evaluator
    ) throws -> Double? {
        let question =
            "quiet speedup of \(SHA256Digest(of: Storage(bytes)).hex.prefix(24)) over \(reference.prefix(24))"
        return try profile.answer(question, runtime: runtime) {
            try CandidateBench.speedup(of: try Session(bytes: bytes, name: "candidate"), beside: try timer())
        }
    }

    /// The speedup in the quietest steady window; where none is steady, that of the quietest moments of each model in any.
    ///
    /// Other work on the machine slows both models, and not alike.
    private static func speedup(of candidate: Session, beside timer: Evaluator) throws -> Double {
        var settings = try Latency(minimumRounds: 6, budgetSeconds: 0.05, warmUpRuns: 3)
        var steady: LatencyReport?, moments = (reference: Double.infinity, candidate: Double.infinity)
        for window in 0..<mostWindows {
            if window >= windows, steady != nil { break }
            guard let report = try timer.latency(of: [candidate], settings: settings).first,
                let time = report.candidate?.quietMilliseconds
            else { break }
            settings.warmUpRuns = 2
            moments.reference = min(moments.reference, report.reference.quietMilliseconds)
            moments.candidate = min(moments.candidate, time)
            guard report.isSteady else { continue }
            let isSettled = steady.map { agree($0, report) } ?? false
            if steady.map({ milliseconds(report) < milliseconds($0) }) ?? true { steady = report }
            if isSettled { break }
        }
        if let speedup = steady?.speedup { return speedup }
        guard moments.reference.isFinite, moments.candidate.isFinite, moments.candidate > 0 else { return 1 }
        return moments.reference / moments.candidate
    }
}
