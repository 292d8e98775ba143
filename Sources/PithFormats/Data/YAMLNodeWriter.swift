internal import Yams

/// Turns plain values into the library's nodes, quoting text that would otherwise mean something else.
enum YAMLNodeWriter {
    static func node(of value: ConfigurationValue) -> Node {
        switch value {
        case .null: plain("null")
        case .bool(let flag): plain(flag ? "true" : "false")
        case .integer(let number): plain("\(number)")
        case .number(let number): plain(YAMLScalar.text(of: number))
        case .string(let text): string(text)
        case .list(let values):
            Node(values.map(node), Tag(.implicit), isFlat(values) ? .flow : .block)
        case .map(let map):
            Node(
                map.entries.map { (string($0.key), node(of: $0.value)) }, Tag(.implicit),
                map.entries.isEmpty ? .flow : .block)
        }
    }

    private static func plain(_ text: String) -> Node { Node(text, Tag(.implicit), .plain) }

    private static func string(_ text: String) -> Node {
        guard case .string = YAMLScalar.value(of: text), !text.contains(where: \.isNewline), text != "<<" else {
            return Node(text, Tag(.str), .doubleQuoted)
        }
        // Words that YAML 1.1 readers take for booleans or times are quoted for their sake.
        let isOld = ["y", "n", "yes", "no", "on", "off"].contains(text.lowercased()) || text.contains(":")
        return Node(text, Tag(.str), isOld ? .singleQuoted : .any)
    }

    /// Whether a list is written in one line: nothing in it is a map or a further list.
    private static func isFlat(_ values: [ConfigurationValue]) -> Bool {
        values.allSatisfy {
            switch $0 {
            case .map, .list: false
            default: true
            }
        }
    }
}
