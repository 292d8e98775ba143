import PithCompression

/// Rows of text in columns.
struct TextTable {
    private var rows: [[String]] = []
    /// Columns whose text stands at the right.
    private let rightAligned: Set<Int>

    init(header: [String], rightAligned: Set<Int> = []) {
        rows = [header]
        self.rightAligned = rightAligned
    }

    /// Adds a row; characters that would move the cursor are shown as escapes, very long names by both their ends.
    mutating func add(_ row: [String]) { rows.append(row.map { Text.line($0, longest: 240) }) }

    var text: String {
        let columns = rows.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0 }
        return rows.map { row in
            row.enumerated().map { column, cell in
                let isLast = column == row.count - 1
                return rightAligned.contains(column)
                    ? String(repeating: " ", count: widths[column] - cell.count) + cell
                    : isLast ? cell : cell.padding(to: widths[column])
            }.joined(separator: "  ")
        }.joined(separator: "\n")
    }
}

extension String {
    /// The text with spaces behind it up to a width.
    package func padding(to width: Int) -> String {
        self + String(repeating: " ", count: max(width - count, 0))
    }

    /// The text without white space at its end.
    package var trimmedEnd: String {
        var text = self
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }
}

/// Names and numbers as people read them.
package enum Text {
    /// A name or a remark on one line: control characters as escapes, the middle of long ones left out.
    package static func line(_ text: String, longest: Int = .max) -> String {
        let safe = text.unicodeScalars.reduce(into: "") { line, scalar in
            let isControl = scalar.properties.generalCategory == .control || scalar.properties.isBidiControl
            line += isControl ? scalar.escaped(asASCII: true) : String(scalar)
        }
        return safe.count <= longest ? safe : "\(safe.prefix(longest / 2))…\(safe.suffix(longest / 2))"
    }

    /// Bytes with a unit: `12.3 KB` is 12,300 bytes.
    static func bytes(_ count: Int) -> String {
        switch count {
        case ..<10_000: "\(count) B"
        case ..<10_000_000: "\((Double(count) / 1e3).formatted(digits: 1)) KB"
        case ..<10_000_000_000: "\((Double(count) / 1e6).formatted(digits: 1)) MB"
        default: "\((Double(count) / 1e9).formatted(digits: 1)) GB"
        }
    }

    /// Notes, each on a line of its own.
    static func notes(_ notes: [String]) -> String { notes.map { "note: \(line($0))\n" }.joined() }

    /// How many times smaller something has become, or larger.
    static func change(_ ratio: Double) -> String {
        ratio < 1
            ? "\((1 / ratio).formatted(digits: 4)) times larger" : "\(ratio.formatted(digits: 4)) times smaller"
    }

    /// A fraction of one as a percentage.
    static func percent(_ value: Double) -> String { "\((value * 100).formatted(digits: 2)) %" }

    /// Milliseconds with as many digits as matter.
    static func milliseconds(_ value: Double) -> String {
        "\(value.formatted(digits: value < 1 ? 4 : value < 100 ? 2 : 0)) ms"
    }
}
