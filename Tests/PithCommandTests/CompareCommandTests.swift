import Foundation
import PithModel
import Testing

#if canImport(FoundationXML)
    import FoundationXML
#endif

@Suite(.enabled(if: Program.isBuilt && Program.hasRuntime, "needs the release build of pith and ONNX Runtime"))
struct CompareCommandTests {
    private func run(_ arguments: [String], _ workshop: Workshop) throws -> Program.Result {
        try Program.run(["compare"] + arguments, in: workshop)
    }

    /// The texts of a page by the elements around them; the page must be well-formed.
    private final class Page: NSObject, XMLParserDelegate {
        private(set) var texts: [(element: String, text: String)] = []
        private(set) var counts: [String: Int] = [:]
        private(set) var attributes: Set<String> = []

        init(_ html: String) throws {
            super.init()
            let parser = XMLParser(data: Data(html.utf8))
            parser.delegate = self
            try #require(parser.parse(), "\(parser.parserError.map { "\($0)" } ?? "") in line \(parser.lineNumber)")
        }

        func parser(
            _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
            attributes found: [String: String]
        ) {
            counts[name, default: 0] += 1
            attributes.formUnion(found.keys)
            texts.append((name, ""))
        }

        func parser(
            _ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?
        ) {
            texts.append(("", ""))
        }

        func parser(_ parser: XMLParser, foundCharacters string: String) {
            if !texts.isEmpty { texts[texts.count - 1].text += string }
        }

        func has(_ text: String, in element: String) -> Bool {
            texts.contains { $0.element == element && $0.text == text }
        }
    }

    @Test func `candidates are printed as one object with all figures`() throws {
        let workshop = try Workshop()
        let result = try run(
            ["model.onnx", "int8", "model.onnx", "--data", "card.yaml", "--profile", "none", "--format", "json"],
            workshop)
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.errors.isEmpty)
        let json = result.json
        #expect(Set(json.keys) == ["reference", "data", "isMadeUp", "candidates", "notes", "seconds"])
        #expect(json["isMadeUp"] as? Bool == false)
        let reference = try #require(json["reference"] as? [String: Any])
        #expect(reference["bytes"] as? Int == 409_748)
        #expect(try #require(reference["peakBytes"] as? Int) > 1 << 20)
        let entries = try #require(json["candidates"] as? [[String: Any]])
        #expect(entries.map { $0["name"] as? String } == ["int8", "model.onnx"])
        #expect(entries.map { $0["kind"] as? String } == ["recipe", "model"])
        let keys: Set = [
            "name", "kind", "bytes", "ratio", "bitsPerWeight", "minimumRuntime", "fidelity", "accuracy", "macro",
            "latency", "peakBytes", "outputs", "weakest", "layers", "notes",
        ]
        for entry in entries { #expect(Set(entry.keys) == keys) }
        let layers = try #require((entries[0]["layers"] as? [String: Any])?["layers"] as? [[String: Any]])
        let figures: Set = [
            "layer", "operation", "output", "companions", "ownSqnrDB", "sqnrDB", "ownRoundedSqnrDB", "roundedSqnrDB",
            "bornShare",
        ]
        for layer in layers { #expect(Set(layer.keys) == figures) }
        #expect((entries[0]["fidelity"] as? [String: Any])?["sqnrDB"] as? Double ?? 0 > 30)
        #expect((entries[0]["macro"] as? [String: Any])?["candidate"] is [String: Any])
        let weakest = try #require(entries[0]["weakest"] as? [String: Any])
        let own = layers.compactMap { $0["ownSqnrDB"] as? Double }
        #expect(weakest["ownSqnrDB"] as? Double == own.min())
        // The model itself differs nowhere.
        #expect(entries[1]["weakest"] is NSNull)
        #expect((entries[1]["fidelity"] as? [String: Any])?["sqnrDB"] as? Double == 200)
        #expect(workshop.leftovers.isEmpty)
    }

    @Test func `the table has a row for each model, and a layer is named`() throws {
        let workshop = try Workshop(), before = workshop.names
        let result = try run(
            ["model.onnx", "int8-weights", "clean", "--data", "card.yaml", "--profile", "none"], workshop)
        #expect(result.status == 0, "\(result.errors)")
        let lines = result.output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let header = try #require(lines.firstIndex { $0.hasPrefix("model ") })
        for word in [
            "bytes", "ratio", "SQNR dB", "agreement", "accuracy", "precision", "recall", "F1", "speed", "peak memory",
        ] {
            #expect(lines[header].contains(word), "\(word)")
        }
        #expect(lines[header + 1].hasPrefix("model.onnx"))
        #expect(lines[header + 2].hasPrefix("int8-weights"))
        #expect(lines[header + 3].hasPrefix("clean"))
        #expect(lines.contains { $0.hasPrefix("int8-weights: layer '") && $0.contains("loses most") })
        #expect(workshop.names == before)
        #expect(workshop.leftovers.isEmpty)
    }

    @Test func `without data inputs are made up, and that is said first`() throws {
        let workshop = try Workshop(), result = try run(["model.onnx", "clean"], workshop)
        #expect(result.status == 0)
        #expect(result.errors.hasPrefix("no --data: models are compared on made-up inputs"))
        #expect(result.output.hasPrefix("note: No data was given"))
        #expect(!result.output.contains("accuracy"))
    }

    @Test func `the page is well-formed, needs nothing else and escapes names`() throws {
        let workshop = try Workshop(), odd = "<b>&\"'</script>\u{1}"
        try workshop.model("odd <i>&.onnx") { model in
            let place = try #require(model.graph.nodes.firstIndex { $0.isStandard("Conv") })
            model.graph.nodes[place].name = odd
        }
        let result = try run(
            ["odd <i>&.onnx", "./odd <i>&.onnx", "int8-weights", "--data", "card.yaml", "--report", "page.html"],
            workshop)
        #expect(result.status == 0, "\(result.errors)")
        let html = try String(contentsOfFile: workshop.path("page.html"), encoding: .utf8)
        let page = try Page(html)
        #expect(page.has("Comparison with odd <i>&.onnx", in: "h1"))
        #expect(page.has("./odd <i>&.onnx", in: "td"))
        #expect(page.has("<b>&\"'</script>\u{FFFD}", in: "td"))
        // One plot of sizes and one of layers for each candidate; a point for each.
        #expect(page.counts["svg"] == 3)
        #expect(page.counts["circle"] == 2)
        #expect(try #require(page.counts["rect"]) > 10)
        #expect(page.counts["i"] == nil && page.counts["script"] == nil && page.counts["link"] == nil)
        #expect(page.attributes.isDisjoint(with: ["src", "href", "onload"]))
        #expect(workshop.names.filter { $0.hasPrefix(".") }.isEmpty)
    }

    @Test func `what can not be done ends with its code and leaves nothing`() throws {
        let workshop = try Workshop()
        try workshop.write("broken.onnx", "no model")
        let before = workshop.names
        let cases: [(arguments: [String], status: Int32, words: String)] = [
            (["model.onnx", "int9"], 2, "candidate 'int9'"), (["model.onnx", "int9.onnx"], 3, "candidate 'int9.onnx'"),
            (["model.onnx", "broken.onnx"], 3, "broken.onnx"),
            (["nothing.onnx", "clean"], 3, "nothing.onnx"),
            (["model.onnx", "clean", "--report", "no/such/page.html"], 1, "no/such/page.html"),
            (
                ["model.onnx", "clean", "--data", "card.yaml", "--report", "digits.npz"], 2,
                "one of the files that are read"
            ),
            (["model.onnx", "clean", "--report", "./model.onnx"], 2, "one of the files that are read"),
            (["model.onnx"], 2, "candidates"), (["model.onnx", "clean", "--threads", "0"], 2, "--threads"),
        ]
        for (arguments, status, words) in cases {
            let extra = arguments.contains("--report") ? [] : ["--report", "page.html"]
            let result = try run(arguments + extra, workshop)
            #expect(result.status == status, "\(arguments): \(result.errors)")
            #expect(result.output.isEmpty)
            #expect(result.errors.contains(words), "\(result.errors)")
        }
        #expect(workshop.names == before)
        #expect(workshop.leftovers.isEmpty)
    }
}
