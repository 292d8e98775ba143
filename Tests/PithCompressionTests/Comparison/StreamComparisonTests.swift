import Foundation
import PithCompression
import PithEvaluation
import PithFormats
import PithModel
import PithTensor
import Testing

/// One number a row, and a state that starts at zero and is then the output `h` of the row before.
private struct StreamSamples: SampleSource {
    let numbers: [Float]

    var metric: Dataset.Metric { .fidelity }
    var evaluationRows: Range<Int> { numbers.indices }
    var batchSize: Int? { 1 }
    var output: String? { nil }
    var carried: [String: String] { ["state": "h"] }
    var pairOffset: Int? { nil }
    func sampleRows(_ range: Range<Int>) -> [Int] { Array(range) }
    func labels(rows: [Int]) throws(FormatError) -> Tensor? { nil }
    func pairScores(_ range: Range<Int>) throws(FormatError) -> [Double]? { nil }

    func inputs(rows: [Int]) throws(FormatError) -> [String: Tensor] {
        guard let shape = try? Shape([1, 2]) else { return [:] }
        let number = numbers[rows[0]]
        return ["x": Tensor([number, -number], shape: shape), "state": Tensor([0, 0] as [Float], shape: shape)]
    }
}

@Suite(.enabled(if: GraphBench.hasRuntime, "needs ONNX Runtime")) struct StreamComparisonTests {
    /// `h = x + factor * state` on two numbers.
    private func model(_ factor: Float) throws -> Model {
        GraphBench.model(
            [
                Node("MatMul", inputs: ["state", "w"], outputs: ["u"], name: "memory"),
                Node("Add", inputs: ["u", "x"], outputs: ["h"]),
            ], inputs: [GraphBench.input("x", [1, 2]), GraphBench.input("state", [1, 2])], outputs: ["h"],
            weights: [Weight("w", Tensor([factor, 0, 0, factor], shape: try Shape([2, 2])))])
    }

    @Test func `own errors of a stream are measured with the reference's state`() throws {
        let numbers: [Float] = [1, 2, -1, 0.5, 3, 1, -2], source = StreamSamples(numbers: numbers)
        let report = try LayerComparison(reference: model(0.5), candidate: model(0.55), threads: 1)
            .measure(source: source, rows: source.evaluationRows)
        let layer = try #require(report.layers.first)
        #expect(report.layers.count == 1 && layer.layer == "memory" && report.rows == 7)
        // 10 % off from the state the reference has.
        #expect(abs(try #require(layer.ownSqnrDB) - 20) < 0.001)
        var state = 0.0, theirs = 0.0, signal = 0.0, noise = 0.0
        for number in numbers {
            let exact = 0.5 * state, found = 0.55 * theirs
            signal += exact * exact
            noise += (exact - found) * (exact - found)
            state = Double(number) + exact
            theirs = Double(number) + found
        }
        #expect(abs(layer.sqnrDB - 10 * log10(signal / noise)) < 0.001)
        #expect(abs(layer.sqnrDB - 20) > 0.3)
    }
}
