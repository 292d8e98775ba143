import Foundation
import PithCompression
import PithFormats
import Testing

struct RecipeTests {
    private func refusal(_ text: String) -> CompressionError? {
        do {
            _ = try Recipe(text: text, subject: "mine.yaml")
            return nil
        } catch {
            return error as? CompressionError
        }
    }

    @Test(arguments: ["int8", "int8-dynamic", "int8-weights", "fp16", "clean"])
    func `a built-in recipe comes back from its YAML as it was`(
        name: String
    ) throws {
        let recipe = try Recipe.named(name)
        let text = try recipe.yaml
        #expect(text.hasPrefix("version: 1\n"))
        let again = try Recipe(text: text)
        #expect(again.name == name)
        #expect(try again.yaml == text)
        #expect(again.stages.map { type(of: $0.technique).name } == recipe.stages.map { type(of: $0.technique).name })
        #expect(!Recipe.summary(of: name).isEmpty)
    }

    @Test func `JSON is read as well, and what a file leaves out has its default`() throws {
        let recipe = try Recipe(
            text:
                "{\"version\": 1, \"stages\": [{\"technique\": \"quantize.weights\", \"bits\": 4, \"where\": {\"minimumCount\": 9}}]}"
        )
        let technique = try #require(recipe.stages[0].technique as? WeightQuantizer)
        #expect(technique.bits == 4)
        #expect(technique.minimumCount == 512)
        #expect(recipe.stages[0].selector.minimumCount == 9)
    }

    @Test(arguments: [
        ("stages: []", "version"), ("version: 2\nstages: []", "version is not 1"), ("version: 1", "no stages"),
        ("version: 1\nstages: []", "no stages"), ("version: 1\nstage: []", "'stage'"), ("- 1", "no map"),
        ("just text", "no map"),
        ("version: 1\nstages: [ { bits: 4 } ]", "names no technique"), ("version: 1\nstages: [ 7 ]", "stage"),
    ]) func `a recipe that is none is refused with the reason`(text: String, word: String) throws {
        let error = try #require(refusal(text))
        #expect(error.code == .invalidRecipe)
        #expect("\(error)".contains(word), "\(error)")
        #expect(error.subject.contains("mine.yaml"))
        #expect(!error.remedy.isEmpty)
    }

    @Test func `unknown names are refused, and the known ones listed`() throws {
        let technique = try #require(refusal("version: 1\nstages: [ { technique: quantize.magic } ]"))
        #expect(technique.code == .unknownTechnique)
        #expect(technique.problem.contains("'quantize.magic'"))
        #expect(technique.remedy.contains("quantize.weights"))
        let setting = try #require(refusal("version: 1\nstages: [ { technique: quantize.weights, bit: 4 } ]"))
        #expect(setting.code == .unknownSetting)
        #expect(setting.problem.contains("'bit'"))
        #expect(setting.remedy.contains("bits, blockSize, clipping, granularity, minimumCount"))
        let place = try #require(
            refusal("version: 1\nstages: [ { technique: quantize.weights, where: { suffix: [a] } } ]"))
        #expect(place.problem.contains("'suffix'"))
        #expect(place.subject.contains("where"))
    }

    @Test(arguments: [
        ("quantize.weights", "bits: 9", "2...8"), ("quantize.weights", "bits: 1", "2...8"),
        ("quantize.weights", "bits: four", "'bits'"), ("quantize.weights", "bits: 4.5", "'bits'"),
        ("quantize.weights", "bits: null", "'bits'"), ("quantize.static", "calibrator: median", "'calibrator'"),
        ("quantize.static", "percentile: 99", "calibrator"),
        ("quantize.static", "averageWeight: 0.1", "moving-average"),
        ("quantize.static", "averageWeight: 0", "0...1"),
        ("quantize.static", "percentile: 101", "50...100"), ("quantize.static", "calibrationRows: 0", "0 rows"),
        ("quantize.static", "minimumSQNR: 40", "40"), ("quantize.static", "allowedLoss: -1", "-1"),
        ("quantize.static", "minimumSpeedup: -0.5", "-0.5"),
        ("quantize.static", "activationType: int4", "'activationType'"),
        ("quantize.static", "keepFloat: yes", "'keepFloat'"),
        ("quantize.static", "biasCorrection: 3", "'biasCorrection'"),
    ]) func `a value outside its range is refused by name`(technique: String, setting: String, word: String) throws {
        let error = try #require(refusal("version: 1\nstages:\n  - technique: \(technique)\n    \(setting)\n"))
        #expect(error.code == .invalidSetting, "\(error)")
        #expect("\(error)".contains(word), "\(error)")
        #expect("\(error)".contains(technique), "\(error)")
        #expect(!error.remedy.isEmpty)
    }

    @Test(arguments: [
        ("quantize.weights", "bits: 4.5", "'bits' is 4.5, not a whole number. Give a whole number."),
        ("quantize.weights", "symmetric: 1", "'symmetric' is 1, not true or false."),
        (
            "quantize.weights", "clipping: entropy",
            "'clipping' is 'entropy', not one of none, mse. Use one of none, mse."
        ),
        ("quantize.weights", "scales: int8", "one of float32, float16."),
        ("quantize.weights", "where: { operators: Conv }", "'operators' is 'Conv', not a list of names"),
        ("quantize.static", "activationType: int4", "Use one of measured, uint8, int8."),
        ("quantize.static", "calibrator: 3", "one of minmax, percentile, mse, entropy, moving-average, best."),
        ("quantize.static", "objective: speed", "one of balanced, accuracy."),
        ("quantize.dynamic", "kernels: float", "one of integer, measured."),
        ("quantize.dynamic", "layers: all", "one of every, measured."),
        ("compute.blocks", "arithmetic: int4", "one of measured, int8, float."),
        ("quantize.gptq", "rounding: best", "one of nearest, gptq, refined."),
        ("quantize.gptq", "bitsOf: [a]", "'bitsOf' is a list, not names with whole numbers"),
        ("migrate.equalize", "balance: both", "one of weights, activations."),
        ("quantize.half", "format: float8", "one of float16, bfloat16."),
        ("code.trellis", "scope: layer", "one of weight, model, outputs."),
        ("quantize.mixed", "widths: 4", "'widths' is 4, not a list of whole numbers"),
    ]) func `a value of another kind is told with those that are valid`(
        technique: String, setting: String, words: String
    ) throws {
        let error = try #require(refusal("version: 1\nstages:\n  - technique: \(technique)\n    \(setting)\n"))
        #expect(error.code == .invalidSetting)
        #expect("\(error)".contains(words), "\(error)")
    }

    @Test func `the documentation lists the values of every setting that is a choice`() throws {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../../Documentation/Recipes.md")
        let lines = try String(contentsOf: path, encoding: .utf8).split(separator: "\n")
        for type in Catalog.techniques {
            for (key, value) in Mirror(reflecting: type.init()).children {
                guard let key, let choice = value as? any CaseIterable & RawRepresentable else { continue }
                let values = names(like: choice).map { "`\($0)`" }.joined(separator: ", ")
                #expect(lines.contains { $0.hasPrefix("| `\(key)` ") && $0.contains(values) }, "\(type.name) \(key)")
            }
        }
    }

    private func names<Choice: CaseIterable & RawRepresentable>(like choice: Choice) -> [String] {
        Choice.allCases.map { "\($0.rawValue)" }
    }

    @Test func `a recipe file is known by its own name, and a name that is nothing is refused`() throws {
        let scratch = try Scratch()
        try scratch.write("gentle.yaml", "version: 1\nstages: [ { technique: graph.clean } ]\n")
        #expect(try Recipe.named(scratch.path("gentle.yaml")).name == "gentle")
        let error = #expect(throws: CompressionError.self) { try Recipe.named("int9") }
        #expect(error?.code == .unknownRecipe)
        #expect(error?.remedy.contains("int8-weights") == true)
        try scratch.write("broken.yaml", "version: 1\nstages: [")
        let broken = #expect(throws: FormatError.self) { try Recipe.named(scratch.path("broken.yaml")) }
        #expect(broken?.subject.contains("broken.yaml") == true)
    }

    @Test func `a stage that works on the whole graph takes no selector`() throws {
        let error = try #require(
            refusal("version: 1\nstages: [ { technique: graph.clean, where: { minimumCount: 9 } } ]"))
        #expect(error.code == .invalidRecipe)
        #expect(error.subject.contains("graph.clean"))
    }

    @Test func `a number that is none is refused with its key`() throws {
        let error = try #require(
            refusal("version: 1\nstages: [ { technique: quantize.static, minimumSpeedup: .nan } ]"))
        #expect(error.code == .invalidSetting)
        #expect(error.subject.hasSuffix("stages.0.minimumSpeedup"))
        let unknown = try #require(refusal("version: 1\nstages: [ { technique: quantize.weights, exclude: [w] } ]"))
        #expect(unknown.remedy.contains("and `where`"))
    }
}
