import Foundation
import PithEvaluation
import PithFormats
import PithRuntime
import PithTestSupport
import Testing

/// Whether ONNX Runtime is found on this machine.
private let hasRuntime = (try? Runtime.load()) != nil

/// Figures of real models, worked out by numpy and scipy on what ONNX Runtime answers from Python.
@Suite(.enabled(if: SharedData.isPresent && hasRuntime))
struct RealModelTests {
    private func session(_ name: String) throws -> Session {
        try Session(path: SharedData.url("models/\(name).onnx").path)
    }

    private func evaluator(_ model: String, _ card: String, rows: Range<Int>? = nil) throws -> Evaluator {
        let reference = try session(model)
        let data = try Dataset(path: SharedData.url("cards/\(card).yaml").path, for: reference)
        return try Evaluator(source: data, reference: reference, rows: rows)
    }

    @Test func `a deeper network against a shallower one has the counts and distances of numpy`() throws {
        let evaluator = try evaluator("resnet20-cifar10", "resnet-cifar10", rows: 500..<900)
        let report = try evaluator.evaluate(session("resnet56-cifar10"))
        let accuracy = try #require(report.accuracy), fidelity = try #require(report.fidelity)
        #expect(accuracy.reference == 0.8175 && accuracy.candidate == 0.845 && accuracy.samples == 400)
        #expect(abs(try #require(accuracy.difference?.lower95) - -0.06689761964519594) < 1e-12)
        #expect(abs(try #require(accuracy.dropUpper95) - 0.011045054579895802) < 1e-12)
        #expect(abs(fidelity.sqnrDB - 6.46967) < 1e-3 && abs(fidelity.cosine - 0.874111) < 1e-4)
        #expect(abs(try #require(fidelity.agreement) - 0.8075) < 1e-9)
        #expect(abs(try #require(fidelity.kl) - 0.989355) < 1e-4)
    }

    @Test func `the keyword spotter finds each class as often as numpy counts`() throws {
        let evaluator = try evaluator("kws-dscnn", "kws")
        let report = try evaluator.evaluate(session("kws-dscnn"))
        #expect(report.accuracy?.reference == 0.915 && report.accuracy?.drop == 0)
        #expect(report.fidelity?.sqnrDB == 200 && report.fidelity?.kl == 0)
        let classes = try #require(report.classes)
        #expect(classes.entries.map(\.support) == [80, 80, 60, 68, 57, 63, 59, 59, 69, 70, 65, 70])
        #expect(classes.entries.first?.reference.recall == 0.875)
        #expect(classes.confusionReference?.joined().reduce(0, +) == 800)
    }

    @Test func `a graph with a fixed batch of one runs sample by sample`() throws {
        let report = try evaluator("mnist-cntk", "mnist-255", rows: 500..<900).evaluate()
        #expect(report.accuracy?.reference == 0.9875 && report.batch == 1 && report.rows == 400)
    }

    @Test func `a language model has the loss of its log softmax`() throws {
        let accuracy = try #require(try evaluator("kjv-lm", "kjv-lm", rows: 96..<128).evaluate().accuracy)
        #expect(abs(try #require(accuracy.reference) - 2.60304238) < 1e-4)
        #expect(abs(try #require(accuracy.referencePerplexity) - 13.504762) < 2e-3)
    }

    @Test func `sentence pairs correlate with human scores as scipy finds`() throws {
        let report = try evaluator("all-minilm-l6-v2", "minilm", rows: 128..<228).evaluate()
        #expect(abs(try #require(report.accuracy?.reference) - 0.920969) < 1e-4)
        #expect(report.rows == 200 && report.accuracy?.samples == 100)
    }

    @Test func `each of two recurrent models carries its own state`() throws {
        let evaluator = try evaluator("silero-vad", "silero-vad", rows: 300..<500)
        let report = try evaluator.evaluate(session("silero-vad-half"))
        #expect(report.accuracy == nil && report.batch == 1)
        #expect(abs(try #require(report.fidelity).sqnrDB - 16.63053) < 1e-2)
    }

    @Test func `a model is as fast as itself`() throws {
        let evaluator = try evaluator("resnet8-mlperf", "resnet8-cifar10")
        let settings = try Latency(minimumRounds: 30, maximumRounds: 200, budgetSeconds: 0.3)
        let report = try #require(try evaluator.latency(of: [session("resnet8-mlperf")], settings: settings).first)
        #expect(try #require(report.pairedSpeedup) > 0.3 && #require(report.pairedSpeedup) < 3)
    }
}
