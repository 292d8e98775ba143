import PithCompression
import PithEvaluation
import PithFormats

/// Scores in lines of text.
enum ScoreText {
    /// Accuracy with the interval of the difference.
    static func lines(_ accuracy: AccuracyReport) -> [String] {
        let name = accuracy.metric.rawValue
        func value(_ number: Double?) -> String {
            guard let number else { return "not finite" }
            return accuracy.metric.isClassification ? Text.percent(number) : number.formatted(digits: 4)
        }
        guard let candidate = accuracy.candidate else {
            return ["\(name): \(value(accuracy.reference)) (\(accuracy.samples) samples)"]
        }
        var line = "\(name): \(value(accuracy.reference)) before, \(value(candidate)) after"
        if let difference = accuracy.difference, let lower = difference.lower95, let upper = difference.upper95 {
            let points = [difference.drop, lower, upper].map { ($0 * 100).formatted(digits: 2) }
            line +=
                "; drop \(points[0]) points, 95 % interval \(points[1]) to \(points[2]) (\(difference.method.rawValue))"
        }
        return [line + ", \(accuracy.samples) samples"]
    }

    /// Distance of the outputs.
    static func line(_ fidelity: FidelityReport) -> String {
        var parts = [
            "SQNR \(fidelity.sqnrDB.formatted(digits: 2)) dB", "cosine \(fidelity.cosine.formatted(digits: 6))",
        ]
        if let agreement = fidelity.agreement { parts.append("same top class \(Text.percent(agreement))") }
        if let kl = fidelity.kl { parts.append("KL \(kl.formatted(digits: 6)) nats") }
        return "fidelity: " + parts.joined(separator: ", ") + ", \(fidelity.rows) samples"
    }

    /// Run time before and after.
    static func line(_ latency: LatencyReport) -> String {
        func time(_ summary: LatencySummary) -> String {
            "\(Text.milliseconds(summary.medianMilliseconds)) (middle half \(summary.lowerQuartileMilliseconds.formatted(digits: 4)) to "
                + "\(summary.upperQuartileMilliseconds.formatted(digits: 4)))"
        }
        let threads = latency.threads == 1 ? "one thread" : "\(latency.threads) threads"
        guard let candidate = latency.candidate, let speedup = latency.speedup else {
            return "latency: \(time(latency.reference)), one sample, \(threads)"
        }
        return "latency: \(time(latency.reference)) before, \(time(candidate)) after: "
            + "\(speedup.formatted(digits: 2)) times the speed\(latency.isSteady ? "" : " in the quietest tenth of the rounds")"
            + ", one sample, \(threads), interleaved"
            + (latency.isSteady ? "" : "; the machine was busy, so measure again before you rely on it")
    }
}
