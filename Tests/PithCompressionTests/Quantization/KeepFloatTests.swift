import PithCompression
import PithModel
import Testing

@Suite(.enabled(if: GraphBench.hasRuntime, "needs ONNX Runtime")) struct KeepFloatTests {
    private func quantized(keeping names: [String]) async throws -> Workpiece {
        var model = try DynamicBench.products()
        for index in model.graph.nodes.indices where model.graph.nodes[index].name == "third" {
            model.graph.nodes[index].name = ""
        }
        let scratch = try Scratch()
        var piece = Workpiece(model: model), settings = StaticQuantizer()
        (settings.targetSQNR, settings.minimumSQNR, settings.minimumSpeedup) = (0, 0, 0)
        settings.keepFloat = names
        try await settings.apply(
            to: &piece,
            in: StageContext(dataset: try DynamicBench.dataset(scratch, for: model), profile: .fixedRules))
        return piece
    }

    private func integers(_ piece: Workpiece) -> Set<String> {
        Set(piece.model.graph.weights.filter { $0.execution == .integer && $0.name.hasPrefix("w") }.map(\.name))
    }

    /// The name of a node, of a weight, and of the output of a node without a name.
    @Test(arguments: [("second", "w2"), ("w1", "w1"), ("p3", "w3")])
    func `a layer stays float by its node, its weight, or its output`(name: String, weight: String) async throws {
        let piece = try await quantized(keeping: [name])
        #expect(integers(piece) == Set(["w1", "w2", "w3", "w4"]).subtracting([weight]))
        #expect(piece.refusals.isEmpty)
        #expect(piece.floatReasons[weight] == "the recipe leaves it so")
    }

    @Test func `a name that is nothing is told and refused`() async throws {
        let piece = try await quantized(keeping: ["fourth"])
        #expect(integers(piece) == ["w1", "w2", "w3", "w4"])
        #expect(piece.refusals == ["keepFloat: there is no weight or node named 'fourth'"])
    }

    @Test func `the name of what a layer reads is not the layer's`() async throws {
        // `t` is the node without a name that makes the last product's input, `a` that of the first three.
        #expect(integers(try await quantized(keeping: ["t", "a"])) == ["w1", "w2", "w3", "w4"])
    }
}
