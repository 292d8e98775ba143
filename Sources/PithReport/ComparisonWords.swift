import PithCompression
import PithEvaluation

extension LayerReport {
    /// What tables and plots call each layer: by its output too where it has several.
    var titles: [String] {
        let counts = Dictionary(layers.map { ($0.layer, 1) }, uniquingKeysWith: +)
        return layers.map { counts[$0.layer] == 1 ? $0.layer : "\($0.layer): \($0.output)" }
    }
}

/// What the layers of a candidate say, in sentences.
enum ComparisonWords {
    /// The layer that loses most, what was compared, and what was not.
    static func lines(about entry: ComparisonReport.Entry) -> [String] {
        let report = entry.layers
        var lines = ["\(entry.name): \(sentence(report))"]
        if report.matchedValues > 0 {
            lines.append(
                "\(count(report.layers.count, "layer")) on \(count(report.rows, "row")); "
                    + "\(count(report.matchedValues, "value")) matched by name, \(report.onlyInReference) only in the reference, "
                    + "\(report.onlyInCandidate) only in the candidate")
        }
        if !report.innerLayers.isEmpty {
            let names = report.innerLayers.prefix(3).joined(separator: ", ")
            let more = report.innerLayers.count > 3 ? " and \(report.innerLayers.count - 3) more" : ""
            lines.append("layers in nested graphs are seen from outside only: \(names)\(more)")
        }
        return lines + report.notes.map { "note: \($0)" }
    }

    private static func sentence(_ report: LayerReport) -> String {
        guard !report.layers.isEmpty else { return "its layers could not be compared." }
        guard let weakest = report.weakest else { return "no layer differs from the reference's." }
        func decibels(_ value: Double) -> String { "\(value.formatted(digits: 1)) dB" }
        guard let own = weakest.ownSqnrDB else {
            return "layer '\(weakest.layer)' (\(weakest.operation)) lies farthest off, at \(decibels(weakest.sqnrDB)); "
                + "what of it arises there is not known."
        }
        var text =
            "layer '\(weakest.layer)' (\(weakest.operation)) loses most: \(decibels(own)) when fed with the reference's inputs"
        switch weakest.bornShare {
        case let share? where share > 0.995:
            text += ", and no better with its own: the error arises there"
        case let share?:
            text +=
                "; with its own inputs it is at \(decibels(weakest.sqnrDB)), and "
                + "\((share * 100).formatted(digits: 0)) % of that error arises there"
        case nil: break
        }
        if let last = report.layers.last, last != weakest, last.sqnrDB < Fidelity.limitDB {
            text += "; the last layer, '\(last.layer)', ends at \(decibels(last.sqnrDB))"
        }
        return text + "."
    }

    /// A number with its noun: `1 layer`, `2 layers`.
    private static func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }
}
