public import PithCompression
import PithEvaluation

/// What `compare` found, as text for people.
public struct ComparisonReportText {
    private let report: ComparisonReport

    /// Takes the report to be told.
    public init(_ report: ComparisonReport) { self.report = report }

    /// Notes, one table of all candidates, then for each a sentence and a table of its layers.
    public var text: String {
        var parts: [String] = []
        let notes = report.notes + report.candidates.flatMap { entry in entry.notes.map { "\(entry.name): \($0)" } }
        if !notes.isEmpty { parts.append(notes.map { "note: \(Text.line($0))" }.joined(separator: "\n")) }
        parts.append(table(ComparisonTable(report)))
        for entry in report.candidates {
            var lines = ComparisonWords.lines(about: entry)
            if !entry.outputs.isEmpty {
                let outputs = entry.outputs.map { "\($0.name) \($0.sqnrDB.formatted(digits: 1)) dB" }
                lines.append("outputs: " + outputs.joined(separator: ", "))
            }
            parts.append(lines.map { Text.line($0) }.joined(separator: "\n"))
            if !entry.layers.layers.isEmpty { parts.append(table(LayerTable(entry.layers))) }
        }
        return parts.joined(separator: "\n\n")
    }

    private func table(_ content: some ReportTable) -> String {
        var table = TextTable(
            header: content.header, rightAligned: Set(content.header.indices).subtracting(content.textColumns))
        for row in content.rows { table.add(row) }
        return table.text
    }
}
