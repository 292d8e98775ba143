import PithCompression
import PithEvaluation
import PithFormats

/// One row for the reference and one for each candidate: size, error, score, time and memory.
///
/// Columns that no candidate has a figure for are left out.
struct ComparisonTable: ReportTable {
    let header: [String]
    let rows: [[String]]
    let textColumns: Set<Int>

    /// One column: its header and its cells, the reference's first; nil where there is no figure.
    private struct Column {
        let title: String
        let cells: [String?]
        var isText = false
    }

    init(_ report: ComparisonReport) {
        let columns = Self.size(report) + Self.error(report) + Self.score(report) + Self.cost(report)
        let shown = columns.filter { column in column.cells.contains { $0 != nil } }
        header = shown.map(\.title)
        rows = (0...report.candidates.count).map { row in shown.map { $0.cells[row] ?? "-" } }
        textColumns = Set(shown.indices.filter { shown[$0].isText })
    }

    private static func column(
        _ title: String, _ report: ComparisonReport, reference: String? = nil, isText: Bool = false,
        _ cell: (ComparisonReport.Entry) -> String?
    ) -> Column {
        Column(title: title, cells: [reference] + report.candidates.map(cell), isText: isText)
    }

    private static func size(_ report: ComparisonReport) -> [Column] {
        let reference = report.reference, bits = Double(reference.bytes) * 8 / Double(max(reference.parameters, 1))
        return [
            column("model", report, reference: reference.path, isText: true) { $0.name },
            column("bytes", report, reference: "\(reference.bytes)") { "\($0.bytes)" },
            column("ratio", report, reference: "1.00") { $0.ratio.formatted(digits: 2) },
            column("bits a weight", report, reference: bits.formatted(digits: 2)) {
                $0.bitsPerWeight.formatted(digits: 2)
            },
        ]
    }

    private static func error(_ report: ComparisonReport) -> [Column] {
        [
            column("SQNR dB", report) { $0.fidelity.map { $0.sqnrDB.formatted(digits: 2) } },
            column("cosine", report) { $0.fidelity.map { $0.cosine.formatted(digits: 5) } },
            column("agreement", report) { $0.fidelity?.agreement.map(Text.percent) },
        ]
    }

    private static func score(_ report: ComparisonReport) -> [Column] {
        guard let metric = report.candidates.compactMap({ $0.accuracy?.metric }).first else { return [] }
        func value(_ number: Double?) -> String? {
            number.map { metric.isClassification ? Text.percent($0) : $0.formatted(digits: 4) }
        }
        let macro = report.reference.macro
        func mean(_ title: String, _ score: KeyPath<ConfusionMatrix.Scores, Double>) -> Column {
            column(title, report, reference: macro.map { $0[keyPath: score].formatted(digits: 4) }) { entry in
                entry.macro.map { $0.candidate[keyPath: score].formatted(digits: 4) }
            }
        }
        return [
            column(metric.rawValue, report, reference: value(report.reference.score)) { value($0.accuracy?.candidate) },
            column("drop, points (95 %)", report) { drop($0.accuracy) },
            mean("precision", \.precision), mean("recall", \.recall), mean("F1", \.f1),
        ]
    }

    /// Points lost with their interval: `0.40 (-0.12 to 0.92)`.
    private static func drop(_ accuracy: AccuracyReport?) -> String? {
        guard let difference = accuracy?.difference else { return nil }
        let drop = (difference.drop * 100).formatted(digits: 2)
        guard let lower = difference.lower95, let upper = difference.upper95 else { return drop }
        return "\(drop) (\((lower * 100).formatted(digits: 2)) to \((upper * 100).formatted(digits: 2)))"
    }

    private static func cost(_ report: ComparisonReport) -> [Column] {
        let reference = report.reference
        return [
            column("time", report, reference: reference.milliseconds.map(Text.milliseconds)) {
                $0.latency?.candidate.map { Text.milliseconds($0.medianMilliseconds) }
            },
            column("speed", report, reference: reference.milliseconds.map { _ in "1.00x" }) {
                $0.latency?.speedup.map { "\($0.formatted(digits: 2))x" }
            },
            column("peak memory", report, reference: reference.peakBytes.map(Text.bytes)) {
                $0.peakBytes.map(Text.bytes)
            },
            column("runs in", report, reference: reference.minimumRuntime, isText: true) { $0.minimumRuntime },
        ]
    }
}

/// One row for each layer: where its error arises and how much of it there is.
struct LayerTable: ReportTable {
    let header: [String]
    let rows: [[String]]
    let textColumns: Set<Int> = [0, 1]

    init(_ report: LayerReport) {
        let isRounded = report.layers.contains { $0.roundedSqnrDB != nil }
        header =
            ["layer", "operator", "own dB", "with inherited dB"]
            + (isRounded ? ["own, output rounded", "with inherited, rounded"] : []) + ["arises here"]
        rows = zip(report.layers, report.titles).map { layer, title in
            let more = layer.companions.isEmpty ? "" : " (and \(layer.companions.count) before it)"
            return [title + more, layer.operation, Self.cell(layer.ownSqnrDB), Self.cell(layer.sqnrDB)]
                + (isRounded ? [Self.cell(layer.ownRoundedSqnrDB), Self.cell(layer.roundedSqnrDB)] : [])
                + [layer.bornShare.map { "\(($0 * 100).formatted(digits: 0)) %" } ?? "-"]
        }
    }

    /// A ratio; outputs that do not differ at all are exact.
    private static func cell(_ decibels: Double?) -> String {
        guard let decibels else { return "-" }
        return decibels >= Fidelity.limitDB ? "exact" : decibels.formatted(digits: 1)
    }
}
