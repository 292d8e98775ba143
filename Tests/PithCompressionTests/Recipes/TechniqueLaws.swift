import Foundation
import PithCompression
import PithFormats
import PithModel
import PithTensor
import Testing

/// What holds for every technique of the catalogue.
@Suite(.enabled(if: GraphBench.hasRuntime, "needs ONNX Runtime")) struct TechniqueLaws {
    /// A technique by its place in the catalogue.
    struct Subject: Sendable, CustomTestStringConvertible {
        let type: any Technique.Type
        var testDescription: String { type.name }
    }

    static let subjects = Catalog.techniques.map { Subject(type: $0) }

    /// Samples for ``SmallModels/residual(batch:)``, as a user gives them.
    private func dataset(_ scratch: Scratch, for model: Model) throws -> Dataset {
        let numbers = try SmallModels.tensor([40, 3, 8, 8], seed: 8).elements(as: Float.self)
        try scratch.write("x.npy", npy: numbers, shape: [40, 3, 8, 8])
        let card = try scratch.write(
            "card.yaml", "inputs:\n  x: { file: x.npy }\nmetric: fidelity\ncalibrate: [0, 20]\nevaluate: [20, 40]\n")
        return try Dataset(path: card, graphInputs: model.graph.requiredInputs)
    }

    private func apply(
        _ type: any Technique.Type, to model: Model, _ dataset: Dataset? = nil, threads: Int = 1
    ) async throws -> Workpiece {
        var piece = Workpiece(model: model)
        try await type.init().apply(to: &piece, in: StageContext(dataset: dataset, threads: threads))
        return piece
    }

    @Test func `names are words with a dot, each once`() {
        let names = Self.subjects.map { $0.type.name }
        #expect(Set(names).count == names.count)
        for name in names { #expect(name.wholeMatch(of: /[a-z]+\.[a-z]+/) != nil) }
    }

    @Test(arguments: subjects) func `the default settings are valid and found by name`(subject: Subject) throws {
        try subject.type.init().validate()
        #expect(try Catalog.technique(named: subject.type.name) == subject.type)
    }

    @Test(arguments: subjects) func `settings come back from a recipe as they were`(subject: Subject) throws {
        let recipe = Recipe(name: "law", stages: [Stage(subject.type.init())])
        let text = try recipe.yaml, again = try Recipe(text: text)
        #expect(try again.yaml == text)
        #expect(type(of: again.stages[0].technique) == subject.type)
    }

    @Test(arguments: subjects, [true, false]) func `the same bytes come out every time, at any thread count`(
        subject: Subject, hasData: Bool
    ) async throws {
        let scratch = try Scratch(), model = try SmallModels.residual()
        let data = hasData ? try dataset(scratch, for: model) : nil
        let first = try ONNXWriter.encode(try await apply(subject.type, to: model, data).model)
        for threads in [1, 2, 3] {
            #expect(
                try ONNXWriter.encode(try await apply(subject.type, to: model, data, threads: threads).model) == first)
        }
    }

    @Test(arguments: subjects, [true, false]) func `weights keep their shape, and outputs stay close`(
        subject: Subject, hasData: Bool
    ) async throws {
        let scratch = try Scratch(), model = try SmallModels.residual()
        let piece = try await apply(subject.type, to: model, hasData ? try dataset(scratch, for: model) : nil)
        for weight in model.graph.weights {
            guard let after = piece.model.graph.weights[weight.name] else { continue }
            #expect(after.shape == weight.shape)
            #expect(after.decoded().shape == weight.shape)
        }
        #expect(try GraphBench.isSound(piece.model))
        let x = try SmallModels.tensor([1, 3, 8, 8], seed: 77)
        // Four bits keep less than eight, and mixed widths as much as they are asked to.
        let fourBits = [GPTQQuantizer.name, CompandedQuantizer.name, PiecewiseQuantizer.name]
        let least: Double = fourBits.contains(subject.type.name) ? 12 : subject.type == MixedQuantizer.self ? 20 : 25
        #expect(try GraphBench.agreement(model, piece.model, ["x": x]) > least)
    }

    @Test(arguments: subjects) func `every weight has a row, and bytes are counted once`(subject: Subject) async throws
    {
        let model = try SmallModels.residual(), piece = try await apply(subject.type, to: model)
        let rows = Ledger(original: model, piece: piece).rows
        #expect(Set(model.graph.weights.names).isSubset(of: Set(rows.map(\.weight))))
        #expect(rows.reduce(0) { $0 + $1.bytesBefore } == model.graph.weights.reduce(0) { $0 + $1.byteCount })
        #expect(rows.reduce(0) { $0 + $1.bytesAfter } == piece.model.graph.weights.reduce(0) { $0 + $1.byteCount })
        #expect(rows.allSatisfy { !$0.note.isEmpty })
    }

    @Test(arguments: subjects)
    func `a model without nodes or weights, and a weight without elements, are left in peace`(
        subject: Subject
    ) async throws {
        let bare = GraphBench.model(
            [Node("Identity", inputs: ["x"], outputs: ["y"])], inputs: [GraphBench.input("x", [1])], outputs: ["y"])
        #expect(try await apply(subject.type, to: bare).encodings.isEmpty)
        let empty = GraphBench.model(
            [Node("Concat", inputs: ["x", "w"], outputs: ["y"], attributes: [Attribute("axis", .integer(0))])],
            inputs: [GraphBench.input("x", [-1, 4])], outputs: ["y"],
            weights: [Weight("w", Tensor([Float](), shape: try Shape([0, 4])))])
        let piece = try await apply(subject.type, to: empty)
        let x = try SmallModels.tensor([2, 4], seed: 1)
        #expect(try GraphBench.agreement(empty, piece.model, ["x": x]) == .infinity)
    }

    @Test(arguments: subjects, [Float.nan, .infinity]) func `numbers that are not finite are kept or refused in words`(
        subject: Subject, value: Float
    ) async throws {
        let scratch = try Scratch()
        var model = try SmallModels.residual()
        var numbers = try #require(model.graph.weights["w2"]).decoded().elements(as: Float.self)
        numbers[100] = value
        model.graph.weights["w2"] = Weight("w2", Tensor(numbers, shape: try Shape([16, 16, 3, 3])))
        do {
            let piece = try await apply(subject.type, to: model, try dataset(scratch, for: try SmallModels.residual()))
            let kept = try #require(piece.model.graph.weights["w2"]?.dense)
            #expect(!kept.elements(as: Float.self)[100].isFinite)
        } catch let error as CompressionError {
            #expect(error.code == .nonFiniteWeight)
            #expect(error.subject == "w2")
            #expect(!error.remedy.isEmpty)
        }
    }
}
