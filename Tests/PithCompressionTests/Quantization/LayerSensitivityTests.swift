import Foundation
import PithCompression
import PithModel
import PithTensor
import Testing

@Suite(.enabled(if: GraphBench.hasRuntime, "needs ONNX Runtime")) struct LayerSensitivityTests {
    private func observations(_ model: Model, _ source: MemorySamples, _ placement: Placement) async throws -> [String:
        Observation]
    {
        try await ActivationObserver(model: model, source: source, threads: 1).observe(
            placement.values, channelAxes: [:], rows: source.evaluationRows)
    }

    @Test func `the error of a layer is that of its rounded input alone`() async throws {
        // Identity layers: the output's error is the input's.
        let one = Tensor([1, 0, 0, 0, 1, 0, 0, 0, 1] as [Float], shape: try Shape([3, 3]))
        let model = GraphBench.model(
            [
                Node("MatMul", inputs: ["x", "i"], outputs: ["a"]), Node("Exp", inputs: ["a"], outputs: ["e"]),
                Node("MatMul", inputs: ["e", "j"], outputs: ["y"]),
            ], inputs: [GraphBench.input("x", [-1, 3])], outputs: ["y"], weights: [Weight("i", one), Weight("j", one)])
        let values = try SmallModels.tensor([16, 3], seed: 4), source = MemorySamples("x", values)
        let placement = Placement(model.graph)
        var settings = StaticQuantizer()
        settings.calibrator = .minmax
        let seen = try await observations(model, source, placement)
        let measured = try await LayerSensitivity(
            model: model, layers: placement.layers, observations: seen, settings: settings, type: .uint8
        ).measure(source: source, rows: source.evaluationRows, threads: 2)
        for (node, numbers) in [
            (0, values.elements(as: Float.self)), (2, values.elements(as: Float.self).map { exp($0) }),
        ] {
            let low = min(numbers.min() ?? 0, 0), high = max(numbers.max() ?? 0, 0)
            let scale = (high - low) / 255, zero = (-low / scale).rounded(.toNearestOrEven)
            var signal = 0.0, noise = 0.0
            for value in numbers {
                let level = min(max((value / scale).rounded(.toNearestOrEven) + zero, 0), 255)
                let error = Double(value - (level - zero) * scale)
                signal += Double(value) * Double(value)
                noise += error * error
            }
            #expect(abs(try #require(measured[node]) - 10 * log10(signal / noise)) < 0.05)
        }
    }

    @Test func `a layer fed by one far outlier is the most sensitive`() async throws {
        let model = try SmallModels.residual()
        var numbers = try SmallModels.tensor([16, 3, 8, 8], seed: 2).elements(as: Float.self)
        numbers[5] = 3000
        let source = MemorySamples("x", Tensor(numbers, shape: try Shape([16, 3, 8, 8])))
        let placement = Placement(model.graph)
        var settings = StaticQuantizer()
        settings.calibrator = .minmax
        let seen = try await observations(model, source, placement)
        let result = try await LayerSensitivity(
            model: model, layers: placement.layers, observations: seen, settings: settings, type: .uint8
        ).measure(source: source, rows: 1..<16, threads: 2)
        #expect(result.keys.sorted() == [0, 2, 7])
        #expect(try #require(result[0]) < 5)
        #expect(result.count == 3)
    }

    @Test func `a summand is seen as far down as the ReLU behind the sum lets it through`() async throws {
        let first: [Float] = [-5, -5, -5, 3, 4, -1], second: [Float] = [-5, 2, 6, -4, -1, 0.5], names = ["a", "b"]
        /// The matrix that takes six of twelve numbers.
        func half(_ name: String, from start: Int) throws -> Weight {
            let numbers = (0..<72).map { Float($0 / 6 == start + $0 % 6 ? 1 : 0) }
            return Weight("half_\(name)", Tensor(numbers, shape: try Shape([12, 6])))
        }
        let model = GraphBench.model(
            names.map { Node("MatMul", inputs: ["x", "half_\($0)"], outputs: [$0]) } + [
                Node("Add", inputs: ["a", "b"], outputs: ["s"]), Node("Relu", inputs: ["s"], outputs: ["y"]),
            ], inputs: [GraphBench.input("x", [-1, 12])], outputs: ["y"],
            weights: [try half("a", from: 0), try half("b", from: 6)])
        let source = MemorySamples("x", Tensor(first + second, shape: try Shape([1, 12])))
        let seen = try await ActivationObserver(model: model, source: source, threads: 1).observe(
            names, channelAxes: [:], cutSummands: ["a": "b", "b": "a"], rows: 0..<1)
        // a: 0 for -5 beside -5, -2 beside 2, itself where the sum is positive; b: 0 beside what is negative.
        #expect(seen["a"]?.histogram.minimum == -5 && seen["a"]?.histogram.maximum == 4)
        #expect(seen["b"]?.histogram.minimum == -3 && seen["b"]?.histogram.maximum == 6)
        func least(_ x: Float, _ y: Float) -> Float { max(x, -max(y, 0)) }
        for (x, y) in zip(first, second) {
            #expect(max(least(x, y) + y, 0) == max(x + y, 0) && max(least(x, y) + least(y, x), 0) == max(x + y, 0))
        }
    }

    @Test(arguments: [1, 2, 3]) func `what is observed is the same with any number of threads`(threads: Int)
        async throws
    {
        let model = try SmallModels.residual(),
            source = MemorySamples("x", try SmallModels.tensor([70, 3, 8, 8], seed: 2))
        func observe(_ threads: Int) async throws -> [String: Observation] {
            try await ActivationObserver(model: model, source: source, threads: threads).observe(
                ["x", "r1", "f"], channelAxes: ["r1": 1, "f": -1], rows: 0..<70)
        }
        let one = try await observe(1), some = try await observe(threads)
        #expect(one.keys.sorted() == ["f", "r1", "x"])
        for (name, observation) in one {
            #expect(some[name]?.histogram == observation.histogram)
            #expect(some[name]?.sums == observation.sums)
        }
        #expect(one["x"]?.histogram.count == 70 * 3 * 64)
        #expect(one["r1"]?.sums.count == 16)
        #expect(one["r1"]?.valuesPerChannel == 70 * 64)
        #expect(one["f"]?.means.count == 16)
    }
}

@Suite(.enabled(if: GraphBench.hasRuntime, "needs ONNX Runtime")) struct IntegerTypeProbeTests {
    @Test func `fixed rules measure nothing`() throws {
        #expect(try IntegerTypeProbe.unsignedSpeedup(profile: .fixedRules) == 1)
    }

    @Test func `the answer is measured once and kept`() throws {
        let scratch = try Scratch(), profile = MachineProfile(.file(scratch.path("profile.json")))
        let first = try IntegerTypeProbe.unsignedSpeedup(profile: profile)
        #expect((0.05...50).contains(first))
        #expect(try IntegerTypeProbe.unsignedSpeedup(profile: profile) == first)
        let text = try String(contentsOf: scratch.folder.appendingPathComponent("profile.json"), encoding: .utf8)
        #expect(text.contains("unsigned over signed 8-bit activations"))
        #expect(text.contains("ONNX Runtime"))
        #expect(scratch.names == ["profile.json"])
    }
}
