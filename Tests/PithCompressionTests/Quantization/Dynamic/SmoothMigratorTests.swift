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
        let model = try shared(outlier: 40), piece = try await smoothed(model)
        let added = piece.model.graph.weights.names.filter { model.graph.weights[$0] == nil }
        #expect(added == ["a_smooth"])
        #expect(piece.model.graph.nodes.count == model.graph.nodes.count + 1)
        let x = try SmallModels.tensor([7, 64], seed: 99)
        #expect(try GraphBench.agreement(model, piece.model, ["x": x]) == .infinity)
    }

    @Test func `what makes the activation for products alone takes the factors up, without a node`() async throws {
        let model = try DynamicBench.products(outlier: 40), piece = try await smoothed(model)
        #expect(piece.model.graph.nodes.map(\.inputs) == model.graph.nodes.map(\.inputs))
        #expect(piece.model.graph.weights.names == model.graph.weights.names)
        #expect(piece.decisions["smoothedActivations"] == .array([.string("a")]))
        let row = try #require(piece.model.graph.weights["emphasis"]).decoded().elements(as: Float.self)
        #expect(row[5] <= 5 && row[5] > 0 && row.count { $0 == 1 } == 63)
        let x = try SmallModels.tensor([7, 64], seed: 99)
        #expect(try GraphBench.agreement(model, piece.model, ["x": x]) == .infinity)
        #expect(piece.trace.fate(of: "emphasis").notes == ["large channels of 'a' moved"])
    }

    @Test func `factors that a constant took up are undone too where no kernel takes the products`() async throws {
        let model = try DynamicBench.products(outlier: 40), scratch = try Scratch()
        let data = try DynamicBench.dataset(scratch, for: model)
        var piece = Workpiece(model: model), kernels = DynamicQuantizer(layers: .measured)
        (kernels.targetSQNR, kernels.allowedLoss) = (190, 0)
        var smoothing = SmoothMigrator(), selector = Selector()
        smoothing.headrooms = [16]
        try await smoothing.apply(to: &piece, in: StageContext(dataset: data, profile: .fixedRules))
        #expect(piece.model.graph.weights["emphasis"]?.decoded() != model.graph.weights["emphasis"]?.decoded())
        // Two products: of those none is taken alone.
        selector.exclude = ["third", "last"]
        try await kernels.apply(
            to: &piece, in: StageContext(selector: selector, dataset: data, profile: .fixedRules))
        for name in model.graph.weights.names {
            #expect(piece.model.graph.weights[name]?.decoded() == model.graph.weights[name]?.decoded(), "\(name)")
        }
        #expect(piece.encodings.isEmpty && piece.decisions["smoothedActivations"] == nil, "\(piece.notes)")
    }

    /// An activation that leaves the graph too has to stay as it is.
    private func shared(outlier: Float) throws -> Model {
        var model = try DynamicBench.products(outlier: outlier)
        model.graph.outputs.append(ValueInfo(name: "a"))
        return model
    }

    @Test func `factors are powers of two, and channels that do not stand out keep theirs`() async throws {
        let piece = try await smoothed(try shared(outlier: 40))
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

    @Test func `smoothing that no kernel takes up is undone`() async throws {
        let model = try DynamicBench.products(outlier: 40), scratch = try Scratch()
        // Two products: of those none is taken alone.
        var selector = Selector()
        selector.exclude = ["third", "last"]
        let context = StageContext(
            selector: selector, dataset: try DynamicBench.dataset(scratch, for: model), profile: .fixedRules)
        for (target, isTaken) in [(10.0, true), (190, false)] {
            var piece = Workpiece(model: model)
            // Channels keep room to stand out, so that activations err more than weights in float.
            var smoothing = SmoothMigrator()
            smoothing.headrooms = [16]
            try await smoothing.apply(to: &piece, in: context)
            var kernels = DynamicQuantizer(layers: .measured)
            (kernels.targetSQNR, kernels.allowedLoss) = (target, 0)
            try await kernels.apply(to: &piece, in: context)
            #expect((piece.model.graph.weights["a_smooth"] != nil) == isTaken)
            #expect((piece.decisions["smoothedActivations"] != nil) == isTaken)
            #expect(piece.notes.contains { $0.hasPrefix("Smoothed activations bring") } == isTaken)
            #expect(piece.notes.contains { $0.hasPrefix("No activation is smoothed: no kernel") } != isTaken)
            guard !isTaken else { continue }
            let numbers = piece.model.graph.weights["w1"]?.decoded()
            #expect(numbers == model.graph.weights["w1"]?.decoded())
            #expect(piece.model.graph.nodes.count == model.graph.nodes.count)
        }
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
