import PithFormats
import Testing

@Suite struct YAMLDocumentTests {
    static func parse(_ text: String) throws -> ConfigurationValue { try YAMLDocument.parse(text, named: "x.yaml") }

    static func value(_ text: String) throws -> ConfigurationValue? {
        guard case .map(let map) = try parse("key: \(text)") else { return nil }
        return map["key"]
    }

    struct Case: CustomTestStringConvertible, Sendable {
        let text: String, value: ConfigurationValue
        var testDescription: String { text }
    }

    @Test(arguments: [
        Case(text: "", value: .null), Case(text: "~", value: .null), Case(text: "true", value: .bool(true)),
        Case(text: "False", value: .bool(false)), Case(text: "12", value: .integer(12)),
        Case(text: "-7", value: .integer(-7)), Case(text: "+7", value: .integer(7)),
        Case(text: "0x1f", value: .integer(31)), Case(text: "0o17", value: .integer(15)),
        Case(text: "1.5", value: .number(1.5)), Case(text: "1e-3", value: .number(0.001)),
        Case(text: ".5", value: .number(0.5)), Case(text: "-.inf", value: .number(-.infinity)),
        Case(text: "99999999999999999999", value: .number(1e20)), Case(text: "yes", value: .string("yes")),
        Case(text: "12:30", value: .string("12:30")), Case(text: "'12'", value: .string("12")),
        Case(text: "\"a\\tb\"", value: .string("a\tb")), Case(text: "!!str 12", value: .string("12")),
        Case(text: "0x", value: .string("0x")), Case(text: "0x-1", value: .string("0x-1")),
        Case(text: "1.2.3", value: .string("1.2.3")), Case(text: "e5", value: .string("e5")),
        Case(text: "[1, a, [2.5]]", value: .list([.integer(1), .string("a"), .list([.number(2.5)])])),
        Case(
            text: "{ b: 1, a: 2 }",
            value: .map(
                ConfigurationMap([
                    .init(key: "b", value: .integer(1)), .init(key: "a", value: .integer(2)),
                ]))),
    ])
    func `Scalars follow the core schema of YAML 1,2`(item: Case) throws {
        #expect(try YAMLDocumentTests.value(item.text) == item.value)
    }

    @Test func `Keys keep their order and their lines`() throws {
        guard case .map(let map) = try YAMLDocumentTests.parse("z: 1\n\n# note\na:\n  k: [1,\n   2]\nm: x\n") else {
            Issue.record("no map")
            return
        }
        #expect(map.entries.map(\.key) == ["z", "a", "m"])
        #expect(map.entries.map(\.line) == [1, 4, 7])
    }

    @Test func `A short text and an empty one are read`() throws {
        #expect(try YAMLDocumentTests.parse("") == .null)
        #expect(try YAMLDocumentTests.parse("a: b") == .map(ConfigurationMap([.init(key: "a", value: .string("b"))])))
        #expect(try YAMLDocumentTests.parse("7") == .integer(7))
        #expect(
            try YAMLDocumentTests.parse("{\"a\": [1, true, null]}")
                == .map(
                    ConfigurationMap([
                        .init(key: "a", value: .list([.integer(1), .bool(true), .null]))
                    ])))
    }

    @Test(arguments: [
        ("a: 1\na: 2", "'a'"), ("a: [1", "line"), ("a: 1\n\tb: 2", "line"), ("a: !magic 1", "tag"),
        ("? [1]\n: 2", "key"),
        ("a: 1\n---\nb: 2", "document"), ("a: *none", "alias"), ("<<: {a: 1}", "key"),
    ])
    func `Text that is no plain YAML is refused with its line`(text: String, word: String) {
        let refused = refusal { try YAMLDocumentTests.parse(text) }
        #expect(refused?.code == .invalidCard)
        #expect(refused?.says("x.yaml", word) == true)
    }

    @Test func `Aliases that multiply and nesting without end are refused at once`() {
        let lines = (0..<40).map { "a\($0): &a\($0) [*a\($0 - 1), *a\($0 - 1)]" }
        let bomb = (["a: &a-1 [1]"] + lines).joined(separator: "\n")
        #expect(refusal { try YAMLDocumentTests.parse(bomb) }?.says("aliases") == true)
        for opening in ["[", "{a: ", "- ", "? ", "[a: "] {
            for count in [65, 500, 5000, 100_000] {
                let text = String(repeating: opening, count: count)
                #expect(refusal { try YAMLDocumentTests.parse(text) }?.code == .invalidCard)
                let closed = text + "1" + String(repeating: opening.hasPrefix("{") ? "}" : "]", count: count)
                #expect(refusal { try YAMLDocumentTests.parse(closed) }?.code == .invalidCard)
            }
        }
        #expect(throws: FormatError.self) {
            try YAMLDocumentTests.parse("[" + String(repeating: "1,", count: 100_000) + "]")
        }
    }

    @Test func `What is written is read back the same`() throws {
        let texts = [
            "", "12", "true", "null", "~", "1e3", "yes", "a: b", "- x", "# no", "line\nbreak", "tab\there", " lead",
            "é 漢 🙂",
            "'quoted'", "\"double\"", "{a}", "[b]", "*star", "&and", "!bang", "%per", "@at", "`tick", "<<", "a #b",
            "trail ",
            ".inf", "0x10", "12:30", "\u{7f}", "|", ">", "?", "-",
        ]
        var map = ConfigurationMap()
        for (index, text) in texts.enumerated() { map["k\(index)"] = .string(text) }
        for (index, number) in [0, -0.0, 1.5, 1e300, .leastNonzeroMagnitude, .infinity, 0.1, 3].enumerated() {
            map["n\(index)"] = .number(number)
        }
        map["list"] = .list([.integer(1), .null, .bool(false), .string("x, y"), .list([]), .map(ConfigurationMap())])
        map["flat"] = .list([.integer(1), .number(2.5), .string("a, b"), .string("[")])
        map["deep"] = .list([.map(ConfigurationMap([.init(key: "true", value: .integer(Int.min))]))])
        for (index, text) in texts.enumerated() where !text.isEmpty { map["key \(index) \(text)"] = .integer(index) }
        let written = try YAMLDocument.text(of: .map(map))
        #expect(try YAMLDocumentTests.parse(written) == .map(map))
        #expect(try YAMLDocument.text(of: YAMLDocumentTests.parse(written)) == written)
    }

    @Test func `Recipes are written in the form people write`() throws {
        let text =
            "version: 1\nstages:\n- technique: quantize.grouped\n  bits: 4\n  where:\n    suffixes: [.weight, .bias]\n"
        #expect(try YAMLDocument.text(of: YAMLDocumentTests.parse(text)) == text)
    }

    @Test func `Every truncation and every flipped bit returns or throws`() {
        let good = "inputs:\n  x: { file: a.npz, axes: [0, 1], s: 1e-3 }\nk: &a 'q'\nl: *a\nm: |\n  text\n"
        for bytes in Damage.truncations(of: Array(good.utf8)) + Damage.flips(of: Array(good.utf8)) {
            guard let text = String(validating: bytes, as: UTF8.self) else { continue }
            do { _ = try YAMLDocumentTests.parse(text) } catch { #expect(error is FormatError) }
        }
    }
}
