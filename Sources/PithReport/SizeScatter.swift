import PithCompression
import PithEvaluation

/// Bytes against error as inline SVG: one point for each candidate, smaller to the left, closer to the reference on top.
struct SizeScatter {
    let report: ComparisonReport

    private static let width = 760.0, height = 320.0, left = 60.0, right = 150.0, top = 16.0, bottom = 40.0
    /// Beyond this a candidate is as good as exact.
    private static let mostDB = 100.0

    private struct Point {
        let name: String
        let bytes: Int
        let decibels: Double
    }

    /// The picture; empty where no candidate has an error to show.
    var svg: String {
        let points = report.candidates.compactMap { entry in
            entry.fidelity.map { Point(name: entry.name, bytes: entry.bytes, decibels: $0.sqnrDB) }
        }
        guard !points.isEmpty else { return "" }
        let largest = Double(max(report.reference.bytes, points.map(\.bytes).max() ?? 1, 1))
        let shown = points.map { min(max($0.decibels, 0), Self.mostDB) }
        let limit = max(((shown.max() ?? 10) / 10).rounded(.up) * 10, 10)
        var parts = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" aria-label=\"bytes against SQNR\" "
                + "viewBox=\"0 0 \(HTMLText.number(Self.width)) \(HTMLText.number(Self.height))\">"
        ]
        parts += grid(limit, largest)
        for (point, decibels) in zip(points, shown) {
            let x = Self.x(Double(point.bytes) / largest), y = Self.y(decibels / limit)
            let figure = point.decibels >= Fidelity.limitDB ? "exact" : "\(point.decibels.formatted(digits: 2)) dB"
            let title = HTMLText.element("title", text: "\(point.name): \(point.bytes) bytes, \(figure)")
            parts.append(
                "<circle class=\"own\" cx=\"\(HTMLText.number(x))\" cy=\"\(HTMLText.number(y))\" r=\"5\">\(title)</circle>"
            )
            let label = point.name.count > 24 ? "…" + point.name.suffix(23) : point.name
            parts.append(
                HTMLText.element("text", "x=\"\(HTMLText.number(x + 9))\" y=\"\(HTMLText.number(y + 4))\"", text: label)
            )
        }
        return parts.joined(separator: "\n") + "\n</svg>"
    }

    private static func x(_ share: Double) -> Double { left + share * (width - left - right) }
    private static func y(_ share: Double) -> Double { height - bottom - share * (height - top - bottom) }

    private func grid(_ limit: Double, _ largest: Double) -> [String] {
        var parts: [String] = []
        for value in stride(from: 0, through: limit, by: limit > 50 ? 20 : 10) {
            let y = HTMLText.number(Self.y(value / limit))
            parts.append(
                "<line class=\"grid\" x1=\"\(Self.left)\" x2=\"\(Self.width - Self.right)\" y1=\"\(y)\" y2=\"\(y)\"/>")
            parts.append(
                HTMLText.element(
                    "text", "x=\"\(Self.left - 8)\" y=\"\(y)\" text-anchor=\"end\"",
                    text: "\(value.formatted(digits: 0)) dB"))
        }
        for quarter in 0...4 {
            let share = Double(quarter) / 4
            parts.append(
                HTMLText.element(
                    "text",
                    "x=\"\(HTMLText.number(Self.x(share)))\" y=\"\(Self.height - Self.bottom + 22)\" text-anchor=\"middle\"",
                    text: Text.bytes(Int(largest * share))))
        }
        return parts
    }
}
