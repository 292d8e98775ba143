import PithCompression
import PithFormats
import PithModel
import PithTensor
import Testing

struct WeightQuantizerTests {
    /// One layer over one weight.
    struct Layer: Sendable, CustomTestStringConvertible {
        let node: Node
        let lengths: [Int]
        let axis: Int
        var testDescription: String { "\(node.operation) \(node.inputs)" }

        init(_ operation: String, _ inputs: [String], _ lengths: [Int], axis: Int, _ attributes: [Attribute] = []) {
            node = Node(operation, inputs: inputs, outputs: ["y"], attributes: attributes)
            self.lengths = lengths
            self.axis = axis
        }
    }

    static let layers = [
        Layer("Conv", ["x", "w"], [32, 8, 3, 3], axis: 0), Layer("ConvTranspose", ["x", "w"], [8, 32, 3, 3], axis: 1),
        Layer("MatMul", ["x", "w"], [32, 48], axis: 1), Layer("MatMul", ["w", "x"], [32, 48], axis: 0),
        Layer("Gemm", ["x", "w"], [32, 48], axis: 1),
        Layer("Gemm", ["x", "w"], [32, 48], axis: 0, [Attribute("transB", .integer(1))]),
        Layer("MatMul", ["x", "w"], [3, 32, 48], axis: 2),
        Layer("LSTM", ["x", "w", "x"], [1, 64, 16], axis: 1), Layer("GRU", ["x", "x", "w"], [2, 48, 16], axis: 1),
        Layer("RNN", ["x", "w", "x"], [1, 64, 16], axis: 1), Layer("Gather", ["w", "x"], [100, 16], axis: 0),
    ]

    private func apply(
        _ model: Model, _ settings: WeightQuantizer = WeightQuantizer(), _ selector: Selector = Selector()
    ) async throws -> Workpiece {
        var piece = Workpiece(model: model)
        try await settings.apply(to: &piece, in: StageContext(selector: selector))
        return piece
    }

    private func model(_ node: Node, _ weight: Weight) -> Model {
        GraphBench.model([node], inputs: [GraphBench.input("x", [-1, -2])], outputs: ["y"], weights: [weight])
    }

    @Test func `a model that is all tables has few of them in blocks`() async throws {
        let names = (0..<100).map { "t\($0)" }
        let model = GraphBench.model(
            names.map { Node("Gather", inputs: [$0, "ids"], outputs: ["\($0)_rows"]) },
            inputs: [GraphBench.input("ids", [-1], .int64)], outputs: names.map { "\($0)_rows" },
            weights: try names.map { try GraphBench.random($0, [20, 64], seed: 1) })
        let piece = try await apply(model)
        // A 64th of 100 tables of one size is one and a half.
        #expect(names.count { piece.model.graph.weights[$0]?.execution == .folded } == 1)
        #expect(names.count { piece.model.graph.weights[$0]?.execution == .integer } == 99)
    }

    @Test func `tables of few rows have a scale for each block of 32, unless told otherwise`() async throws {
        let tables = [("large", [2000, 64]), ("small", [12, 128]), ("narrow", [32, 32])]
        let ids = tables.map { GraphBench.input("\($0.0)_ids", [-1], .int64) }
        let model = GraphBench.model(
            tables.map { Node("Gather", inputs: [$0.0, "\($0.0)_ids"], outputs: ["\($0.0)_rows"]) },
            inputs: ids, outputs: tables.map { "\($0.0)_rows" },
            weights: try tables.map { try GraphBench.random($0.0, $0.1, seed: 1) })
        func groupings(_ settings: WeightQuantizer) async throws -> [GroupedIntegers.Grouping?] {
            let piece = try await apply(model, settings)
            return tables.map { (piece.model.graph.weights[$0.0]?.representation as? GroupedIntegers)?.grouping }
        }
        let rows = GroupedIntegers.Grouping.channel(axis: 0)
        #expect(try await groupings(WeightQuantizer()) == [rows, .block(axis: 1, size: 32), rows])
        var whole = WeightQuantizer()
        whole.smallTableBlockSize = 0
        #expect(try await groupings(whole) == [rows, rows, rows])
        var blocks = WeightQuantizer()
        blocks.blockSize = 16
        #expect(try await groupings(blocks).allSatisfy { $0 == .block(axis: 1, size: 16) })
        let ours = try await apply(model), theirs = try await apply(model, whole)
        let gain = try #require(ours.encodings["small"]?.sqnrDB) - #require(theirs.encodings["small"]?.sqnrDB)
        #expect(gain > 1, "\(gain)")
        #expect(ours.model.graph.weights["small"]?.execution == .folded)
        #expect(try await ClosedLoop.verify(model, ours, written: ours.model).weightsCompared == 3)
        whole.smallTableBlockSize = 4
        let error = #expect(throws: CompressionError.self) { try whole.validate() }
        #expect(error?.code == .invalidSetting && error?.subject.contains("smallTableBlockSize") == true)
    }

    @Test(arguments: layers) func `each kind of layer gets a scale for each output channel`(layer: Layer) async throws {
        let weight = try GraphBench.random("w", layer.lengths, seed: 1)
        let piece = try await apply(model(layer.node, weight))
        let form = try #require(piece.model.graph.weights["w"]?.representation as? GroupedIntegers)
        #expect(form.grouping == .channel(axis: layer.axis))
        #expect(form.shape == weight.shape)
        #expect(piece.model.graph.weights["w"]?.execution == (layer.node.operation == "Gather" ? .integer : .folded))
        #expect(try #require(piece.encodings["w"]?.sqnrDB) > 35)
        #expect(piece.refusals.isEmpty)
        let (_, channels, inner) = weight.shape.strides(around: layer.axis)
        let scales = form.scales.elements(as: Float.self)
        let pairs = zip(weight.decoded().elements(as: Float.self), form.decoded().elements(as: Float.self))
        for (index, pair) in pairs.enumerated() {
            #expect(abs(pair.0 - pair.1) <= scales[index / inner % channels] / 2 * 1.000_001)
        }
    }

    @Test(arguments: [(8, true), (4, true), (8, false), (3, false)])
    func `one scale serves a whole weight where that is asked`(
        bits: Int, symmetric: Bool
    ) async throws {
        let weight = try GraphBench.random("w", [32, 48], seed: 1)
        let model = GraphBench.model(
            [Node("MatMul", inputs: ["x", "w"], outputs: ["y"])], inputs: [GraphBench.input("x", [-1, 32])],
            outputs: ["y"], weights: [weight])
        var settings = WeightQuantizer()
        (settings.bits, settings.symmetric, settings.granularity) = (bits, symmetric, .tensor)
        let piece = try await apply(model, settings)
        let form = try #require(piece.model.graph.weights["w"]?.representation as? GroupedIntegers)
        #expect(form.grouping == .tensor && form.scales.count == 1)
        let step = form.scales.elements(as: Float.self)[0]
        let pairs = zip(weight.decoded().elements(as: Float.self), form.decoded().elements(as: Float.self))
        #expect(pairs.allSatisfy { abs($0 - $1) <= step * (symmetric ? 0.500_01 : 1) })
        settings.granularity = .channel
        let finer = try #require(try await apply(model, settings).encodings["w"]?.sqnrDB)
        #expect(try #require(piece.encodings["w"]?.sqnrDB) < finer)
        if GraphBench.hasRuntime {
            #expect(try await ClosedLoop.verify(model, piece, written: piece.model).weightsCompared == 1)
        }
        (settings.granularity, settings.blockSize) = (.tensor, 32)
        #expect(throws: CompressionError.self) { try settings.validate() }
    }

    @Test(arguments: [WeightGrid.Scales.float32, .float16]) func `rows of a table are read as they are stored`(
        scales: WeightGrid.Scales
    ) async throws {
        let weight = try GraphBench.random("w", [100, 16], seed: 1)
        let model = GraphBench.model(
            [
                Node("Cast", inputs: ["x"], outputs: ["i"], attributes: [Attribute("to", .integer(7))]),
                Node("Gather", inputs: ["w", "i"], outputs: ["y"]),
            ], inputs: [GraphBench.input("x", [-1, 4])], outputs: ["y"], weights: [weight])
        var settings = WeightQuantizer()
        settings.scales = scales
        let piece = try await apply(model, settings)
        #expect(piece.model.graph.weights["w"]?.execution == .integer)
        guard GraphBench.hasRuntime else { return }
        #expect(try await ClosedLoop.verify(model, piece, written: piece.model).weightsCompared == 1)
        let file = try ONNXReader.read(Storage(try ONNXWriter.encode(piece.model)), path: "m.onnx")
        #expect(file.graph.weights["w_q"]?.dense?.type == .int8)
        #expect(file.graph.weights["w_s"]?.dense?.type == (scales == .float16 ? .float16 : .float32))
        // A table that is also an output is decoded as a whole.
        var shown = piece.model
        shown.graph.outputs.append(ValueInfo(name: "w"))
        #expect(throws: Never.self) { try ONNXWriter.encode(shown) }
    }

    @Test func `weights inside nested graphs are found, whatever their depth`() async throws {
        let inner = Graph(
            name: "then", nodes: [Node("MatMul", inputs: ["x", "w"], outputs: ["a"])], outputs: [ValueInfo(name: "a")],
            weights: WeightTable([try GraphBench.random("w", [32, 32], seed: 1)]))
        let other = Graph(
            name: "else", nodes: [Node("MatMul", inputs: ["x", "v"], outputs: ["b"])], outputs: [ValueInfo(name: "b")])
        let node = Node(
            "If", inputs: ["c"], outputs: ["y"],
            attributes: [Attribute("then_branch", .graph(inner)), Attribute("else_branch", .graph(other))],
            name: "choice")
        let model = GraphBench.model(
            [node], inputs: [GraphBench.input("x", [-1, 32]), GraphBench.input("c", [], .bool)], outputs: ["y"],
            weights: [try GraphBench.random("v", [32, 32], seed: 2)])
        let piece = try await apply(model)
        #expect(piece.encodings.keys.sorted() == ["choice.then_branch/w", "v"])
        let nested = try #require(piece.model.graph.nodes[0].nestedGraphs.first)
        #expect(nested.weights["w"]?.representation is GroupedIntegers)
        let rows = Ledger(original: model, piece: piece).rows
        #expect(rows.map(\.weight) == ["v", "choice.then_branch/w"])
    }

    @Test func `half floats and operators nobody knows are refused by name`() async throws {
        let half = Weight(
            "w",
            try Tensor(
                type: .float16, shape: Shape([32, 32]), storage: Storage([UInt16](repeating: 0x3c00, count: 1024))))
        let piece = try await apply(model(Node("MatMul", inputs: ["x", "w"], outputs: ["y"]), half))
        #expect(piece.refusals == ["w: only float32 weights are rounded, it is float16"])
        #expect(piece.reasons["w"]?.hasPrefix("kept: only float32") == true)
        #expect(piece.model.graph.weights["w"]?.dense?.type == .float16)
        var custom = Node("Attend", inputs: ["x", "w"], outputs: ["y"])
        custom.domain = "com.example"
        let strange = try await apply(model(custom, try GraphBench.random("w", [32, 32], seed: 1)))
        #expect(strange.refusals == ["w: read by Attend, an operator that is not known"])
        #expect(strange.encodings.isEmpty)
    }

    @Test func `a node without a name is left out by what the ledger calls it`() async throws {
        let model = GraphBench.model(
            [
                Node("MatMul", inputs: ["x", "w"], outputs: ["a3"]),
                Node("MatMul", inputs: ["a3", "v"], outputs: ["y"]),
            ], inputs: [GraphBench.input("x", [-1, 32])], outputs: ["y"],
            weights: [try GraphBench.random("w", [32, 32], seed: 1), try GraphBench.random("v", [32, 32], seed: 2)])
        var selector = Selector(), piece = Workpiece(model: model)
        selector.exclude = ["a3"]
        try await WeightQuantizer().apply(to: &piece, in: StageContext(selector: selector))
        #expect(piece.encodings.keys.sorted() == ["v"])
        #expect(piece.reasons["w"] == "kept: the recipe leaves it out")
    }

    @Test func `small weights, weights of no layer and excluded weights are kept with the reason`() async throws {
        let small = try await apply(model(Self.layers[2].node, try GraphBench.random("w", [4, 4], seed: 1)))
        #expect(small.reasons["w"] == "kept: 16 values are too few to gain anything")
        let added = try await apply(
            model(Node("Add", inputs: ["x", "w"], outputs: ["y"]), try GraphBench.random("w", [32, 32], seed: 1)))
        #expect(added.reasons["w"] == "kept: read by Add, not as the weight of a layer")
        #expect(added.refusals.isEmpty)
        var selector = Selector()
        selector.exclude = ["w"]
        let excluded = try await apply(
            model(Self.layers[2].node, try GraphBench.random("w", [32, 48], seed: 1)), WeightQuantizer(), selector)
        #expect(excluded.reasons["w"] == "kept: the recipe leaves it out")
        selector.exclude = []
        selector.suffixes = [".weight"]
        #expect(
            try await apply(
                model(Self.layers[2].node, try GraphBench.random("w", [32, 48], seed: 1)), WeightQuantizer(), selector
            ).encodings.isEmpty)
    }

    @Test func `a weight that is not finite is kept, named and refused`() async throws {
        var numbers = try GraphBench.random("w", [32, 48], seed: 1).decoded().elements(as: Float.self)
        numbers[7] = .nan
        let piece = try await apply(
            model(Self.layers[2].node, Weight("w", Tensor(numbers, shape: try Shape([32, 48])))))
        #expect(piece.encodings.isEmpty)
        #expect(piece.reasons["w"] == "kept: 1 of its values are NaN or infinite.")
        #expect(piece.refusals == ["w: 1 of its values are NaN or infinite."])
    }

    @Test(arguments: [1, 2, 3, 8]) func `the result is the same with any number of threads`(threads: Int) async throws {
        let weights = try (0..<9).map { try GraphBench.random("w\($0)", [32, 32], seed: UInt64($0)) }
        let nodes = (0..<9).map {
            Node("MatMul", inputs: [$0 == 0 ? "x" : "h\($0)", "w\($0)"], outputs: [$0 == 8 ? "y" : "h\($0 + 1)"])
        }
        let model = GraphBench.model(
            nodes, inputs: [GraphBench.input("x", [-1, 32])], outputs: ["y"], weights: weights)
        var piece = Workpiece(model: model)
        try await WeightQuantizer().apply(to: &piece, in: StageContext(threads: threads))
        for weight in weights {
            let expected = try SymmetricIntegers.encode(weight.decoded(), named: weight.name, axis: 1)
            #expect(piece.model.graph.weights[weight.name]?.representation as? GroupedIntegers == expected)
        }
    }

    @Test func `a table that something else reads too is folded`() async throws {
        let model = GraphBench.model(
            [Node("Gather", inputs: ["w", "x"], outputs: ["a"]), Node("MatMul", inputs: ["a", "w"], outputs: ["y"])],
            inputs: [GraphBench.input("x", [-1], .int64)], outputs: ["y"],
            weights: [try GraphBench.random("w", [32, 32], seed: 1)])
        let piece = try await apply(model)
        #expect(piece.model.graph.weights["w"]?.execution == .folded)
    }

    @Test func `a selector's operators and nodes decide about the weights they read`() async throws {
        let model = GraphBench.model(
            [
                Node("MatMul", inputs: ["x", "w"], outputs: ["a"], name: "first"),
                Node("Gather", inputs: ["t", "a"], outputs: ["b"], name: "second"),
                Node("MatMul", inputs: ["a", "v"], outputs: ["y"], name: "third"),
            ], inputs: [GraphBench.input("x", [-1, 32])], outputs: ["y", "b"],
            weights: try ["w", "t", "v"].map { try GraphBench.random($0, [32, 32], seed: 1) })
        var products = Selector()
        products.operators = ["MatMul"]
        products.exclude = ["third"]
        let piece = try await apply(model, WeightQuantizer(), products)
        #expect(piece.encodings.keys.sorted() == ["w"])
        #expect(piece.reasons["t"] == "kept: the recipe leaves it out")
    }
}
