import PithCoding
package import PithEvaluation
package import PithFormats
import PithModel
import PithRuntime
package import PithTensor

/// Measures candidates of one model: error against its original on calibration rows, and time against itself.
struct CandidateBench {
    private let source: any SampleSource
    private let reference: Session
    private let referenceDigest: String
    /// Compares with the original.
    private let evaluator: Evaluator
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
    /// Outputs of the reference kept in memory, at most.
    private static let mostBytes = 64 << 20

    /// Prepares to compare candidates with `original` on `rows`, and to time them beside `model`, which earlier stages made
    /// of it.
    ///
    /// - Throws: What runtime and data throw.
    init(
        model: Model, original: Model, source: any SampleSource, rows: Range<Int>, profile: MachineProfile
    ) throws {
        let bytes = try ONNXWriter.encode(model)
        self.source = source
        self.profile = profile
        runtime = try Runtime.load()
        reference = try Session(bytes: bytes, name: "model before")
        let float = try Session(bytes: try ONNXWriter.encode(original), name: "original")
        referenceDigest = SHA256Digest(of: Storage(bytes)).hex
        let affordable = CandidateBench.enoughWork / max(ModelFacts(model).parameterCount, 1)
        let compared = rows.prefix(min(max(affordable, CandidateBench.fewestRows), CandidateBench.mostRows))
        self.rows = compared.startIndex..<compared.endIndex
        timer = try Evaluator(source: source, reference: reference, rows: self.rows)
        evaluator = try Evaluator(source: source, reference: float, rows: self.rows)
            .keepingReferenceOutputs(upTo: CandidateBench.mostBytes)
    }

    /// Signal-to-noise ratio of a candidate's worst output, in dB; outputs that are not finite count as ruined.
    func sqnrDB(of bytes: [UInt8]) throws -> Double {
        let errors = try evaluator.errors(of: try Session(bytes: bytes, name: "candidate"))
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
        let settings = try Latency(minimumRounds: 6, budgetSeconds: 0.05)
        var steady: LatencyReport?, moments = (reference: Double.infinity, candidate: Double.infinity)
        for window in 0..<mostWindows {
            if window >= windows, steady != nil { break }
            guard let report = try timer.latency(of: [candidate], settings: settings).first,
                let time = report.candidate?.quietMilliseconds
            else { break }
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

/// A source's samples without its labels: only outputs are compared.
package struct FidelitySource: SampleSource {
    private let base: any SampleSource

    package init(_ base: any SampleSource) { self.base = base }

    package var metric: Dataset.Metric { .fidelity }
    package var evaluationRows: Range<Int> { base.evaluationRows }
    package var batchSize: Int? { base.batchSize }
    package var output: String? { base.output }
    package var carried: [String: String] { base.carried }
    package var pairOffset: Int? { base.pairOffset }
    package func sampleRows(_ range: Range<Int>) -> [Int] { base.sampleRows(range) }
    package func inputs(rows: [Int]) throws(FormatError) -> [String: Tensor] { try base.inputs(rows: rows) }
    package func labels(rows: [Int]) throws(FormatError) -> Tensor? { nil }
    package func pairScores(_ range: Range<Int>) throws(FormatError) -> [Double]? { nil }
}
