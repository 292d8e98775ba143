import PithCompression

/// Parts of pages that are HTML and XML at once.
enum HTMLText {
    /// Text with everything escaped that means something in HTML; control characters, which no page may hold, and those
    /// that turn the direction of text are replaced.
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            case "\t", "\n": result.unicodeScalars.append(scalar)
            default:
                let isAllowed =
                    scalar.properties.generalCategory != .control && !scalar.properties.isBidiControl
                    && scalar.value & 0xfffe != 0xfffe
                result.unicodeScalars.append(isAllowed ? scalar : "\u{FFFD}")
            }
        }
        return result
    }

    /// An element around escaped text.
    static func element(_ name: String, _ attributes: String = "", text: String) -> String {
        "<\(name)\(attributes.isEmpty ? "" : " " + attributes)>\(escaped(text))</\(name)>"
    }

    /// A table with its numbers at the right.
    static func table(_ content: some ReportTable) -> String {
        func row(_ cells: [String], _ name: String) -> String {
            let inner = cells.enumerated().map { index, cell in
                element(name, content.textColumns.contains(index) ? "" : "class=\"number\"", text: cell)
            }
            return "<tr>\(inner.joined())</tr>"
        }
        return "<div class=\"scroll\"><table><thead>\(row(content.header, "th"))</thead><tbody>\n"
            + content.rows.map { row($0, "td") }.joined(separator: "\n") + "\n</tbody></table></div>"
    }

    /// A number as plots take it, such as `12.5`.
    static func number(_ value: Double) -> String { value.formatted(digits: 1) }
}
