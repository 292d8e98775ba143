import Foundation
import PithFormats
import PithModel
import PithTensor
import PithTestSupport
import Testing

/// Cards of the shared folder; the numbers are NumPy's, computed by an independent reader of cards.
@Suite struct SharedCardTests {
    static func open(_ name: String, _ inputs: [ValueInfo]) throws -> Dataset {
        try Dataset(path: SharedData.url("cards/\(name).yaml").path, graphInputs: inputs)
    }

    @Test(.enabled(if: SharedData.has("datasets/cifar10-3000.npz"), "the shared folder has no CIFAR-10"))
    func `CIFAR-10 images equal NumPy's bit for bit`() throws {
        let data = try SharedCardTests.open(
            "resnet-cifar10", [DatasetTests.input("input", .float32, [nil, 3, 32, 32])])
        let rows = try #require(try data.inputs(rows: [500, 2999])["input"])
        #expect(rows.shape.dimensions == [2, 3, 32, 32])
        let values = rows.elements(as: Float.self)
        #expect(
            [0, 1, 1024, 2048, 3071, 3072, 6143].map { values[$0].bitPattern } == [
                0xbf59c5a6, 0xbf87308d, 0x3e8ce85a, 0xbf4b262a, 0x3f3908b1, 0x3f889d4c, 0x3f968576,
            ])
        #expect(try data.labels(rows: [500, 2999]) == Tensor(vector: [9, 3] as [UInt8]))
        #expect(data.calibrationRows == 0..<500 && data.evaluationRows == 500..<3000)
    }

    @Test(.enabled(if: SharedData.has("datasets/kws-1000.npz"), "the shared folder has no keyword data"))
    func `Keyword features equal NumPy's bit for bit`() throws {
        let data = try SharedCardTests.open("kws", [DatasetTests.input("input", .float32, [nil, 1, 49, 10])])
        let values = try #require(try data.inputs(rows: [200])["input"]).elements(as: Float.self)
        #expect([0, 1, 10, 489].map { values[$0].bitPattern } == [0xc22abbb6, 0xc015af20, 0xc22864fa, 0xbf15af40])
    }

    @Test(.enabled(if: SharedData.has("datasets/stsb-tokens.npz"), "the shared folder has no STS-B"))
    func `STS-B pairs sentence i with sentence i + 1379`() throws {
        let data = try SharedCardTests.open(
            "minilm", [DatasetTests.input("input_ids", .int64), DatasetTests.input("attention_mask", .int64)])
        #expect(data.metric == .spearman && data.pairOffset == 1379)
        #expect(data.sampleRows(128..<130) == [128, 129, 1507, 1508])
        #expect(try data.pairScores(128..<131) == [5.0, 4.25, 3.4000000953674316])
        let ids = try #require(try data.inputs(rows: [128, 1507])["input_ids"]?.integers())
        #expect([0, 1, 2, 46, 47, 48].map { ids[$0] } == [101, 2048, 2273, 101, 2048, 2273])
    }

    @Test(.enabled(if: SharedData.has("datasets/dtln.npz"), "the shared folder has no DTLN data"))
    func `Half floats become the same Float`() throws {
        let data = try SharedCardTests.open(
            "dtln-1",
            [
                DatasetTests.input("input_2", .float32, [1, 1, 257]),
                DatasetTests.input("input_3", .float32, [1, 2, 128, 2]),
            ])
        let values = try #require(try data.inputs(rows: [1000])["input_2"]).elements(as: Float.self)
        #expect([0, 1, 100, 256].map { values[$0].bitPattern } == [0x3f08e000, 0x3fa06000, 0x3e3d0000, 0x3d8b6000])
        #expect(data.carried == ["input_3": "tf_op_layer_stack_2"])
    }
}
