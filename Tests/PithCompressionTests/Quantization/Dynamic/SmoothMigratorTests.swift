import PithCompression
import PithModel
import PithTensor
import Testing

@Suite(.enabled(if: GraphBench.hasRuntime, "needs ONNX Runtime")) struct SmoothMigratorTests {
    private func smoothed(_ model: Model, hasData: Bool = true) async throws -> Workpiece {
        let scratch = try Scratch()
        let data = hasData ? try DynamicBench.dataset(scratch, for: model) : nil
        var piece = Workpiece(model: model)
        try await SmoothMigrator().apply(to: &piece, in: StageContext(dataset: data))
        return piece
    }

    private func dynamic(_ piece: Workpiece) async throws -> Model {
        var piece = piece
        try await DynamicQuantizer().apply(to: &piece, in: StageContext())
        return piece.model
    }

    @Test func `the model computes what it did, bit for bit, with one division for three products`() async throws {
        let model = try DynamicBench.products(outlier: 40), piece = try await smoothed(model)
        let added = piece.model.graph.weights.names.filter { model.graph.weights[$0] == nil }
        #expect(added == ["a_smooth"])
        #expect(piece.model.graph.nodes.count == model.graph.nodes.count + 1)
        let x = try SmallModels.tensor([7, 64], seed: 99)
        #expect(try GraphBench.agreement(model, piece.model, ["x": x]) == .infinity)
    }

    @Test func `factors are powers of two, and channels that do not stand out keep theirs`() async throws {
        let piece = try await smoothed(try DynamicBench.products(outlier: 40))
        let inverse = try #require(piece.model.graph.weights["a_smooth"]).decoded().elements(as: Float.self)
        #expect(inverse[5] <= 1 / 8)
        #expect(inverse[5].significand == 1)
        #expect(inverse.count { $0 == 1 } == 63)
    }

    @Test func `dynamic quantization errs ten decibels less`() async throws {
        let model = try DynamicBench.products(outlier: 40), piece = try await smoothed(model)
        let x = try SmallModels.tensor([50, 64], seed: 99)
        let before = try GraphBench.agreement(model, try await dynamic(Workpiece(model: model)), ["x": x])
        let after = try GraphBench.agreement(model, try await dynamic(piece), ["x": x])
        #expect(after > before + 10, "\(before) dB became \(after) dB")
        #expect(piece.decisions["smoothedActivations"] == .array([.string("a")]))
    }

    @Test func `nothing is changed without outliers, and without data`() async throws {
        let even = try DynamicBench.products()
        let piece = try await smoothed(even)
        #expect(piece.model.graph.weights.names == even.graph.weights.names)
        #expect(piece.notes == ["No activation is smoothed: it brings dynamic quantization nothing."])
        let blind = try await smoothed(try DynamicBench.products(outlier: 40), hasData: false)
        #expect(blind.model.graph.nodes.count == even.graph.nodes.count)
        #expect(blind.notes == ["No activation is smoothed: that takes calibration data."])
    }

    @Test func `settings outside their range are refused`() {
        for change: @Sendable (inout SmoothMigrator) -> Void in [
            { $0.headrooms = [] }, { $0.headrooms = [0.5] }, { $0.headrooms = [.infinity] }, { $0.minimumGain = 1 },
            { $0.calibrationRows = 0 },
        ] {
            var settings = SmoothMigrator()
            change(&settings)
            let error = #expect(throws: CompressionError.self) { try settings.validate() }
            #expect(error?.code == .invalidSetting)
        }
    }
}
