public import PithCompression

/// What `compare` found, as one page that needs nothing else: tables and plots, no scripts, no links.
///
/// The page is HTML and well-formed XML at once; names from models and files are escaped.
public struct ComparisonReportPage {
    private let report: ComparisonReport

    /// Takes the report to be shown.
    public init(_ report: ComparisonReport) { self.report = report }

    /// The whole page.
    public var html: String {
        let notes = report.notes + report.candidates.flatMap { entry in entry.notes.map { "\(entry.name): \($0)" } }
        let data = report.data.map { "on \($0)" } ?? "on made-up inputs"
        return """
            <!DOCTYPE html>
            <html xmlns="http://www.w3.org/1999/xhtml" lang="en"><head><meta charset="utf-8"/>
            <meta name="viewport" content="width=device-width, initial-scale=1"/>
            \(HTMLText.element("title", text: "Comparison with \(report.reference.path)"))
            <style>
            \(Self.style)
            </style></head><body>
            \(HTMLText.element("h1", text: "Comparison with \(report.reference.path)"))
            \(HTMLText.element("p", text: "\(report.candidates.count) candidates, measured \(data)."))
            \(list(notes))
            \(HTMLText.table(ComparisonTable(report)))
            <h2>Bytes against error</h2>
            <p>SQNR of the output: higher is closer to the reference, and to the left is smaller.</p>
            \(SizeScatter(report: report).svg)
            \(report.candidates.map(section).joined(separator: "\n"))
            </body></html>

            """
    }

    private func section(_ entry: ComparisonReport.Entry) -> String {
        let lines = ComparisonWords.lines(about: entry).map { HTMLText.element("p", text: $0) }
        var parts = [HTMLText.element("h2", text: entry.name)] + lines
        if !entry.outputs.isEmpty {
            parts.append(list(entry.outputs.map { "output \($0.name): \($0.sqnrDB.formatted(digits: 1)) dB" }))
        }
        if !entry.layers.layers.isEmpty {
            parts += [
                "<p><span class=\"key own\"></span> own error: fed with the reference's activations "
                    + "<span class=\"key all\"></span> with what the layers before it pass on</p>",
                LayerBars(report: entry.layers).svg, HTMLText.table(LayerTable(entry.layers)),
            ]
        }
        return "<section>\(parts.joined(separator: "\n"))</section>"
    }

    private func list(_ lines: [String]) -> String {
        guard !lines.isEmpty else { return "" }
        return "<ul>\(lines.map { HTMLText.element("li", text: $0) }.joined())</ul>"
    }

    private static let style = """
        :root { color-scheme: light dark; --own: #2b6cb0; --all: #dd8b3a; --line: #8886; }
        body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
        .scroll { overflow-x: auto; }
        table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
        th, td { padding: .2rem .7rem; border-bottom: 1px solid var(--line); text-align: left; white-space: nowrap; }
        .number { text-align: right; }
        svg { width: 100%; max-width: 52rem; font: 12px system-ui, sans-serif; }
        svg text { fill: currentColor; }
        .own { fill: var(--own); background: var(--own); }
        .all { fill: var(--all); background: var(--all); }
        .grid { stroke: var(--line); }
        .key { display: inline-block; width: .8em; height: .8em; }
        """
}
