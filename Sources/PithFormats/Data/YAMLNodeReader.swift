internal import Yams

/// Turns the library's nodes into plain values and counts them.
struct YAMLNodeReader {
    let name: String
    private var count = 0

    init(name: String) { self.name = name }

    mutating func value(of node: Node, depth: Int) throws(FormatError) -> ConfigurationValue {
        count += 1
        guard depth <= YAMLDocument.deepestNesting, count <= YAMLDocument.mostValues else {
            throw failure(
                node,
                "it has more than \(YAMLDocument.mostValues) values or nests deeper than "
                    + "\(YAMLDocument.deepestNesting) levels.", "Make it smaller.")
        }
        switch node {
        case .scalar(let scalar):
            guard let value = YAMLNodeReader.value(of: scalar) else { throw tagged(node, "\(scalar.tag)") }
            return value
        case .sequence(let sequence):
            guard YAMLNodeReader.isPlain(sequence.tag, "seq") else { throw tagged(node, "\(sequence.tag)") }
            var values: [ConfigurationValue] = []
            for item in sequence { values.append(try value(of: item, depth: depth + 1)) }
            return .list(values)
        case .mapping(let mapping):
            guard YAMLNodeReader.isPlain(mapping.tag, "map") else { throw tagged(node, "\(mapping.tag)") }
            return .map(try map(of: mapping, depth: depth))
        case .alias:
            throw failure(node, "an alias has no anchor.", "Write the value out.")
        }
    }

    private mutating func map(of mapping: Node.Mapping, depth: Int) throws(FormatError) -> ConfigurationMap {
        var entries: [ConfigurationMap.Entry] = []
        var known: Set<String> = []
        for (key, item) in mapping {
            guard case .scalar(let scalar) = key, scalar.string != "<<" || scalar.style != .plain else {
                throw failure(key, "a key is not plain text.", "Use a word as the key.")
            }
            guard known.insert(scalar.string).inserted else {
                throw failure(key, "the key '\(scalar.string)' stands in one map twice.", "Remove one of them.")
            }
            let value = try value(of: item, depth: depth + 1)
            entries.append(ConfigurationMap.Entry(key: scalar.string, value: value, line: scalar.mark?.line))
        }
        return ConfigurationMap(entries)
    }

    /// The value of a scalar; nil when it has a tag that is not followed.
    private static func value(of scalar: Node.Scalar) -> ConfigurationValue? {
        let isPlain = scalar.style == .plain || scalar.style == .any
        switch scalar.tag.description {
        case "": return isPlain ? YAMLScalar.value(of: scalar.string) : .string(scalar.string)
        case "!", "tag:yaml.org,2002:str": return .string(scalar.string)
        default: return nil
        }
    }

    private static func isPlain(_ tag: Tag, _ kind: String) -> Bool {
        ["", "!", "tag:yaml.org,2002:\(kind)"].contains(tag.description)
    }

    private func tagged(_ node: Node, _ tag: String) -> FormatError {
        failure(node, "the tag \(tag) is not read.", "Leave it out.")
    }

    private func failure(_ node: Node, _ problem: String, _ remedy: String) -> FormatError {
        FormatError(
            code: .invalidCard, subject: node.mark.map { "\(name), line \($0.line)" } ?? name, problem: problem,
            remedy: remedy)
    }
}
