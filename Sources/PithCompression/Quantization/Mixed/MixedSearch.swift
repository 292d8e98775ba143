import Foundation
import PithFormats
import PithModel

/// Rounds a model to allocations of bits, and corrects the budget of error by what is measured.
struct MixedSearch {
    let settings: MixedQuantizer
    let context: StageContext
    /// How many of the first calibration rows rounding may see; results are measured on others.
    let calibrationRows: Int
    let allocation: BitAllocation
    let bench: CandidateBench

    /// A result with what was measured of it.
    private struct Measured {
        let piece: Workpiece
        let widths: [String: Int]
        let byteCount: Int
        let sqnrDB: Double
    }

    /// Puts the best allocation found on the bench.
    ///
    /// - Throws: What rounding, runtime and data throw.
    func run(_ piece: inout Workpiece, weightCount: Int) async throws {
        let best: Measured, refusal: String?
        if settings.bitsPerWeight > 0 {
            let bytes = Int(settings.bitsPerWeight * Double(weightCount) / 8)
            best = try await measure(allocation.widths(within: .bytes(bytes)), piece)
            refusal =
                best.byteCount <= bytes
                ? nil
                : "the fewest bits take \((8 * Double(best.byteCount) / Double(weightCount)).formatted(digits: 2)) a weight, "
                    + "not \(settings.bitsPerWeight.formatted(digits: 2))"
        } else {
            best = try await withinTarget(piece)
            refusal =
                best.sqnrDB >= settings.targetSQNR
                ? nil
                : "the widest levels reach \(best.sqnrDB.formatted(digits: 1)) dB, not "
                    + "\(settings.targetSQNR.formatted(digits: 1))"
        }
        let counts = best.widths.values.reduce(into: [:]) { $0[$1, default: 0] += 1 }
        let text = counts.sorted { $0.key < $1.key }.map { "\($0.value) of \($0.key) bits" }.joined(separator: ", ")
        let bits = 8 * Double(best.byteCount) / Double(max(weightCount, 1))
        let original = piece
        piece = best.piece
        for (name, width) in best.widths
        where piece.encodings[name]?.technique != nil && original.encodings[name] == nil {
            piece.encodings[name]?.note += "; \(width) bits by sensitivity"
        }
        piece.note(
            "Weights by sensitivity: \(text), \(bits.formatted(digits: 2)) bits each on average; "
                + "\(best.sqnrDB.formatted(digits: 1)) dB on calibration rows held out.")
        piece.decisions["bitsOf"] = .object(best.widths.mapValues { .integer($0) })
        if let refusal {
            piece.note("\(MixedQuantizer.name): \(refusal).")
            piece.refusals.append("\(MixedQuantizer.name): \(refusal)")
        }
    }

    /// The smallest of a few results that keep the target; the most accurate if none does.
    private func withinTarget(_ piece: Workpiece) async throws -> Measured {
        let target = MixedSearch.ratio(ofDecibels: -settings.targetSQNR)
        var budget = target, best: Measured?, tried: Set<[String: Int]> = []
        for _ in 0..<settings.rounds {
            let widths = allocation.widths(within: .noise(budget))
            guard tried.insert(widths).inserted else { break }
            let found = try await measure(widths, piece)
            if best.map({ isBetter(found, than: $0) }) ?? true { best = found }
            // Rounding with data errs less than was predicted, and errors do not quite add up.
            let ratio = target / max(MixedSearch.ratio(ofDecibels: -found.sqnrDB), 1e-15)
            budget = max(allocation.cost(of: widths).noise, 1e-15) * min(max(ratio, 0.05), 20)
        }
        if let best, best.sqnrDB >= settings.targetSQNR { return best }
        let widest = allocation.widths(within: .noise(0))
        if let best, tried.contains(widest) { return best }
        let found = try await measure(widest, piece)
        return best.map { isBetter(found, than: $0) ? found : $0 } ?? found
    }

    /// The ratio of powers that so many decibels are.
    static func ratio(ofDecibels decibels: Double) -> Double { pow(10, decibels / 10) }

    private func isBetter(_ left: Measured, than right: Measured) -> Bool {
        let (mine, theirs) = (left.sqnrDB >= settings.targetSQNR, right.sqnrDB >= settings.targetSQNR)
        if mine != theirs { return mine }
        return mine ? left.byteCount < right.byteCount : left.sqnrDB > right.sqnrDB
    }

    private func measure(_ widths: [String: Int], _ piece: Workpiece) async throws -> Measured {
        var copy = piece, technique = settings.rounding
        technique.bitsOf = widths
        technique.calibrationRows = calibrationRows
        try await technique.apply(to: &copy, in: context)
        return Measured(
            piece: copy, widths: widths, byteCount: allocation.cost(of: widths).byteCount,
            sqnrDB: try await bench.sqnrDB(of: try ONNXWriter.encode(copy.model)))
    }
}
