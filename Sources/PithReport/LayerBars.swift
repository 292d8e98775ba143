import PithCompression
import PithEvaluation

/// Horizontal bars of each layer's SQNR as inline SVG: its own, and with what it inherits.
///
/// Longer is better.
struct LayerBars {
    let report: LayerReport

    private var layers: [LayerError] { report.layers }

    private static let rowHeight = 26.0, labelWidth = 230.0, plotWidth = 520.0, top = 24.0
    /// Bars end here: beyond, a layer is as good as exact.
    private static let mostDB = 100.0

    /// The picture; empty without layers.
    var svg: String {
        guard !layers.isEmpty else { return "" }
        let limit = min(max(layers.map { max($0.ownSqnrDB ?? 0, $0.sqnrDB) }.max() ?? 1, 10), Self.mostDB)
        let height = Self.top + Double(layers.count) * Self.rowHeight + 6
        var parts = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" aria-label=\"SQNR of each layer\" "
                + "viewBox=\"0 0 \(HTMLText.number(Self.labelWidth + Self.plotWidth + 60)) \(HTMLText.number(height))\">"
        ]
        parts += grid(limit, height)
        for (index, (layer, title)) in zip(layers, report.titles).enumerated() {
            let y = Self.top + Double(index) * Self.rowHeight
            let label = title.count > 34 ? "…" + title.suffix(33) : title
            parts.append(
                HTMLText.element(
                    "text",
                    "x=\"\(HTMLText.number(Self.labelWidth - 8))\" y=\"\(HTMLText.number(y + 15))\" text-anchor=\"end\"",
                    text: label))
            if let own = layer.ownSqnrDB { parts.append(bar(own, limit, y + 2, "own", layer, "own")) }
            parts.append(bar(layer.sqnrDB, limit, y + 12, "all", layer, "with inherited"))
        }
        return parts.joined(separator: "\n") + "\n</svg>"
    }

    /// Lines at round numbers of dB.
    private func grid(_ limit: Double, _ height: Double) -> [String] {
        let step = limit > 60 ? 20.0 : 10.0
        return stride(from: 0, through: limit, by: step).flatMap { value -> [String] in
            let x = HTMLText.number(Self.labelWidth + value / limit * Self.plotWidth)
            return [
                "<line class=\"grid\" x1=\"\(x)\" x2=\"\(x)\" y1=\"\(Self.top - 4)\" y2=\"\(HTMLText.number(height))\"/>",
                HTMLText.element(
                    "text", "x=\"\(x)\" y=\"14\" text-anchor=\"middle\"", text: "\(value.formatted(digits: 0)) dB"),
            ]
        }
    }

    private func bar(
        _ decibels: Double, _ limit: Double, _ y: Double, _ kind: String, _ layer: LayerError, _ meaning: String
    ) -> String {
        let width = min(max(decibels, 0), limit) / limit * Self.plotWidth
        let figure = decibels >= Fidelity.limitDB ? "exact" : "\(decibels.formatted(digits: 1)) dB"
        let title = HTMLText.element("title", text: "\(layer.layer) (\(layer.operation)), \(meaning): \(figure)")
        return "<rect class=\"\(kind)\" x=\"\(HTMLText.number(Self.labelWidth))\" y=\"\(HTMLText.number(y))\" "
            + "width=\"\(HTMLText.number(max(width, 1)))\" height=\"9\">\(title)</rect>"
    }
}
