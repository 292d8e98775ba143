import PithCompression
import PithModel
import PithTensor
import Testing

/// Products of which some get another kind of kernel than the rest.
@Suite struct MixedKernelsTests {
    @Test func `products that one range does not ruin go back from block kernels to integer kernels`() async throws {
        let model = try DynamicBench.unequal(products: 4, equals: 2), scratch = try Scratch()
        let context = StageContext(
            dataset: try DynamicBench.dataset(scratch, for: model),
            profile: MachineProfile(.file(scratch.path("profile.json"))))
        var settings = DynamicQuantizer(layers: .measured, kernels: .measured)
        (settings.targetSQNR, settings.allowedLoss, settings.minimumSpeedup) = (36, 3, 0)
        var piece = Workpiece(model: model)
        try await settings.apply(to: &piece, in: context)
        // Which are moved follows from the error; whether that pays is up to the machine.
        let mixed = try #require(
            piece.notes.first { $0.contains("by block kernels, 2 of 6 products by integer kernels: ") },
            "\(piece.notes)")
        let isTaken = mixed.hasPrefix("Activations rounded at run time in every layer by block kernels, 2 of 6")
        let executions = (1...6).map { piece.model.graph.weights["w\($0)"]?.execution }
        #expect(executions.prefix(4).allSatisfy { $0 == .roundedBlocks })
        #expect(executions.suffix(2).allSatisfy { $0 == (isTaken ? .dynamic : .roundedBlocks) })
        #expect(piece.encodings["w6"]?.note.contains(isTaken ? "MatMulInteger" : "MatMulNBits") == true)
        #expect(try await ClosedLoop.verify(model, piece, written: piece.model).weightsCompared == 6)
        #expect(try GraphBench.agreement(model, piece.model, ["x": try SmallModels.tensor([30, 64], seed: 21)]) > 36)
        let integers = piece.decisions["dynamicWeights"], blocks = piece.decisions["blockWeights"]
        #expect(integers == (isTaken ? .array([.string("w5"), .string("w6")]) : nil))
        #expect(blocks == .array((1...(isTaken ? 4 : 6)).map { .string("w\($0)") }))
    }

    @Test(arguments: [0, 2]) func `kernels are not mixed where no time is measured, nor where one range ruins all`(
        equals: Int
    ) async throws {
        let model = try DynamicBench.unequal(products: 4, equals: equals), scratch = try Scratch()
        let profile = equals > 0 ? .fixedRules : MachineProfile(.file(scratch.path("profile.json")))
        let context = StageContext(dataset: try DynamicBench.dataset(scratch, for: model), profile: profile)
        var settings = DynamicQuantizer(layers: .measured, kernels: .measured)
        (settings.targetSQNR, settings.allowedLoss, settings.minimumSpeedup) = (36, 3, 0)
        var piece = Workpiece(model: model)
        try await settings.apply(to: &piece, in: context)
        #expect(!piece.notes.contains { $0.contains("by integer kernels") }, "\(piece.notes)")
        #expect(piece.model.graph.weights.count { $0.execution == .roundedBlocks } == 4 + equals)
    }
}
