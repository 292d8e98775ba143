/// A value of a configuration file (data card or recipe), apart from the syntax it was written in.
package enum ConfigurationValue: Hashable, Sendable {
    case null
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    case list([ConfigurationValue])
    case map(ConfigurationMap)

    /// What kind of value it is, for errors: "a number", "a list" ...
    package var kind: String {
        switch self {
        case .null: "nothing"
        case .bool: "true or false"
        case .integer: "a whole number"
        case .number: "a number"
        case .string: "text"
        case .list: "a list"
        case .map: "a map"
        }
    }

    /// The number, whole or not; nil for other kinds.
    package var double: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }
}

/// Keys and values of a configuration file in the order they were written, each with its line.
///
/// Two maps are equal when their keys and values are, in the same order, wherever they stood.
package struct ConfigurationMap: Hashable, Sendable {
    /// One key with its value.
    package struct Entry: Hashable, Sendable {
        package var key: String
        package var value: ConfigurationValue
        /// Line of the key in its file, from 1; nil for values made here.
        package var line: Int?

        package init(key: String, value: ConfigurationValue, line: Int? = nil) {
            self.key = key
            self.value = value
            self.line = line
        }

        package static func == (left: Entry, right: Entry) -> Bool {
            left.key == right.key && left.value == right.value
        }

        package func hash(into hasher: inout Hasher) {
            hasher.combine(key)
            hasher.combine(value)
        }
    }

    /// Keys and values in order; keys are unique.
    package private(set) var entries: [Entry]

    /// Creates a map from entries whose keys are unique.
    package init(_ entries: [Entry] = []) {
        precondition(Set(entries.map(\.key)).count == entries.count, "A configuration key stands in a map twice.")
        self.entries = entries
    }

    /// The value of `key`; setting keeps the place of a known key, adds an unknown one at the end, and removes with
    /// nil.
    package subscript(key: String) -> ConfigurationValue? {
        get { entries.first { $0.key == key }?.value }
        set {
            let index = entries.firstIndex { $0.key == key }
            switch (index, newValue) {
            case (let index?, let value?): entries[index].value = value
            case (let index?, nil): entries.remove(at: index)
            case (nil, let value?): entries.append(Entry(key: key, value: value))
            case (nil, nil): break
            }
        }
    }

    /// The line of `key`, nil when it is unknown.
    package func line(of key: String) -> Int? { entries.first { $0.key == key }?.line }
}
