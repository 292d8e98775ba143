import PithCompression
import PithEvaluation
import PithModel
import PithTensor
import Testing

struct StaticCandidateTests {
    private func observation(_ tensor: Tensor, axis: Int) -> Observation {
        var observation = Observation()
        observation.add(tensor, channelAxis: axis)
        return observation
    }

    private func candidate(
        _ model: Model, _ observations: [String: Observation], correction: Bool = true
    ) throws -> StaticCandidate {
        var settings = StaticQuantizer()
        settings.biasCorrection = correction
        settings.calibrator = .minmax
        return try StaticCandidate(
            Workpiece(model: model), excluding: [], observations: observations, settings: settings,
            activationType: .uint8)
    }

    private func numbers(_ model: Model, _ name: String) throws -> [Float] {
        try #require(model.graph.weights[name]).decoded().elements(as: Float.self)
    }

    /// A grouped convolution `[6, 2, 3, 3]` over four channels.
    private func grouped(bias: Bool) throws -> Model {
        GraphBench.model(
            [
                Node(
                    "Conv", inputs: ["x", "w"] + (bias ? ["b"] : []), outputs: ["c"],
                    attributes: [Attribute("group", .integer(2))], name: "conv"),
                Node("Relu", inputs: ["c"], outputs: ["r"]),
                Node("GlobalAveragePool", inputs: ["r"], outputs: ["y"]),
            ], inputs: [GraphBench.input("x", [-1, 4, 8, 8])], outputs: ["y"],
            weights: [try GraphBench.random("w", [6, 2, 3, 3], seed: 1)]
                + (bias ? [try GraphBench.random("b", [6], seed: 2)] : []))
    }

    @Test(arguments: [true, false]) func `the bias makes up for the rounding of a grouped convolution`(hasBias: Bool)
        throws
    {
        let model = try grouped(bias: hasBias)
        let data = try GraphBench.random("", [3, 4, 8, 8], seed: 5, around: 2).decoded()
        let result = try candidate(model, ["x": observation(data, axis: 1), "r": observation(data, axis: 1)])
        let before = try numbers(model, "w"), after = try numbers(result.model, "w")
        let x = data.elements(as: Float.self)
        let means = (0..<4).map { channel in
            (0..<3).reduce(0.0) { sum, row in
                sum + (0..<64).reduce(0.0) { $0 + Double(x[(row * 4 + channel) * 64 + $1]) }
            } / 192
        }
        let name = result.model.graph.nodes[0].inputs[2]
        #expect(hasBias == (name == "b"))
        let stored = try #require(result.model.graph.weights[name]?.representation as? GroupedIntegers)
        let found = stored.decoded().elements(as: Float.self), steps = stored.scales.elements(as: Float.self)
        let old = hasBias ? try numbers(model, "b") : [Float](repeating: 0, count: 6)
        for channel in 0..<6 {
            var correction = 0.0
            for input in 0..<2 {
                for place in 0..<9 {
                    let index = (channel * 2 + input) * 9 + place
                    correction += Double(before[index] - after[index]) * means[channel / 3 * 2 + input]
                }
            }
            #expect(abs(Double(found[channel] - old[channel]) - correction) <= Double(steps[channel]) * 0.51)
            #expect(abs(correction) > Double(steps[channel]) * 2)
        }
    }

    @Test(arguments: [0, 1]) func `the bias makes up for the rounding of a product either way round`(transposed: Int)
        throws
    {
        let lengths = transposed == 1 ? [5, 7] : [7, 5]
        let model = GraphBench.model(
            [
                Node(
                    "Gemm", inputs: ["x", "w", "b"], outputs: ["y"],
                    attributes: [Attribute("transB", .integer(Int64(transposed)))])
            ], inputs: [GraphBench.input("x", [-1, 7])], outputs: ["y"],
            weights: [try GraphBench.random("w", lengths, seed: 1), try GraphBench.random("b", [5], seed: 2)])
        let data = try GraphBench.random("", [11, 7], seed: 3, around: 1).decoded(), x = data.elements(as: Float.self)
        let result = try candidate(model, ["x": observation(data, axis: -1)])
        let before = try numbers(model, "w"), after = try numbers(result.model, "w")
        let found = try numbers(result.model, "b"), old = try numbers(model, "b")
        for output in 0..<5 {
            let correction = (0..<7).reduce(0.0) { sum, input in
                let place = transposed == 1 ? output * 7 + input : input * 5 + output
                let mean = (0..<11).reduce(0.0) { $0 + Double(x[$1 * 7 + input]) } / 11
                return sum + Double(before[place] - after[place]) * mean
            }
            #expect(abs(Double(found[output] - old[output]) - correction) < 1e-4)
        }
    }

    @Test func `without correction the bias is the old one in steps of its channel`() throws {
        let model = try grouped(bias: true)
        let data = try SmallModels.tensor([1, 4, 8, 8], seed: 5)
        let result = try candidate(
            model, ["x": observation(data, axis: 1), "r": observation(data, axis: 1)], correction: false)
        let form = try #require(result.model.graph.weights["b"]?.representation as? GroupedIntegers)
        let weight = try #require(result.model.graph.weights["w"]?.representation as? GroupedIntegers)
        let input = try #require(result.model.graph.activationFormats["x"])
        #expect(form.levels.type == .int32)
        #expect(form.scales.elements(as: Float.self) == weight.scales.elements(as: Float.self).map { $0 * input.scale })
        for (new, old) in zip(form.decoded().elements(as: Float.self), try numbers(model, "b")) {
            #expect(abs(new - old) < 1e-4)
        }
    }

    /// A convolution and five blocks that add little to the stream, as those of deep networks do.
    private func stream() throws -> Model {
        var nodes = [
            Node("Conv", inputs: ["x", "w0"], outputs: ["c0"], attributes: SmallModels.pads(1)),
            Node("Relu", inputs: ["c0"], outputs: ["r0"]),
        ]
        for block in 1...5 {
            nodes += [
                Node(
                    "Conv", inputs: ["r\(block - 1)", "w\(block)"], outputs: ["c\(block)"],
                    attributes: SmallModels.pads(1)),
                Node("Add", inputs: ["c\(block)", "r\(block - 1)"], outputs: ["s\(block)"]),
                Node("Relu", inputs: ["s\(block)"], outputs: ["r\(block)"]),
            ]
        }
        nodes.append(Node("GlobalAveragePool", inputs: ["r5"], outputs: ["y"]))
        return GraphBench.model(
            nodes, inputs: [GraphBench.input("x", [-1, 8, 8, 8])], outputs: ["y"],
            weights: try (0...5).map { layer in
                let weight = try SmallModels.tensor([8, 8, 3, 3], seed: 1 + UInt64(layer))
                let numbers = weight.elements(as: Float.self).map { $0 * (layer == 0 ? 1 : 0.02) }
                return Weight("w\(layer)", Tensor(numbers, shape: weight.shape))
            })
    }

    @Test(.enabled(if: GraphBench.hasRuntime))
    func `a sum in float errs less than one in integers, and a layout changes nothing`() throws {
        let model = try stream(), data = try SmallModels.tensor([16, 8, 8, 8], seed: 9)
        let names = (0..<5).flatMap { ["r\($0)", "c\($0 + 1)"] }
        var exposed = model
        exposed.graph.outputs += names.map { ValueInfo(name: $0) }
        let values = try GraphBench.run(exposed, ["x": data])
        let observations = Dictionary(
            uniqueKeysWithValues: try names.map { ($0, observation(try #require(values[$0]), axis: 1)) })
        let exact = try #require(values["y"])
        let sums = Placement(model.graph, excluded: [0]).sums
        #expect(sums == [3, 6, 9, 12])
        func candidate(_ floatSums: [Int]) throws -> Model {
            try StaticCandidate(
                Workpiece(model: model), excluding: [0], floatSums: Set(floatSums), observations: observations,
                settings: StaticQuantizer(), activationType: .uint8
            ).model
        }
        func sqnrDB(_ model: Model) throws -> Double {
            var error = SignalToNoise()
            error.add(exact, try #require(GraphBench.run(model, ["x": data])["y"]))
            return error.decibels
        }
        let errors = try [[], Array(sums.prefix(2)), sums].map { try sqnrDB(candidate($0)) }
        #expect(errors[1] > errors[0] + 1)
        #expect(errors[2] > errors[1] + 1)
        var plain = try candidate(sums)
        #expect(plain.graph.activationFormats["r0"]?.prefersChannelsLast == true)
        #expect(plain.graph.activationFormats["r1"]?.exactReaders == ["s2"])
        plain.graph.activationFormats["r0"]?.prefersChannelsLast = false
        #expect(try sqnrDB(plain) == errors[2])
    }

    @Test(.enabled(if: GraphBench.hasRuntime))
    func `rows of unlike size err less with a scale for each`() throws {
        let model = GraphBench.model(
            [Node("MatMul", inputs: ["x", "w"], outputs: ["y"])], inputs: [GraphBench.input("x", [64, 32])],
            outputs: ["y"], weights: [try GraphBench.random("w", [32, 16], seed: 4)])
        let even = try #require(GraphBench.random("x", [64, 32], seed: 5).dense?.floats())
        // Rows from 1 down to 1/64: most of their noise is that of the largest one's scale.
        let uneven = even.enumerated().map { $1 / Float(1 + $0 / 32) }
        let data = try Tensor(uneven, shape: Shape([64, 32]))
        let exact = try #require(GraphBench.run(model, ["x": data])["y"])
        func sqnrDB(_ rowScaled: Set<Int>) throws -> Double {
            let candidate = try StaticCandidate(
                Workpiece(model: model), excluding: [], rowScaled: rowScaled,
                observations: ["x": observation(data, axis: -1)], settings: StaticQuantizer(), activationType: .uint8)
            #expect(candidate.layers.map(\.output) == ["y"])
            #expect(candidate.model.graph.activationFormats["x"]?.rowReaders == (rowScaled.isEmpty ? [] : ["y"]))
            let rows = rowScaled.isEmpty ? "" : ", a scale for each row"
            #expect(candidate.encodings["w"]?.note == "integer kernel with uint8 activations\(rows)")
            var error = SignalToNoise()
            error.add(exact, try #require(GraphBench.run(candidate.model, ["x": data])["y"]))
            return error.decibels
        }
        let whole = try sqnrDB([]), rows = try sqnrDB([0])
        #expect(whole < 33 && rows > 40, "\(whole) dB, \(rows) dB with rows")
    }

    @Test(arguments: [false, true])
    func `a scale for each row reaches through movements that nothing else reads`(hasOtherReader: Bool) throws {
        var nodes = [
            Node("Exp", inputs: ["x"], outputs: ["e"]), Node("Transpose", inputs: ["e"], outputs: ["t"]),
            Node("MatMul", inputs: ["t", "w"], outputs: ["y"]),
        ]
        if hasOtherReader { nodes.append(Node("MatMul", inputs: ["e", "v"], outputs: ["z"])) }
        let model = GraphBench.model(
            nodes, inputs: [GraphBench.input("x", [32, 32])], outputs: hasOtherReader ? ["y", "z"] : ["y"],
            weights: [
                try GraphBench.random("w", [32, 16], seed: 4), try GraphBench.random("v", [32, 16], seed: 5),
            ])
        let data = try #require(GraphBench.random("x", [32, 32], seed: 5).dense), seen = observation(data, axis: -1)
        let candidate = try StaticCandidate(
            Workpiece(model: model), excluding: [], rowScaled: [2], observations: ["e": seen, "t": seen],
            settings: StaticQuantizer(), activationType: .uint8)
        let formats = candidate.model.graph.activationFormats
        #expect(Set(formats.keys) == (hasOtherReader ? ["e", "t"] : ["t"]))
        #expect(formats["t"]?.rowReaders == (hasOtherReader ? [] : ["y"]))
        #expect(candidate.rowScaled.map(\.output) == (hasOtherReader ? [] : ["y"]))
    }

    @Test func `a bias that two layers share is copied, and both are told`() throws {
        var model = try SmallModels.residual()
        model.graph.nodes[2].inputs[2] = "b1"
        model.graph.weights["b2"] = nil
        let data = try SmallModels.tensor([2, 3, 8, 8], seed: 1),
            inner = try SmallModels.tensor([2, 16, 8, 8], seed: 2)
        let flat = try SmallModels.tensor([2, 16], seed: 3)
        let observations = [
            "x": observation(data, axis: 1), "r1": observation(inner, axis: 1), "c2": observation(inner, axis: 1),
            "r2": observation(inner, axis: 1), "g": observation(inner, axis: 1), "f": observation(flat, axis: -1),
        ]
        let result = try candidate(model, observations)
        let names = [0, 2].map { result.model.graph.nodes[$0].inputs[2] }
        #expect(Set(names).count == 2)
        #expect(names.contains("b1"))
        let fate = result.trace.fate(of: "b1")
        #expect(Set(fate.names) == Set(names))
        var piece = Workpiece(model: result.model)
        piece.trace = result.trace
        piece.encodings = result.encodings
        let rows = Ledger(original: model, piece: piece).rows
        let row = try #require(rows.first { $0.weight == "b1" })
        #expect(row.bytesBefore == 64)
        // Levels and scales of two biases of 16 channels.
        #expect(row.bytesAfter == 2 * 16 * 8)
        #expect(rows.filter { $0.weight == "b1" }.count == 1)
        #expect(
            !rows.contains { $0.note.contains("made by the recipe") && $0.weight != "(activations)" }
                || names.contains("b1"))
    }

    @Test func `a bias that something else reads is left for it`() throws {
        var model = try grouped(bias: true)
        model.graph.outputs.append(ValueInfo(name: "b"))
        let data = try SmallModels.tensor([1, 4, 8, 8], seed: 5)
        let result = try candidate(model, ["x": observation(data, axis: 1), "r": observation(data, axis: 1)])
        #expect(result.model.graph.nodes[0].inputs[2] != "b")
        #expect(try numbers(result.model, "b") == numbers(model, "b"))
    }

    @Test func `a weight read both ways round keeps one form, and the other layer its float bias`() throws {
        let model = GraphBench.model(
            [
                Node("MatMul", inputs: ["x", "w"], outputs: ["h"], name: "forward"),
                Node(
                    "Gemm", inputs: ["h", "w", "b"], outputs: ["y"], attributes: [Attribute("transB", .integer(1))],
                    name: "back"),
            ], inputs: [GraphBench.input("x", [-1, 6])], outputs: ["y"],
            weights: [try GraphBench.random("w", [6, 9], seed: 1), try GraphBench.random("b", [6], seed: 2)])
        let result = try candidate(
            model,
            [
                "x": observation(try SmallModels.tensor([4, 6], seed: 1), axis: -1),
                "h": observation(try SmallModels.tensor([4, 9], seed: 2), axis: -1),
            ])
        let form = try #require(result.model.graph.weights["w"]?.representation as? GroupedIntegers)
        #expect(form.scales.count == 9)
        #expect(try numbers(result.model, "b") == numbers(model, "b"))
    }

    @Test func `a channel of tiny weights does not make its bias overflow`() throws {
        let tiny = Tensor([1e-12, 2e-12, 1, 2] as [Float], shape: try Shape([2, 2]))
        let model = GraphBench.model(
            [Node("Gemm", inputs: ["x", "w", "b"], outputs: ["y"], attributes: [Attribute("transB", .integer(1))])],
            inputs: [GraphBench.input("x", [-1, 2])], outputs: ["y"],
            weights: [Weight("w", tiny), Weight("b", Tensor(vector: [3, 4] as [Float]))])
        let result = try candidate(model, ["x": observation(try SmallModels.tensor([4, 2], seed: 1), axis: -1)])
        let found = try numbers(result.model, "b")
        #expect(abs(found[0] - 3) < 1e-6)
        #expect(abs(found[1] - 4) < 0.05)
    }

    @Test func `a value that was not finite stays float, and so do its layers`() throws {
        let model = try grouped(bias: true)
        let data = try SmallModels.tensor([1, 4, 8, 8], seed: 5)
        let result = try candidate(
            model, ["x": observation(Tensor(vector: [1, .nan] as [Float]), axis: 0), "r": observation(data, axis: 1)])
        #expect(result.layers.isEmpty)
        #expect(result.model.graph.activationFormats["x"] == nil)
        #expect(result.encodings.isEmpty)
    }

    @Test func `a format below a clip has no level above it`() {
        var format = ActivationFormat(type: .uint8, scale: 6.000_1 / 255, zeroPoint: 0)
        format.keep(below: 6)
        #expect(255 * format.scale <= 6)
        #expect(255 * format.scale.nextUp > 6)
    }

    @Test func `levels of an earlier stage are taken as they are`() async throws {
        let model = try grouped(bias: true), data = try GraphBench.random("", [3, 4, 8, 8], seed: 5).decoded()
        var piece = Workpiece(model: model)
        var settings = WeightQuantizer()
        (settings.bits, settings.minimumCount) = (5, 1)
        try await settings.apply(to: &piece, in: StageContext())
        let rounded = try #require(piece.model.graph.weights["w"]?.representation as? GroupedIntegers)
        let observations = ["x": observation(data, axis: 1), "r": observation(data, axis: 1)]
        let result = try StaticCandidate(
            piece, excluding: [], observations: observations, settings: StaticQuantizer(), activationType: .uint8)
        #expect(result.layers.count == 1)
        let weight = try #require(result.model.graph.weights["w"])
        #expect(weight.execution == .integer)
        let form = try #require(weight.representation as? GroupedIntegers)
        #expect(form.levels == rounded.levels && form.scales == rounded.scales && form.grouping == rounded.grouping)
        #expect(result.encodings["w"]?.technique == "quantize.weights")
        #expect(result.encodings["w"]?.note.hasSuffix("levels of 5 bits, a byte each") == true)
    }

    @Test func `levels that no kernel takes are rounded again, and the ledger says so with the whole error`()
        async throws
    {
        let model = try grouped(bias: true), data = try GraphBench.random("", [3, 4, 8, 8], seed: 5).decoded()
        let exact = try #require(model.graph.weights["w"]).decoded()
        var piece = Workpiece(model: model), settings = WeightQuantizer()
        (settings.bits, settings.minimumCount, settings.symmetric) = (4, 1, false)
        try await settings.apply(to: &piece, in: StageContext())
        let observations = ["x": observation(data, axis: 1), "r": observation(data, axis: 1)]
        let result = try StaticCandidate(
            piece, excluding: [], observations: observations, settings: StaticQuantizer(), activationType: .uint8)
        let entry = try #require(result.encodings["w"]), before = try #require(piece.encodings["w"]?.sqnrDB)
        #expect(entry.note.contains("rounded again to 8 bits, after quantize.weights"))
        let told = try #require(entry.sqnrDB)
        let real = try #require(result.model.graph.weights["w"]?.representation?.sqnrDB(against: exact))
        // Four bits are off by far more than the eight that follow.
        #expect(told < before && told > before - 0.5 && abs(told - real) < 0.2, "\(before) \(told) \(real)")
    }

    @Test func `a bias that two layers share is copied for one of them only`() throws {
        let nodes = ["c", "d"].flatMap { name in
            [
                Node("Conv", inputs: [name == "c" ? "x" : "rc", "w\(name)", "b"], outputs: [name], name: name),
                Node("Relu", inputs: [name], outputs: ["r\(name)"]),
            ]
        }
        let model = GraphBench.model(
            nodes + [Node("GlobalAveragePool", inputs: ["rd"], outputs: ["y"])],
            inputs: [GraphBench.input("x", [-1, 4, 8, 8])], outputs: ["y"],
            weights: [
                try GraphBench.random("wc", [4, 4, 1, 1], seed: 1), try GraphBench.random("wd", [4, 4, 1, 1], seed: 2),
                try GraphBench.random("b", [4], seed: 3),
            ])
        let data = observation(try GraphBench.random("", [3, 4, 8, 8], seed: 5).decoded(), axis: 1)
        let result = try candidate(model, ["x": data, "rc": data, "rd": data])
        let biases = [0, 2].map { result.model.graph.nodes[$0].inputs[2] }
        #expect(Set(biases).count == 2)
        #expect(biases[1] == "b")
        #expect(biases.allSatisfy { result.model.graph.weights[$0]?.execution == .integer })
    }
}
