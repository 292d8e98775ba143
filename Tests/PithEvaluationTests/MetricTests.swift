import PithEvaluation
import PithTensor
import Testing

@Suite struct MetricTests {
    @Test func `outputs are read as rows along the last axis that matters`() throws {
        func layout(_ axes: [Int], samples: Int) throws -> [Int] {
            let shape = try Shape(axes)
            let rows = try OutputRows(
                Tensor([Float](repeating: 0, count: shape.count), shape: shape), samples: samples, name: "y")
            return [rows.sampleCount, rows.rowsPerSample, rows.width]
        }
        #expect(try layout([4, 3], samples: 4) == [4, 1, 3])
        #expect(try layout([4, 3, 1, 1], samples: 4) == [4, 1, 3])
        #expect(try layout([4, 1], samples: 4) == [4, 1, 1])
        #expect(try layout([4], samples: 4) == [4, 1, 1])
        #expect(try layout([4, 5, 7], samples: 4) == [4, 5, 7])
        #expect(try layout([], samples: 1) == [1, 1, 1])
        #expect(try layout([5, 2], samples: 1) == [1, 5, 2])
        let error = #expect(throws: EvaluationError.self) { try layout([5, 2], samples: 4) }
        #expect(error?.code == .invalidOutput)
        #expect(error?.description.hasPrefix("output 'y': its shape 5x2 does not start with the 4 samples") == true)
        #expect(error?.remedy.contains("`batch: 1`") == true)
        let fixed = #expect(throws: EvaluationError.self) {
            try OutputRows(Tensor(vector: [1, 2] as [Float]), samples: 64, isBatchFixed: true, name: "y")
        }
        #expect(fixed?.remedy.contains("batch: 1") == false && fixed?.remedy.contains("export") == true)
    }

    @Test func `the top class is the first of equals and a NaN has none`() {
        let rows = OutputRows([1, 3, 3, .nan, 9, 1, -.infinity, -2, -3], sampleCount: 3)
        #expect(rows.topClass(ofRow: 0) == 1)
        #expect(rows.topClass(ofRow: 1) == nil)
        #expect(rows.topClass(ofRow: 2) == 1)
        #expect(rows.isTop(2, ofRow: 0, among: 2) && !rows.isTop(2, ofRow: 0, among: 1))
        #expect(!rows.isTop(1, ofRow: 1, among: 3))
    }

    @Test func `precision, recall and F1 agree with those counted by hand`() throws {
        var matrix = ConfusionMatrix()
        for (label, predicted) in zip([0, 0, 1, 1, 2, 2], [0, 1, 1, 1, 2, 0]) {
            matrix.add(label: label, predicted: predicted)
        }
        #expect(matrix.scores(of: 0) == .init(precision: 0.5, recall: 0.5, f1: 0.5))
        #expect(matrix.scores(of: 1) == .init(precision: 2.0 / 3, recall: 1, f1: 0.8))
        #expect(matrix.scores(of: 2) == .init(precision: 1, recall: 0.5, f1: 2.0 / 3))
        let macro = try #require(matrix.macro)
        #expect(abs(macro.precision - 13.0 / 18) < 1e-15)
        #expect(abs(macro.recall - 2.0 / 3) < 1e-15)
        #expect(abs(macro.f1 - (0.5 + 0.8 + 2.0 / 3) / 3) < 1e-15)
        #expect(matrix.accuracy == 4.0 / 6)
        #expect(matrix.rows == [[1, 1, 0], [0, 2, 0], [1, 0, 1]])
    }

    @Test func `a class without labels stays out of macro averages and without samples there are none`() throws {
        var matrix = ConfusionMatrix(classCount: 4)
        #expect(matrix.accuracy == nil && matrix.macro == nil)
        matrix.add(label: 0, predicted: 0)
        matrix.add(label: 0, predicted: 3)
        matrix.add(label: 1, predicted: nil)
        let macro = try #require(matrix.macro)
        #expect(macro.recall == 0.25 && macro.precision == 0.5)
        #expect(matrix.scores(of: 2) == .init(precision: 0, recall: 0, f1: 0))
        #expect(matrix.accuracy == 1.0 / 3)
        #expect(matrix.classCount == 4)
    }

    @Test func `top five counts a label among the five largest`() throws {
        var scores = ClassificationScores()
        let row: [Float] = [6, 5, 4, 3, 2, 1, 0]
        try scores.add(OutputRows(row + row, sampleCount: 2), labels: [4, 5])
        #expect(scores.topFiveHits == [true, false])
        #expect(scores.predictions(threshold: 0) == [0, 0])
    }

    @Test(arguments: [0, 0.5] as [Float])
    func `one output decides between two classes by its range`(threshold: Float) throws {
        let values: [Float] = threshold == 0 ? [-2, 3, 0.5] : [0.2, 0.7, 0.5]
        var scores = ClassificationScores()
        try scores.add(OutputRows(values, sampleCount: 3), labels: [0, 1, 1])
        #expect(scores.threshold == threshold)
        #expect(scores.predictions(threshold: scores.threshold) == [0, 1, threshold == 0 ? 1 : 0])
    }

    @Test func `an integer output is the class itself`() throws {
        var scores = ClassificationScores()
        let outputs = try OutputRows(Tensor(vector: [3, -1, 9] as [Int64]), samples: 3, name: "label")
        try scores.add(outputs, labels: [3, 0, 8])
        #expect(scores.predictions(threshold: 0) == [3, nil, 9])
        #expect(scores.confusion(threshold: 0).accuracy == 1.0 / 3)
    }

    @Test func `labels that are no classes are refused`() throws {
        let whole = try ClassificationScores.classes(from: matrix([[2], [0]]), samples: 2)
        #expect(whole == [2, 0])
        for labels in [matrix([[1.5]]), matrix([[-1]]), matrix([[.nan]]), matrix([[1, 2]]), matrix([[1e9]])] {
            let error = #expect(throws: EvaluationError.self) {
                try ClassificationScores.classes(from: labels, samples: 1)
            }
            #expect(error?.code == .invalidLabels)
        }
        var scores = ClassificationScores()
        let error = #expect(throws: EvaluationError.self) {
            try scores.add(OutputRows([1, 2, 3], sampleCount: 1), labels: [3])
        }
        #expect(error?.problem == "label 3 is no class of the output, whose classes are 0..<3.")
    }

    @Test func `errors are means over all numbers`() throws {
        let outputs = OutputRows([1, 2, 3, 5], sampleCount: 2)
        var squared = MeanSquaredError(), absolute = MeanAbsoluteError()
        #expect(squared.value == nil)
        try squared.add(outputs, against: [1, 0, 0, 1])
        try absolute.add(outputs, against: [1, 0, 0, 1])
        #expect(squared.value == 7.25 && squared.mean.sums == [4, 25])
        #expect(absolute.value == 2.25 && absolute.mean.weights == [2, 2])
        #expect(throws: EvaluationError.self) { try squared.add(outputs, against: [1]) }
        try squared.add(OutputRows([.nan], sampleCount: 1), against: [1])
        #expect(squared.value == nil)
    }

    @Test func `the cosine of zeros and of broken rows is defined`() throws {
        var cosine = CosineSimilarity()
        try cosine.add(OutputRows([3, 4, 0, 0, 0, 0, 1, .nan], sampleCount: 4), against: [4, 3, 0, 0, 1, 0, 1, 1])
        #expect(cosine.mean.sums == [0.96, 1, 0, 0])
        #expect(cosine.value == 0.49)
    }

    @Test func `perplexity agrees with a log softmax computed elsewhere`() throws {
        var perplexity = Perplexity()
        let logits: [Float] = [1, 2, 3, 0, 0, 0, 1, 0, -1, 0, 1, 0, 2, 2, 0, 5, 5, 5]
        try perplexity.add(
            OutputRows(logits, sampleCount: 2, rowsPerSample: 3), against: .init(ids: [0, 2, 1, 1, 1, 0]))
        // numpy: the mean of .40760596, 1.09861229, .55144471 and .75862368.
        #expect(abs(try #require(perplexity.value) - 0.7040716606810136) < 1e-12)
        #expect(abs(try #require(perplexity.perplexity) - 2.021968740288925) < 1e-12)
        #expect(perplexity.mean.weights == [2, 2])
    }

    @Test func `perplexity leaves padding out and refuses foreign tokens`() throws {
        let outputs = OutputRows([1, 2, 3, 0, 0, 0, 1, 0, -1], sampleCount: 1, rowsPerSample: 3)
        var perplexity = Perplexity()
        try perplexity.add(outputs, against: .init(ids: [0, 2, 1], mask: [true, true, false]))
        #expect(perplexity.mean.weights == [1])
        #expect(abs(try #require(perplexity.value) - 0.40760596) < 1e-8)
        let error = #expect(throws: EvaluationError.self) {
            try perplexity.add(outputs, against: .init(ids: [0, 3, 1]))
        }
        #expect(error?.problem == "token 3 is outside the vocabulary 0..<3 of the output.")
        #expect(throws: EvaluationError.self) { try perplexity.add(outputs, against: .init(ids: [0])) }
    }

    @Test func `rank correlation averages ties as scipy does`() throws {
        let x: [Double] = [1, 2, 2, 3, 5, 5, 5, 8], y: [Double] = [2, 1, 4, 3, 3, 9, 7, 7]
        let correlation = RankCorrelation(x, y)
        #expect(abs(try #require(correlation.value) - 0.7206220084321181) < 1e-14)
        let drawn = try #require(correlation.value(counts: [2, 0, 1, 3, 1, 0, 2, 1]))
        #expect(abs(drawn - 0.7910017450573422) < 1e-14)
        #expect(RankCorrelation([1, 2, 3], [9, 8, 1]).value == -1)
        #expect(RankCorrelation([1, 1, 1], [1, 2, 3]).value == nil)
        #expect(RankCorrelation([], []).value == nil)
    }
}
