import PithEvaluation
import PithFormats
import PithModel
import PithRuntime

/// Finds the layers that are worth run-time rounding of their activations, by measuring on held-out calibration rows.
///
/// Candidates: every layer; the recurrent layers alone; the products alone. Sound is an output (the worst of all, states
/// among them) of `targetSQNR`, or within `allowedLoss` of the same integer weights computed in float. Of those that are
/// sound and fast enough the fastest is taken, and of two about as fast the more accurate.
struct DynamicSearch {
    let settings: DynamicQuantizer
    let context: StageContext

    /// A candidate with what was measured of it.
    private struct Measured {
        let label: String
        let candidate: DynamicCandidate
        let sqnrDB: Double
        /// Nil under fixed rules and for candidates that are not sound.
        let speedup: Double?

        var figures: String {
            let speed = speedup.map { ", \($0.formatted(digits: 2))x the speed before" } ?? ""
            return "\(label): \(sqnrDB.formatted(digits: 1)) dB\(speed)"
        }

        /// Clearly faster, or as fast and more accurate.
        func isBetter(than other: Measured) -> Bool {
            let ratio = (speedup ?? 1) / (other.speedup ?? 1)
            return ratio > 1.03 || ratio > 0.97 && sqnrDB > other.sqnrDB
        }
    }

    /// Settles the best of the `weights` in `model` on the bench, if any is worth it.
    ///
    /// - Throws: What runtime and data throw; `CancellationError`.
    func run(
        _ weights: [DynamicCandidate.Encoded], _ model: Model, _ piece: inout Workpiece
    ) async throws {
        guard let dataset = context.dataset else { return }
        let (seen, heldOut) = StaticSearch.split(dataset.calibrationRows)
        let bench = try CandidateBench(
            model: piece.model, original: piece.original, source: FidelitySource(dataset), rows: heldOut,
            profile: context.profile)
        var best: Measured?, reasons: [String: String] = [:]
        for (label, chosen) in sets(of: weights) {
            try Task.checkCancellation()
            context.progress("measuring \(label)")
            let (measured, fault) = try measure(label, chosen, model, bench)
            if let fault {
                for weight in chosen { reasons[weight.entry.name] = fault }
                piece.note("Tried and not taken: activations rounded at run time in \(measured.figures).")
            } else if best.map({ measured.isBetter(than: $0) }) ?? true {
                best = measured
            }
        }
        if let best {
            best.candidate.settle(&piece)
            piece.note(
                "Activations rounded at run time in \(best.figures) on \(StaticSearch.name(ofMeasured: heldOut, beside: seen))."
            )
        }
        let taken = Set(best?.candidate.taken.map(\.entry.name) ?? [])
        for weight in weights where !taken.contains(weight.entry.name) {
            settings.explain([weight], reasons[weight.entry.name] ?? "others gain more", &piece)
        }
    }

    /// What is tried, each with a name.
    private func sets(
        of weights: [DynamicCandidate.Encoded]
    ) -> [(label: String, weights: [DynamicCandidate.Encoded])] {
        let recurrent = weights.filter { $0.entry.part.layer == .recurrent }
        let products = weights.filter { $0.entry.part.layer == .product }
        guard !recurrent.isEmpty, !products.isEmpty else { return [("every layer", weights)] }
        return [("every layer", weights), ("recurrent layers", recurrent), ("products", products)]
    }

    /// A candidate, and why it is not worth it.
    private func measure(
        _ label: String, _ weights: [DynamicCandidate.Encoded], _ model: Model, _ bench: CandidateBench
    ) throws -> (measured: Measured, fault: String?) {
        let candidate = DynamicCandidate(model, taking: weights)
        let bytes = try ONNXWriter.encode(candidate.model)
        guard (try? Session(bytes: bytes, name: "candidate")) != nil else {
            let refused = Measured(label: label, candidate: candidate, sqnrDB: -.infinity, speedup: nil)
            return (refused, "the runtime does not take that")
        }
        let sqnr = try bench.sqnrDB(of: bytes)
        // A candidate that is not sound need not be timed.
        guard try isSound(sqnr, weights, model, bench) else {
            return (Measured(label: label, candidate: candidate, sqnrDB: sqnr, speedup: nil), "that errs too much")
        }
        let speedup = try bench.speedup(of: bytes)
        let measured = Measured(label: label, candidate: candidate, sqnrDB: sqnr, speedup: speedup)
        return (measured, speedup.map { $0 < settings.minimumSpeedup } ?? false ? "that saves no time" : nil)
    }

    private func isSound(
        _ sqnr: Double, _ weights: [DynamicCandidate.Encoded], _ model: Model, _ bench: CandidateBench
    ) throws -> Bool {
        guard sqnr < settings.targetSQNR else { return true }
        guard sqnr >= Verification.lowSQNR else { return false }
        let folded = DynamicCandidate(model, taking: weights, execution: .folded)
        return sqnr >= (try bench.sqnrDB(of: try ONNXWriter.encode(folded.model))) - settings.allowedLoss
    }
}
