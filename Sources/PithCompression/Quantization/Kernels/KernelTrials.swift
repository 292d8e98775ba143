import PithFormats
import PithModel
import PithRuntime

/// Measures which weights are worth a kernel that uses them as they are stored.
struct KernelTrials {
    private let settings: any KernelTechnique
    /// The model that a candidate changes.
    private let model: Model
    let option: KernelOption
    private let bench: CandidateBench
    /// Output SQNR of the option's baseline in dB, once it is asked for.
    private var foldedDB: Double?

    /// Why a candidate is not worth it.
    enum Fault: String {
        case refused = "the runtime does not take that"
        case error = "that errs too much"
        case slow = "that saves no time"
    }

    /// A candidate with what was measured of it.
    struct Measured {
        let label: String
        let candidate: KernelCandidate
        let sqnrDB: Double
        /// Nil under fixed rules and for candidates that err too much at any speed.
        var speedup: Double?
        var fault: Fault?
        /// What the runtime said of a candidate that it refused.
        var refusal = ""

        var figures: String {
            guard fault != .refused else { return "\(label): \(refusal)" }
            let speed = speedup.map { ", \($0.formatted(digits: 2))x the speed before" } ?? ""
            return "\(label): \(sqnrDB.formatted(digits: 1)) dB\(speed)"
        }

        /// Clearly faster, or as fast and more accurate.
        func isBetter(than other: Measured) -> Bool {
            let ratio = (speedup ?? 1) / (other.speedup ?? 1)
            return ratio > 1.03 || ratio > 0.97 && sqnrDB > other.sqnrDB
        }
    }

    /// Prepares to measure candidates of `model` on `bench`.
    init(_ settings: any KernelTechnique, model: Model, option: KernelOption, bench: CandidateBench) {
        (self.settings, self.model, self.option, self.bench) = (settings, model, option, bench)
    }

    /// The candidate whose `weights` the kernels use, with what keeps it from being worth it.
    ///
    /// - Throws: What runtime and data throw.
    mutating func measure(
        _ label: String, _ weights: [KernelCandidate.Encoded], atLeast speedup: Double = 0
    ) async throws -> Measured {
        let candidate = KernelCandidate(model, taking: weights)
        let bytes = try encoded(taking: weights)
        var measured: Measured
        do {
            measured = Measured(label: label, candidate: candidate, sqnrDB: try await bench.sqnrDB(of: bytes))
        } catch let error as RuntimeError {
            // An older runtime lacks a kernel, or has it for other types.
            return Measured(
                label: label, candidate: candidate, sqnrDB: -.infinity, fault: .refused, refusal: error.problem)
        }
        let isSound = try await isSound(measured.sqnrDB)
        // A candidate that can not be taken at any speed need not be timed.
        let leastForFast = max(settings.fastSQNR, Verification.lowSQNR)
        if isSound || settings.fastSQNR > 0 && measured.sqnrDB >= leastForFast {
            measured.speedup = try bench.speedup(of: bytes)
        }
        guard isSound else {
            measured.fault = .error
            return measured
        }
        if let found = measured.speedup, try await !isWorthIt(found, measured.sqnrDB, atLeast: speedup) {
            measured.fault = .slow
        }
        return measured
    }

    /// Whether a sound result is fast enough: as fast as is asked for, and as its error costs.
    ///
    /// Under a `minimumSpeedup` below 1 speed is given for memory, and error costs nothing.
    private mutating func isWorthIt(_ speedup: Double, _ sqnrDB: Double, atLeast least: Double) async throws -> Bool {
        let least = max(settings.minimumSpeedup, least)
        guard speedup >= least else { return false }
        guard least >= 1, !ErrorPrice.isAmple(speedup) else { return true }
        // What lies far above the target is not missed.
        let before = try await min(foldedSQNR(), settings.targetSQNR + ErrorPrice.mostMissed)
        return ErrorPrice.isPaid(before - sqnrDB, by: speedup)
    }

    /// The file that is measured: what is not taken stands as it will at the end.
    private func encoded(taking weights: [KernelCandidate.Encoded]) throws -> [UInt8] {
        try ONNXWriter.encode(KernelCandidate(option.folded, taking: weights).model)
    }

    /// The products of the main graph that the option could use.
    var products: [KernelCandidate.Encoded] {
        option.weights.filter {
            $0.entry.part.layer == .product && option.folded.graph.weights[$0.entry.name] != nil
        }
    }

    /// Whether the outputs stay sound, with something to spare, and have `sqnrDB` at least when the kernels use `weights`.
    ///
    /// The number of weights that pass this is chosen on the rows that it looks at, so that new rows err a little more.
    ///
    /// - Throws: What runtime and data throw.
    mutating func isSound(
        taking weights: [KernelCandidate.Encoded], atLeast sqnrDB: Double = -.infinity
    ) async throws -> Bool {
        let measured = try await bench.sqnrDB(of: encoded(taking: weights))
        guard measured >= sqnrDB else { return false }
        return try await isSound(measured, spare: KernelTrials.spareDB)
    }

    /// What a chosen number of weights has to be better than the target, in dB.
    private static let spareDB = 2.0

    private mutating func isSound(_ sqnrDB: Double, spare: Double = 0) async throws -> Bool {
        guard sqnrDB < settings.targetSQNR + spare else { return true }
        guard sqnrDB >= Verification.lowSQNR else { return false }
        return try await sqnrDB >= foldedSQNR() - settings.allowedLoss
    }

    /// Output SQNR in dB of the same weights computed in float.
    private mutating func foldedSQNR() async throws -> Double {
        if let foldedDB { return foldedDB }
        let measured = try await bench.sqnrDB(of: ONNXWriter.encode(option.baseline))
        foldedDB = measured
        return measured
    }
}
