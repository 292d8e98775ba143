/// What a setting takes, in words, as its default tells.
struct SettingValues {
    /// What a value has to be, such as "a whole number".
    let kind: String
    /// What to write instead of a value that is something else.
    var remedy: String { kind.hasPrefix("one of") ? "Use \(kind)." : "Give \(kind)." }

    /// The values of setting `key` of a technique (or a selector); nil for a key that it does not have.
    init?(of key: String, in settings: some Any) {
        guard let standard = Mirror(reflecting: settings).children.first(where: { $0.label == key })?.value else {
            return nil
        }
        kind = SettingValues.kind(like: standard)
    }

    private static func kind(like standard: Any) -> String {
        if let choice = standard as? any CaseIterable & RawRepresentable {
            return "one of \(names(like: choice).joined(separator: ", "))"
        }
        // An empty list passes for a list of anything, so its type is looked at, not what it could be cast to.
        let type = type(of: standard)
        return kinds.first { $0.type == type }?.words ?? "a text"
    }

    private static let kinds: [(type: any Sendable.Type, words: String)] = [
        (Int.self, "a whole number"), (Double.self, "a number"), (Bool.self, "true or false"),
        ([Int].self, "a list of whole numbers, such as [4, 8]"), ([Double].self, "a list of numbers, such as [0.5, 1]"),
        ([String].self, "a list of names, such as [a, b]"),
        ([String: Int].self, "names with whole numbers, such as { a: 4 }"),
    ]

    /// The values of a choice, in the order in which they are declared.
    private static func names<Choice: CaseIterable & RawRepresentable>(like choice: Choice) -> [String] {
        Choice.allCases.map { "\($0.rawValue)" }
    }
}

extension JSONValue {
    /// The value as a recipe would write it, or what it is where that is long.
    var words: String {
        switch self {
        case .null: "nothing"
        case .bool(let flag): "\(flag)"
        case .integer(let number): "\(number)"
        case .number(let number): "\(number)"
        case .string(let text): "'\(text)'"
        case .array: "a list"
        case .object: "a map"
        }
    }
}

// Choices whose files know nothing of recipes' words: their values, in the order of the documentation.

extension StaticQuantizer.ActivationType: CaseIterable {
    /// The values that a recipe may give.
    public static var allCases: [Self] { [.measured, .uint8, .int8] }
}

extension StaticQuantizer.Objective: CaseIterable {
    /// The values that a recipe may give.
    public static var allCases: [Self] { [.balanced, .accuracy] }
}

extension DynamicQuantizer.Kernels: CaseIterable {
    /// The values that a recipe may give.
    public static var allCases: [Self] { [.integer, .measured] }
}

extension DynamicQuantizer.Choice: CaseIterable {
    /// The values that a recipe may give.
    public static var allCases: [Self] { [.every, .measured] }
}

extension BlockComputer.Arithmetic: CaseIterable {
    /// The values that a recipe may give.
    public static var allCases: [Self] { [.measured, .int8, .float] }
}
