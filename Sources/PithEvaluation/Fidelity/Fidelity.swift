internal import Foundation

/// How close a candidate's outputs are to the reference's, pooled over all rows, batch by batch.
///
/// | value     | formula                                                              | unit             |
/// | --------- | -------------------------------------------------------------------- | ---------------- |
/// | SQNR      | `10 log10(sum R^2 / sum (R - O)^2)`, kept within -200...200          | dB               |
/// | cosine    | mean over rows of the cosine along the last axis                     | -1...1           |
/// | agreement | part of the rows whose largest number stands at the same index      | 0...1            |
/// | KL        | mean over rows of `sum p log(p / q)`, each row at most 100           | nats             |
///
/// `p` and `q` are softmaxes of the rows, unless the reference's row is a distribution already (nothing negative, sum
/// 1 within .001): then both rows are taken as they are, the candidate's brought to the sum 1. Equal outputs have 200
/// dB, as JSON holds no infinity. A number that is not finite in both outputs alike (a masked logit) is left out of
/// sums. One that is not finite in one output only makes the SQNR -200 dB, the row's cosine 0 and its KL 100. Where no number is
/// finite in the reference, nothing can be told.
///
/// - Complexity: O(numbers) time, constant memory; all sums in double precision.
public struct Fidelity: Sendable {
    /// The largest SQNR reported, in decibels; its negative is the smallest.
    public static let limitDB = 200.0
    /// The largest KL divergence a row counts with, in nats.
    public static let limitNats = 100.0

    private var signal = 0.0
    private var noise = 0.0
    private var cosines = 0.0
    private var divergences = 0.0
    private var agreements = 0
    private var rows = 0
    private var width = 0
    private var brokenRows = 0
    private var nonFiniteReference = 0
    private var finiteReference = 0
    private var nonFiniteCandidate = 0

    /// Starts without rows.
    public init() {}

    /// Counts a batch of both models' outputs.
    ///
    /// - Throws: `EvaluationError` `.invalidOutput` when the two differ in layout.
    public mutating func add(reference: OutputRows, candidate: OutputRows) throws(EvaluationError) {
        guard reference.values.count == candidate.values.count, reference.width == candidate.width else {
            throw EvaluationError(
                code: .invalidOutput, subject: "fidelity",
                problem:
                    "the outputs differ in shape: \(reference.rowCount) rows of \(reference.width) numbers "
                    + "against \(candidate.rowCount) of \(candidate.width).",
                remedy: "Compare models that answer with the same output.")
        }
        width = max(width, reference.width)
        for row in 0..<reference.rowCount {
            let range = reference.range(ofRow: row)
            addRow(reference.values[range], candidate.values[range])
            if let top = reference.topClass(ofRow: row), top == candidate.topClass(ofRow: row) { agreements += 1 }
        }
        rows += reference.rowCount
    }

    /// Counts the numbers of a reference that nothing is held against.
    mutating func count(_ reference: OutputRows) {
        let finite = reference.values.count { $0.isFinite }
        finiteReference += finite
        nonFiniteReference += reference.values.count - finite
    }

    /// Numbers so far that are not finite.
    var nonFinite: FidelityReport.NonFinite {
        FidelityReport.NonFinite(reference: nonFiniteReference, candidate: nonFiniteCandidate)
    }

    private mutating func addRow(_ reference: ArraySlice<Float>, _ candidate: ArraySlice<Float>) {
        var dot = 0.0, a = 0.0, b = 0.0, error = 0.0, isBroken = false
        for index in reference.indices {
            let r = reference[index], o = candidate[index]
            finiteReference += r.isFinite ? 1 : 0
            if !r.isFinite || !o.isFinite {
                nonFiniteReference += r.isFinite ? 0 : 1
                nonFiniteCandidate += o.isFinite ? 0 : 1
                if !(r == o || (r.isNaN && o.isNaN)) { isBroken = true }
                continue
            }
            let x = Double(r), y = Double(o)
            dot += x * y
            a += x * x
            b += y * y
            error += (x - y) * (x - y)
        }
        signal += a
        noise += error
        brokenRows += isBroken ? 1 : 0
        cosines += isBroken ? 0 : CosineSimilarity.cosine(dot: dot, a, b)
        if reference.count > 1 {
            divergences += isBroken ? Self.limitNats : Divergence.nats(reference, candidate, limit: Self.limitNats)
        }
    }

    /// Whether the reference has numbers, and none of them is finite.
    var hasNothingToCompare: Bool { nonFiniteReference > 0 && finiteReference == 0 }

    /// What the rows so far add up to; nil without rows, and where no number of the reference is finite.
    public var report: FidelityReport? {
        guard rows > 0, !hasNothingToCompare else { return nil }
        return FidelityReport(
            sqnrDB: sqnrDB, cosine: cosines / Double(rows),
            agreement: width > 1 ? Double(agreements) / Double(rows) : nil,
            kl: width > 1 ? divergences / Double(rows) : nil, rows: rows,
            nonFinite: nonFinite)
    }

    private var sqnrDB: Double {
        if brokenRows > 0 { return -Self.limitDB }
        if noise == 0 { return Self.limitDB }
        return min(max(10 * log10(signal / noise), -Self.limitDB), Self.limitDB)
    }
}
