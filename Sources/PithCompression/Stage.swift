/// One technique with its settings and what it touches.
public struct Stage: Sendable {
    /// What to do.
    public var technique: any Technique
    /// Where to do it.
    public var selector: Selector

    /// Creates a stage.
    public init(_ technique: any Technique, where selector: Selector = Selector()) {
        self.technique = technique
        self.selector = selector
    }
}

extension Stage: Codable {
    private enum Key {
        static let technique = "technique"
        static let selector = "where"
    }

    public init(from decoder: any Decoder) throws {
        guard case .object(var fields) = try JSONValue(from: decoder) else {
            throw CompressionError(
                code: .invalidRecipe, subject: "recipe", problem: "a stage is no map of settings.",
                remedy: "Start each stage with `technique: NAME`; known: \(Catalog.names).")
        }
        guard case .string(let name) = fields.removeValue(forKey: Key.technique) else {
            throw CompressionError(
                code: .invalidRecipe, subject: "recipe", problem: "a stage names no technique.",
                remedy: "Start each stage with `technique: NAME`; known: \(Catalog.names).")
        }
        let place = fields.removeValue(forKey: Key.selector), type = try Catalog.technique(named: name)
        guard place == nil || type.takesSelector else {
            throw CompressionError(
                code: .invalidRecipe, subject: "\(name) where", problem: "it works on the whole graph.",
                remedy: "Leave out `where`, or leave out the stage.")
        }
        selector = try Settings.overlay(Selector(), with: place ?? .object([:]), subject: "\(name) where")
        technique = try type.decode(.object(fields))
        try technique.validate()
    }

    public func encode(to encoder: any Encoder) throws {
        guard case .object(var fields) = try JSONValue(encoding: technique) else { return }
        fields[Key.technique] = .string(type(of: technique).name)
        if selector != Selector() { fields[Key.selector] = try JSONValue(encoding: selector) }
        try fields.encode(to: encoder)
    }
}

extension Stage {
    /// The stage without the settings that have their defaults.
    var withoutDefaults: JSONValue {
        get throws {
            guard case .object(let fields) = try JSONValue(encoding: self),
                case .object(let usual) = try JSONValue(encoding: Stage(type(of: technique).init())),
                case .object(let selector) = try JSONValue(encoding: self.selector),
                case .object(let everything) = try JSONValue(encoding: Selector())
            else { return .null }
            var told = fields.filter { $0.key == Key.technique || $0.key != Key.selector && usual[$0.key] != $0.value }
            let chosen = selector.filter { everything[$0.key] != $0.value }
            if !chosen.isEmpty { told[Key.selector] = .object(chosen) }
            return .object(told)
        }
    }
}

extension Recipe {
    /// The recipe without the settings that have their defaults; reading it gives the same recipe.
    var withoutDefaults: JSONValue {
        get throws {
            guard case .object(var fields) = try JSONValue(encoding: self) else { return .null }
            fields["stages"] = .array(try stages.map { try $0.withoutDefaults })
            return .object(fields)
        }
    }
}

extension Technique {
    /// Starts from the defaults and replaces the given settings.
    static func decode(_ settings: JSONValue) throws -> Self {
        try Settings.overlay(Self(), with: settings, subject: name)
    }
}

/// Lays a user's keys over a value's defaults, so that defaults are written once and a misspelt key is refused by name.
enum Settings {
    static func overlay<Value: Codable>(_ standard: Value, with settings: JSONValue, subject: String) throws -> Value {
        guard case .object(var all) = try JSONValue(encoding: standard), case .object(let given) = settings else {
            throw CompressionError(
                code: .invalidRecipe, subject: subject, problem: "its settings are no list of keys and values.",
                remedy: "Write them as `key: value` lines.")
        }
        for (name, value) in given.sorted(by: { $0.key < $1.key }) {
            guard all[name] != nil else {
                let known = all.keys.sorted().joined(separator: ", ")
                let others = subject.hasSuffix("where") ? "" : "; and `where`"
                throw CompressionError(
                    code: .unknownSetting, subject: subject, problem: "there is no setting named '\(name)'.",
                    remedy: known.isEmpty ? "It takes none: leave this out." : "Known: \(known)\(others).")
            }
            all[name] = value
        }
        do {
            return try JSONValue.object(all).decoded(as: Value.self)
        } catch let error as DecodingError {
            guard let key = given.keys.sorted().first(where: { !accepts($0, given, by: standard) }),
                let values = SettingValues(of: key, in: standard), let value = given[key]
            else {
                throw CompressionError(
                    code: .invalidSetting, subject: subject, problem: "a setting can not be read (\(error)).",
                    remedy: "See `pith recipes show int8` for an example.")
            }
            throw CompressionError(
                code: .invalidSetting, subject: subject, problem: "'\(key)' is \(value.words), not \(values.kind).",
                remedy: values.remedy)
        }
    }

    /// Whether one setting alone can be decoded: the decoder does not always say which could not.
    private static func accepts<Value: Codable>(_ key: String, _ given: [String: JSONValue], by standard: Value) -> Bool
    {
        guard case .object(var all)? = try? JSONValue(encoding: standard) else { return true }
        all[key] = given[key]
        return (try? JSONValue.object(all).decoded(as: Value.self)) != nil
    }
}
