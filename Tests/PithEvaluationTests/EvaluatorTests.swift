import Foundation
import PithEvaluation
import PithFormats
import PithTensor
import Testing

@Suite struct EvaluatorTests {
    /// Rows of three features; the label is the index of the largest.
    private func classification(_ metric: Dataset.Metric, count: Int = 50) -> MemorySource {
        var generator = SplitMix64(seed: 5)
        let rows = (0..<count).map { _ in (0..<3).map { _ in Float(generator.next() >> 40) * 0x1p-24 } }
        var source = MemorySource(metric: metric, evaluationRows: 0..<count, features: ["x": rows])
        source.targets = rows.map { row in [Float(row.firstIndex(of: row.max() ?? 0) ?? 0)] }
        return source
    }

    /// Takes the classes 0 and 1 for each other where the first feature is above .9.
    private let flawed = FunctionModel(rows: { $0[0] > 0.9 ? [$0[1], $0[0], $0[2]] : $0 })
    private let perfect = FunctionModel(rows: { $0 })

    @Test func `accuracy, its drop and the interval are those of the counts`() throws {
        let source = classification(.accuracy)
        let report = try Evaluator(source: source, reference: perfect).evaluate(flawed)
        let accuracy = try #require(report.accuracy)
        let wrong = (source.features["x"] ?? []).count {
            $0[0] > 0.9 && $0[0] >= $0[2] && $0[0] >= $0[1] || ($0[0] > 0.9 && $0[1] > $0[0] && $0[1] > $0[2])
        }
        #expect(wrong > 0)
        #expect(accuracy.reference == 1)
        #expect(accuracy.candidate == Double(50 - wrong) / 50)
        let expected = PairedProportions(referenceOnly: wrong, candidateOnly: 0, samples: 50)
        #expect(accuracy.drop == expected.difference && accuracy.dropUpper95 == expected.interval.upper)
        #expect(accuracy.samples == 50 && report.rows == 50 && report.batch == 32)
        #expect(report.classes?.entries.map(\.support).reduce(0, +) == 50)
        #expect(!accuracy.keeps(maximumDropPoints: 0.5))
    }

    @Test func `the batch does not change the scores`() throws {
        var source = classification(.f1)
        let whole = try Evaluator(source: source, reference: perfect).evaluate(flawed)
        source.batchSize = 7
        let parts = try Evaluator(source: source, reference: perfect).evaluate(flawed)
        #expect(whole.accuracy == parts.accuracy && whole.classes == parts.classes)
        #expect(parts.batch == 7)
        #expect(abs(try #require(whole.fidelity).sqnrDB - #require(parts.fidelity).sqnrDB) < 1e-9)
    }

    @Test func `a graph of fixed batch gets its last run filled up`() throws {
        let source = classification(.accuracy)
        let fixed = FunctionModel(batch: 8, rows: { $0 })
        let report = try Evaluator(source: source, reference: fixed).evaluate(flawed)
        #expect(report.batch == 8 && report.rows == 50 && report.accuracy?.samples == 50)
        #expect(report.accuracy == (try Evaluator(source: source, reference: perfect).evaluate(flawed)).accuracy)
    }

    @Test func `sizes that do not agree are refused by name`() throws {
        var source = classification(.accuracy)
        source.batchSize = 4
        let evaluator = try Evaluator(source: source, reference: FunctionModel(batch: 8, rows: { $0 }))
        let error = #expect(throws: EvaluationError.self) { try evaluator.evaluate() }
        #expect(error?.code == .batchMismatch)
        #expect(error?.problem == "the sizes do not agree: a graph takes exactly 8, the data card says 4.")
    }

    @Test func `kept reference outputs give the same report without running it`() throws {
        let source = classification(.accuracy)
        let counter = Counter()
        let counted = FunctionModel(rows: { row in
            counter.increment()
            return row
        })
        let evaluator = try Evaluator(source: source, reference: counted).keepingReferenceOutputs(upTo: 1 << 20)
        let direct = try Evaluator(source: source, reference: perfect).evaluate(flawed)
        #expect(try evaluator.evaluate(flawed) == direct)
        #expect(try evaluator.evaluate(flawed) == direct)
        #expect(counter.value == 50)
        let refused = try Evaluator(source: source, reference: counted).keepingReferenceOutputs(upTo: 10)
        #expect(try refused.evaluate(flawed) == direct)
    }

    @Test func `macro scores never promise more than the samples can show`() throws {
        for metric in [Dataset.Metric.f1, .precision, .recall] {
            let report = try Evaluator(source: classification(metric), reference: perfect).evaluate(perfect)
            let accuracy = try #require(report.accuracy)
            #expect(accuracy.reference == 1 && accuracy.drop == 0)
            #expect(accuracy.dropUpper95 == PairedDifference.agreementMargin(samples: 50))
            #expect(report.fidelity?.sqnrDB == 200)
        }
    }

    @Test func `losses drop relative to the reference`() throws {
        var source = classification(.mse)
        source.targets = source.features["x"]?.map { $0.map { $0 + 1 } }
        let off = FunctionModel(rows: { $0.map { $0 - 0.1 } })
        let accuracy = try #require(try Evaluator(source: source, reference: perfect).evaluate(off).accuracy)
        #expect(abs(try #require(accuracy.reference) - 1) < 1e-6)
        #expect(abs(try #require(accuracy.candidate) - 1.21) < 1e-6)
        #expect(abs(try #require(accuracy.drop) - 0.21) < 1e-6)
        #expect(abs(try #require(accuracy.dropUpper95) - 0.21) < 1e-5)
        source.metric = .mae
        let absolute = try #require(try Evaluator(source: source, reference: perfect).evaluate(off).accuracy)
        #expect(abs(try #require(absolute.drop) - 0.1) < 1e-6)
    }

    @Test func `cosine without labels holds the candidate against the reference`() throws {
        var source = classification(.cosine)
        source.targets = nil
        let evaluator = try Evaluator(source: source, reference: perfect)
        #expect(try evaluator.evaluate().accuracy == nil)
        let report = try evaluator.evaluate(flawed)
        let accuracy = try #require(report.accuracy)
        #expect(abs(try #require(accuracy.reference) - 1) < 1e-12)
        #expect(abs(try #require(accuracy.candidate) - #require(report.fidelity).cosine) < 1e-12)
        #expect(try #require(accuracy.dropUpper95) > #require(accuracy.drop))
    }

    @Test func `a broken candidate keeps no promise and says so`() throws {
        let broken = FunctionModel(rows: { $0[0] > 0.9 ? [.nan, 0, 0] : $0 })
        let report = try Evaluator(source: classification(.accuracy), reference: perfect).evaluate(broken)
        #expect(report.fidelity?.sqnrDB == -200)
        #expect(report.notes.first?.hasPrefix("Outputs hold numbers that are not finite: 0 of the reference") == true)
        var regression = classification(.mse)
        regression.targets = regression.features["x"]
        let accuracy = try #require(try Evaluator(source: regression, reference: perfect).evaluate(broken).accuracy)
        #expect(accuracy.reference == 0 && accuracy.candidate == nil && accuracy.dropUpper95 == nil)
        #expect(!accuracy.keeps(maximumDropPoints: 50))
    }

    @Test func `a reference without a finite number has nothing to compare with`() throws {
        let lost = FunctionModel(rows: { $0.map { _ in .nan } })
        for candidate in [lost, perfect] {
            let report = try Evaluator(source: classification(.fidelity), reference: lost).evaluate(candidate)
            #expect(report.fidelity == nil)
            #expect(report.notes.first?.contains("of the reference holds no finite number on these rows") == true)
        }
        let alone = try Evaluator(source: classification(.accuracy), reference: lost).evaluate()
        #expect(alone.notes.first?.contains("holds no finite number") == true && alone.fidelity == nil)
    }

    @Test func `missing labels, rows and outputs are refused`() throws {
        var source = classification(.accuracy)
        source.targets = nil
        let labels = #expect(throws: EvaluationError.self) {
            try Evaluator(source: source, reference: perfect).evaluate()
        }
        #expect(labels?.code == .missingLabels)
        source.evaluationRows = 3..<3
        let rows = #expect(throws: EvaluationError.self) { try Evaluator(source: source, reference: perfect) }
        #expect(rows?.code == .emptyRange)
        let output = #expect(throws: EvaluationError.self) {
            try Evaluator(source: source, reference: perfect, rows: 0..<5, output: "z")
        }
        #expect(output?.code == .missingOutput)
        #expect(
            output?.description
                == "output 'z': the model has no such output; it has y. Correct `output` in the data card.")
    }

    @Test func `a report is JSON with every promised key`() throws {
        let report = try Evaluator(source: classification(.accuracy), reference: perfect).evaluate()
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let data = try encoder.encode(report)
        let text = String(decoding: data, as: UTF8.self)
        #expect(text.contains("\"fidelity\":null"))
        #expect(text.contains("\"candidate\":null,\"drop\":null,\"dropLower95\":null,\"dropUpper95\":null"))
        let compared = try Evaluator(source: classification(.accuracy), reference: perfect).evaluate(flawed)
        let again = try JSONDecoder().decode(EvaluationReport.self, from: encoder.encode(compared))
        #expect(again == compared)
    }
}
