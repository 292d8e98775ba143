import Foundation
import PithEvaluation
import Testing

@Suite struct LatencyTests {
    @Test func `medians, spread and both speedups come from the rounds`() throws {
        let settings = try Latency(minimumRounds: 40, maximumRounds: 40, budgetSeconds: 0, warmUpRuns: 2)
        let counter = Counter()
        // Every seventh run is disturbed tenfold, as by another process.
        let reports = try settings.measure(count: 3) { index in
            counter.increment()
            return [0.004, 0.002, 0.008][index] * (counter.value % 7 == 0 ? 10 : 1)
        }
        #expect(reports.count == 2)
        #expect(reports[0].speedup == 2 && reports[1].speedup == 0.5)
        #expect(reports[0].pairedSpeedup == 2 && reports[0].isSteady)
        #expect(reports[0].reference.medianMilliseconds == 4 && reports[0].candidate?.minimumMilliseconds == 2)
        #expect(reports[0].reference.lowerQuartileMilliseconds == 4)
        #expect(reports[0].reference.upperQuartileMilliseconds == 4)
        #expect(reports[0].reference.rounds == 40 && reports[0].reference.runsPerRound == 1)
        #expect(counter.value == 3 * (40 + 2))
        #expect(reports[0].reaches(speedup: 2) && !reports[1].reaches(speedup: 1))
    }

    @Test(arguments: [(0.0041, true), (0.0042, true), (0.0043, false)])
    func `a factor of one asks for no more than not to be slower, chance aside`(seconds: Double, holds: Bool) throws {
        let settings = try Latency(minimumRounds: 20, maximumRounds: 20, budgetSeconds: 0, warmUpRuns: 1)
        let report = try #require(try settings.measure(count: 2) { $0 == 0 ? 0.004 : seconds }.first)
        #expect(report.reaches(speedup: 1) == holds && report.isSlower == !holds)
        #expect(!report.reaches(speedup: 1.001))
        let sure = try #require(report.sureSpeedup)
        #expect(abs(sure - 0.004 / seconds) < 1e-9)
    }

    @Test func `fast models run in blocks and the order turns every round`() throws {
        let settings = try Latency(minimumRounds: 2, maximumRounds: 2, budgetSeconds: 0, warmUpRuns: 1)
        let order = Order()
        let reports = try settings.measure(count: 2) { index in
            order.append(index)
            return index == 0 ? 0.0005 : 0.00003
        }
        #expect(order.values == [0, 1] + [0, 0] + Array(repeating: 1, count: 32) + [0, 0])
        #expect(reports[0].candidate?.runsPerRound == 16)
    }

    @Test func `one model is timed alone and written with nulls`() throws {
        let settings = try Latency(minimumRounds: 3, maximumRounds: 3)
        let report = try #require(try settings.measure(count: 1, threads: 2) { _ in 0.001 }.first)
        #expect(report.speedup == nil && report.threads == 2 && !report.reaches(speedup: 1))
        let text = String(decoding: try JSONEncoder().encode(report), as: UTF8.self)
        #expect(text.contains("\"candidateMilliseconds\":null") && text.contains("\"referenceMilliseconds\":1"))
        #expect(try JSONDecoder().decode(LatencyReport.self, from: Data(text.utf8)) == report)
    }

    @Test func `settings without rounds are refused`() {
        let error = #expect(throws: EvaluationError.self) { try Latency(minimumRounds: 0) }
        #expect(error?.code == .invalidSettings)
        #expect(throws: EvaluationError.self) { try Latency(budgetSeconds: .nan) }
    }

    @Test func `models are timed on the first sample`() throws {
        let source = MemorySource(evaluationRows: 1..<3, features: ["x": [[1], [2], [3]]])
        let model = FunctionModel(rows: { $0 })
        let reports = try Evaluator(source: source, reference: model).latency(
            of: [model], settings: Latency(minimumRounds: 5, maximumRounds: 5))
        #expect(try #require(reports.first).reference.medianMilliseconds > 0)
    }

    @Test func `a busy machine shows in the report, and the quiet rounds tell the speed`() throws {
        let settings = try Latency(minimumRounds: 40, maximumRounds: 40, budgetSeconds: 0, warmUpRuns: 2)
        let counter = Counter()
        // Two runs of three are disturbed, the candidate's more than the reference's.
        let report = try #require(
            try settings.measure(count: 2) { index in
                counter.increment()
                return [0.004, 0.002][index] * (counter.value / 2 % 3 == 0 ? 1 : index == 0 ? 5 : 20)
            }.first)
        #expect(report.speedup == 2 && !report.isSteady)
        #expect(report.reaches(speedup: 2) && !report.reaches(speedup: 2.1))
    }
}
