import PithCompression
import PithEvaluation
import PithRuntime
import PithTensor
import Synchronization
import Testing

@Suite struct ParallelEvaluatorTests {
    /// Adds `error` to every third number, and notes how many rows each run has.
    private final class Copier: InferenceModel {
        let error: Float
        let runs = Mutex<[Int]>([])

        init(error: Float) { self.error = error }

        var inputNames: [String] { ["x"] }
        var outputNames: [String] { ["y"] }
        func fixedBatch(ofInput name: String) -> Int? { nil }

        func run(_ inputs: [String: Tensor], outputs: [String]?) throws(RuntimeError) -> [String: Tensor] {
            guard let x = inputs["x"] else { return [:] }
            runs.withLock { $0.append(x.shape.dimensions[0]) }
            let numbers = x.elements(as: Float.self).map { $0 + (Int($0 * 100) % 3 == 0 ? error : 0) }
            return ["y": Tensor(numbers, shape: x.shape)]
        }
    }

    private func errors(rows: Int, batch: Int?, threads: Int) async throws -> (errors: [OutputError], runs: [Int]) {
        let candidate = Copier(error: 0.01)
        let source = MemorySamples("x", try SmallModels.tensor([64, 5], seed: 3), batchSize: batch)
        let evaluator = try await ParallelEvaluator(
            source: source, reference: Copier(error: 0), rows: 0..<rows, threads: threads)
        return (try await evaluator.errors(of: candidate), candidate.runs.withLock { $0.sorted() })
    }

    @Test(arguments: [1, 2, 17, 64]) func `errors do not depend on the number of threads`(rows: Int) async throws {
        let one = try await errors(rows: rows, batch: nil, threads: 1)
        for threads in [2, 8] {
            let found = try await errors(rows: rows, batch: nil, threads: threads)
            #expect(found.errors == one.errors && found.runs == one.runs)
        }
        #expect(one.runs.reduce(0, +) == rows)
        #expect(one.errors.count == 1 && one.errors[0].sqnrDB > 20 && one.errors[0].sqnrDB < 80)
    }

    @Test func `few rows make four parts, and the card has the last word on the batch`() async throws {
        #expect(try await errors(rows: 16, batch: nil, threads: 2).runs == [4, 4, 4, 4])
        #expect(try await errors(rows: 16, batch: 8, threads: 2).runs == [8, 8])
        #expect(try await errors(rows: 64, batch: 32, threads: 2).runs == [32, 32])
    }

    @Test func `no rows are refused`() async throws {
        let error = await #expect(throws: EvaluationError.self) {
            _ = try await errors(rows: 0, batch: nil, threads: 2)
        }
        #expect(error?.code == .emptyRange)
    }
}
