import Foundation
import PithCompression
import PithEvaluation
import PithFormats
import PithModel
import PithTestSupport
import Testing

/// Real models through the whole job: it finishes, the ledger is complete, the loop closes, the bytes are the same.
@Suite(
    .enabled(if: GraphBench.hasRuntime, "needs ONNX Runtime"),
    .enabled(if: SharedData.isPresent, "needs the shared data folder"))
struct RealModelJobTests {
    private func run(
        _ model: String, card: String?, recipe: String = "int8", threads: Int = 2
    ) async throws -> CompressionReport {
        let scratch = try Scratch()
        var options = CompressionOptions()
        options.data = card.map { SharedData.url("cards/\($0).yaml").path }
        options.profile = .fixedRules
        options.threads = threads
        let report = try await CompressionJob(
            input: SharedData.url("models/\(model).onnx").path, output: scratch.path("out.onnx"),
            recipe: try Recipe.named(recipe), options: options
        ).run()
        try check(report)
        return report
    }

    private func check(_ report: CompressionReport) throws {
        func constants(_ path: String) throws -> (names: Set<String>, bytes: Int) {
            var names: Set<String> = [], bytes = 0
            try ONNXReader.read(path: path).graph.forEachGraph { graph, path in
                for weight in graph.weights {
                    names.insert(path.qualified(weight.name))
                    bytes += weight.byteCount
                }
                for node in graph.nodes where node.isStandard("Constant") {
                    guard case .tensor(let weight) = node[attribute: "value"], let name = node.outputs.first else {
                        continue
                    }
                    names.insert(path.qualified(name))
                    bytes += weight.byteCount
                }
            }
            return (names, bytes)
        }
        let before = try constants(report.input.path), after = try constants(report.output.path)
        let rows = Set(report.ledger.map(\.weight))
        #expect(before.names.isSubset(of: rows), "\(before.names.subtracting(rows).sorted().prefix(5))")
        #expect(report.ledger.reduce(0) { $0 + $1.bytesBefore } == before.bytes)
        #expect(report.ledger.reduce(0) { $0 + $1.bytesAfter } == after.bytes)
        #expect(report.verification.optimizedSQNR >= report.verification.unoptimizedSQNR - 1)
    }

    @Test(arguments: ["silero-vad", "silero-vad-half", "silero-vad-ifless"])
    func `a model whose inputs hang together is checked on made-up inputs`(model: String) async throws {
        let report = try await run(model, card: nil, recipe: "clean")
        #expect(report.verification.isMadeUp && report.verification.optimizedSQNR >= 80)
    }

    @Test func `resnet20 reaches its accuracy and gives the same bytes with 1, 2 and 3 threads`() async throws {
        var hashes: Set<String> = []
        for threads in 1...3 {
            let report = try await run("resnet20-cifar10", card: "resnet-cifar10", threads: threads)
            hashes.insert(report.output.sha256)
            #expect(report.output.bytes <= 335_000)
            #expect(try #require(report.fidelity).sqnrDB >= 28.4)
            let accuracy = try #require(report.accuracy?.difference)
            #expect(try #require(accuracy.lower95) <= 0)
            #expect(try #require(accuracy.upper95) >= 0)
        }
        #expect(hashes.count == 1)
    }

    @Test(arguments: [
        ("resnet8-mlperf", "resnet8-cifar10", "int8", 22.4, 105_000), ("kws-dscnn", "kws", "int8-weights", 35, 50_000),
    ])
    func `small classifiers keep their answers`(
        model: String, card: String, recipe: String, floor: Double, limit: Int
    ) async throws {
        let report = try await run(model, card: card, recipe: recipe)
        #expect(try #require(report.fidelity).sqnrDB >= floor)
        #expect(report.output.bytes <= limit)
        #expect(try #require(report.accuracy?.difference?.lower95) <= 0)
    }

    @Test(arguments: [
        ("silero-vad", "silero-vad"), ("silero-vad-half", "silero-vad"), ("dtln-1", "dtln-1"), ("dtln-2", "dtln-2"),
    ])
    func `models with a state are compressed and closed over a stream`(model: String, card: String) async throws {
        let report = try await run(model, card: card)
        #expect(report.verification.weightsCompared > 0)
        #expect(report.output.bytes * 2 < report.input.bytes)
        #expect(try #require(report.fidelity).sqnrDB > 20)
    }

    @Test func `the weights inside nested branches of silero-vad have rows of their own`() async throws {
        let report = try await run("silero-vad", card: "silero-vad", recipe: "int8-weights")
        #expect(report.ledger.contains { $0.weight.contains("then_branch/") && $0.technique == "quantize.weights" })
    }

    @Test func `a model without any data is rounded to weights alone`() async throws {
        let report = try await run("ad-autoencoder", card: nil)
        #expect(report.output.bytes * 3 < report.input.bytes)
        #expect(report.accuracy == nil)
        #expect(report.verification.isMadeUp)
    }

    @Test(arguments: ["mnist-cntk", "ultraface-rfb-320"]) func `old files are compressed too`(model: String)
        async throws
    {
        let report = try await run(model, card: model == "mnist-cntk" ? "mnist-255" : nil, recipe: "int8-weights")
        #expect(report.ledger.contains { $0.technique == "quantize.weights" })
    }
}
