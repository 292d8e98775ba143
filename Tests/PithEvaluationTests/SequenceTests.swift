import PithEvaluation
import PithFormats
import PithTensor
import Testing

@Suite struct SequenceTests {
    /// Adds each sample to a state and answers the sum; `decay` is what a candidate loses on the way.
    private func accumulator(decay: Float) -> FunctionModel {
        FunctionModel(inputNames: ["x", "state"], outputNames: ["y", "next"]) { inputs in
            guard let x = inputs["x"]?.floats(), let state = inputs["state"]?.floats() else { return [:] }
            let sum = state[0] * decay + x[0]
            return ["y": matrix([[sum]]), "next": matrix([[sum]])]
        }
    }

    private var stream: MemorySource {
        MemorySource(
            metric: .mae, evaluationRows: 2..<6, carried: ["state": "next"],
            features: ["x": (0..<6).map { [Float($0)] }], constants: ["state": matrix([[0]])],
            targets: [[0], [0], [2], [5], [9], [14]])
    }

    @Test func `each model carries its own state from the start of the range`() throws {
        let report = try Evaluator(source: stream, reference: accumulator(decay: 1)).evaluate(accumulator(decay: 0.5))
        #expect(report.batch == 1)
        #expect(report.accuracy?.reference == 0)
        // 2, 4, 6, 8 against 2, 5, 9, 14.
        #expect(report.accuracy?.candidate == 2.5)
        #expect(report.accuracy?.drop == nil)
    }

    @Test func `carried state refuses larger batches and absent outputs`() throws {
        var source = stream
        source.batchSize = 8
        let evaluator = try Evaluator(source: source, reference: accumulator(decay: 1))
        let error = #expect(throws: EvaluationError.self) { try evaluator.evaluate() }
        #expect(error?.code == .batchMismatch)
        var other = stream
        other.carried = ["state": "after"]
        let missing = #expect(throws: EvaluationError.self) {
            try Evaluator(source: other, reference: accumulator(decay: 1)).evaluate()
        }
        #expect(missing?.subject == "output 'after'" && missing?.code == .missingOutput)
    }

    @Test func `a whole tensor of state asks for one sample a run`() throws {
        var source = stream
        source.carried = [:]
        let report = try Evaluator(source: source, reference: accumulator(decay: 1)).evaluate()
        #expect(report.batch == 1 && report.accuracy?.reference == 4)
    }

    @Test func `perplexity finds its tokens and masks its padding`() throws {
        // The logits are the token's own index at every position: certain of repetition.
        let model = FunctionModel(inputNames: ["input_ids", "attention_mask"], outputNames: ["logits"]) { inputs in
            guard let ids = inputs["input_ids"], let tokens = ids.integers() else { return [:] }
            let rows = tokens.flatMap { token in (0..<3).map { $0 == token ? 2 : 0 as Float } }
            return ["logits": Tensor(rows, shape: shape(ids.shape.dimensions[0], ids.shape.dimensions[1], 3))]
        }
        var source = MemorySource(
            metric: .perplexity, evaluationRows: 0..<12,
            tokens: [
                "input_ids": [[Int]](repeating: [1, 1, 2, 0], count: 12),
                "attention_mask": [[Int]](repeating: [1, 1, 1, 0], count: 12),
            ])
        let accuracy = try #require(try Evaluator(source: source, reference: model).evaluate(model).accuracy)
        // log(e^2 + 2) - 2 for the repeated token, log(e^2 + 2) for the other one.
        #expect(abs(try #require(accuracy.reference) - (2.2395447662 - 1)) < 1e-9)
        #expect(abs(try #require(accuracy.referencePerplexity) - 3.45398) < 1e-4)
        #expect(accuracy.drop == 0 && accuracy.dropUpper95 == 0 && accuracy.samples == 12)
        source.tokens["position_ids"] = source.tokens["attention_mask"]
        source.tokens["other_ids"] = source.tokens.removeValue(forKey: "input_ids")
        let blind = FunctionModel(inputNames: ["other_ids"], outputNames: ["logits"]) { inputs in
            guard let ids = inputs["other_ids"] else { return [:] }
            return [
                "logits": Tensor(
                    [Float](repeating: 0, count: ids.count * 3), shape: shape(ids.shape.dimensions[0], 4, 3))
            ]
        }
        let error = #expect(throws: EvaluationError.self) { try Evaluator(source: source, reference: blind).evaluate() }
        #expect(error?.problem.hasPrefix("3 integer inputs have a token") == true)
    }

    @Test(arguments: [1, 3, 32])
    func `pairs are scored by the cosine of their outputs at any batch`(batch: Int) throws {
        let angles = (0..<20).map { Float($0) * 0.07 }
        let first = [[Float]](repeating: [1, 0], count: 20), second = angles.map { [1 - $0 * $0, $0] }
        var source = MemorySource(
            metric: .spearman, evaluationRows: 4..<20, batchSize: batch, pairOffset: 20, features: ["x": first + second]
        )
        source.scores = (0..<20).map { -Double($0) }
        let same = FunctionModel(rows: { $0 }), squeezed = FunctionModel(rows: { $0[1] > 0.9 ? [1, 0] : $0 })
        let report = try Evaluator(source: source, reference: same).evaluate(squeezed)
        let accuracy = try #require(report.accuracy)
        #expect(accuracy.samples == 16 && report.rows == 32)
        #expect(accuracy.reference == 1)
        #expect(try #require(accuracy.candidate) < 0.95)
        #expect(try #require(accuracy.dropUpper95) > #require(accuracy.drop))
        source.scores = nil
        let error = #expect(throws: EvaluationError.self) { try Evaluator(source: source, reference: same).evaluate() }
        #expect(error?.code == .missingLabels)
    }

    @Test func `constant human scores have no correlation`() throws {
        var source = MemorySource(
            metric: .spearman, evaluationRows: 0..<3, pairOffset: 3, features: ["x": (0..<6).map { [Float($0), 1] }])
        source.scores = [1, 1, 1]
        let model = FunctionModel(rows: { $0 })
        let accuracy = try #require(try Evaluator(source: source, reference: model).evaluate(model).accuracy)
        #expect(accuracy.reference == nil && accuracy.dropUpper95 == nil && accuracy.samples == 3)
    }
}
