/// Takes values out of a configuration map by name and kind, and refuses what nobody asked for.
///
/// Every refusal names the file, the line and the key.
package struct ConfigurationReader {
    /// The file, for errors.
    package let name: String
    /// Where the map stands in the file, such as `inputs.image`; empty for the whole file.
    package let place: String
    /// The map that is read.
    package let map: ConfigurationMap

    /// Reads `map`, which stands at `place` in the file `name`.
    package init(_ map: ConfigurationMap, named name: String, at place: String = "") {
        self.map = map
        self.name = name
        self.place = place
    }

    /// Takes `value` as a map that stands at `place` in the file `name`.
    ///
    /// - Throws: `FormatError` `.invalidCard` for another kind of value.
    package init(_ value: ConfigurationValue, named name: String, at place: String = "", line: Int? = nil)
        throws(FormatError)
    {
        guard case .map(let map) = value else {
            throw FormatError(
                code: .invalidCard, subject: ConfigurationReader.subject(name, line),
                problem: "\(place.isEmpty ? "the file" : "`\(place)`") is \(value.kind), not a map of keys.",
                remedy: "Write `key: value` pairs.")
        }
        self.init(map, named: name, at: place)
    }

    /// Refuses keys that are not in `known`.
    package func refuseKeys(except known: [String]) throws(FormatError) {
        for entry in map.entries where !known.contains(entry.key) {
            let whereabouts = place.isEmpty ? "" : " in `\(place)`"
            throw FormatError(
                code: .invalidCard, subject: ConfigurationReader.subject(name, entry.line),
                problem: "the key '\(entry.key)'\(whereabouts) is unknown.",
                remedy: "Known keys here: \(known.joined(separator: ", ")).")
        }
    }

    /// The full name of `key`, such as `inputs.image.scale`.
    package func path(of key: String) -> String { place.isEmpty ? key : "\(place).\(key)" }

    /// An error about `key`.
    package func failure(
        _ key: String, _ problem: String, _ remedy: String, code: FormatError.Code = .invalidCard
    ) -> FormatError {
        FormatError(
            code: code, subject: "\(ConfigurationReader.subject(name, map.line(of: key))), `\(path(of: key))`",
            problem: problem, remedy: remedy)
    }

    /// The text of `key`, nil when it is left out.
    package func string(_ key: String) throws(FormatError) -> String? {
        guard let value = map[key] else { return nil }
        guard case .string(let text) = value, !text.isEmpty else { throw wrongKind(key, value, "text") }
        return text
    }

    /// The whole number of `key`, nil when it is left out.
    package func integer(_ key: String) throws(FormatError) -> Int? {
        guard let value = map[key] else { return nil }
        guard case .integer(let number) = value else { throw wrongKind(key, value, "a whole number") }
        return number
    }

    /// The number of `key`, nil when it is left out.
    package func number(_ key: String) throws(FormatError) -> Double? {
        guard let value = map[key] else { return nil }
        guard let number = value.double else { throw wrongKind(key, value, "a number") }
        return number
    }

    /// The number of `key`, or its list of numbers; nil when it is left out.
    package func numbers(_ key: String) throws(FormatError) -> (values: [Double], isList: Bool)? {
        guard let value = map[key] else { return nil }
        if let number = value.double { return ([number], false) }
        guard case .list(let items) = value else { throw wrongKind(key, value, "a number or a list of numbers") }
        let numbers = items.compactMap(\.double)
        guard numbers.count == items.count, !items.isEmpty else {
            throw wrongKind(key, value, "a number or a list of numbers")
        }
        return (numbers, true)
    }

    /// The list of whole numbers of `key`, nil when it is left out.
    package func integers(_ key: String) throws(FormatError) -> [Int]? {
        guard let value = map[key] else { return nil }
        guard case .list(let items) = value else { throw wrongKind(key, value, "a list of whole numbers") }
        var numbers: [Int] = []
        for item in items {
            guard case .integer(let number) = item else { throw wrongKind(key, item, "a list of whole numbers") }
            numbers.append(number)
        }
        return numbers
    }

    /// The map of `key`, nil when it is left out.
    package func reader(_ key: String) throws(FormatError) -> ConfigurationReader? {
        guard let value = map[key] else { return nil }
        return try ConfigurationReader(value, named: name, at: path(of: key), line: map.line(of: key))
    }

    private func wrongKind(_ key: String, _ value: ConfigurationValue, _ wanted: String) -> FormatError {
        failure(key, "it has to be \(wanted), and \(value.kind) stands there.", "Write \(wanted).")
    }

    private static func subject(_ name: String, _ line: Int?) -> String {
        line.map { "\(name), line \($0)" } ?? name
    }
}
