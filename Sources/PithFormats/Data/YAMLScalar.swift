/// What a plain scalar means in the core schema of YAML 1.2, and how a number is written.
enum YAMLScalar {
    /// The value that `text` stands for when it is written without quotes.
    static func value(of text: String) -> ConfigurationValue {
        switch text {
        case "", "~", "null", "Null", "NULL": .null
        case "true", "True", "TRUE": .bool(true)
        case "false", "False", "FALSE": .bool(false)
        case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF": .number(.infinity)
        case "-.inf", "-.Inf", "-.INF": .number(-.infinity)
        case ".nan", ".NaN", ".NAN": .number(.nan)
        default: number(text) ?? .string(text)
        }
    }

    /// The text that `value(of:)` turns into `number` again.
    static func text(of number: Double) -> String {
        if number.isNaN { return ".nan" }
        if number.isInfinite { return number < 0 ? "-.inf" : ".inf" }
        return "\(number)"
    }

    private static func number(_ text: String) -> ConfigurationValue? {
        if text.hasPrefix("0x") { return whole(text.dropFirst(2), radix: 16) }
        if text.hasPrefix("0o") { return whole(text.dropFirst(2), radix: 8) }
        guard isDecimal(text) else { return nil }
        if let integer = Int(text) { return .integer(integer) }
        return Double(text).map { .number($0) }
    }

    private static func whole(_ digits: Substring, radix: Int) -> ConfigurationValue? {
        guard digits.utf8.allSatisfy({ $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: "+") }) else { return nil }
        return Int(digits, radix: radix).map { .integer($0) }
    }

    /// Whether `text` is `[-+]? ( . digits | digits ( . digits? )? ) ( [eE] [-+]? digits )?`.
    private static func isDecimal(_ text: String) -> Bool {
        var rest = Substring(text)
        func isDigit(_ character: Character) -> Bool { character.isASCII && character.isNumber }
        func dropDigits() -> Int {
            let digits = rest.prefix(while: isDigit)
            rest = rest.dropFirst(digits.count)
            return digits.count
        }
        if let sign = rest.first, sign == "-" || sign == "+" { rest = rest.dropFirst() }
        var count = dropDigits()
        if rest.first == "." {
            rest = rest.dropFirst()
            count += dropDigits()
        }
        guard count > 0 else { return false }
        guard let mark = rest.first, mark == "e" || mark == "E" else { return rest.isEmpty }
        rest = rest.dropFirst()
        if let sign = rest.first, sign == "-" || sign == "+" { rest = rest.dropFirst() }
        return dropDigits() > 0 && rest.isEmpty
    }
}
