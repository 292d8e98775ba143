import PithCompression
import PithModel
import PithTensor
import Testing

struct PlacementTests {
    private func placement(_ nodes: [Node], _ weights: [Weight], outputs: [String] = ["y"]) -> Placement {
        let model = GraphBench.model(
            nodes, inputs: [GraphBench.input("x", [-1, 4, 8, 8])], outputs: outputs, weights: weights)
        return Placement(model.graph)
    }

    private func kernel(_ name: String) throws -> Weight { try GraphBench.random(name, [4, 4, 1, 1], seed: 1) }
    private func convolution(_ input: String, _ output: String, _ weight: String = "w") -> Node {
        Node("Conv", inputs: [input, weight], outputs: [output])
    }
    private let end = Node("GlobalAveragePool", inputs: ["last"], outputs: ["y"])

    @Test func `a residual block is held in integers from its input to its head`() throws {
        let placement = Placement(try SmallModels.residual().graph)
        #expect(placement.layers.map(\.node) == [0, 2, 7])
        #expect(placement.layers.map(\.bias) == ["b1", "b2", "b3"])
        #expect(placement.layers.map(\.axis) == [0, 0, 0])
        #expect(placement.layers.map(\.inputAxis) == [1, 1, -1])
        // Values between a layer or sum and its ReLU, and the graph's output, have no format.
        #expect(placement.values == ["x", "r1", "c2", "r2", "g", "f"])
        #expect(placement.shared == ["f": "g"])
        #expect(placement.root(of: "f") == "g")
    }

    @Test func `a summand is cut where a ReLU alone reads the sum, and nothing else the summand`() throws {
        let model = try SmallModels.residual()
        #expect(Placement(model.graph).cutSummands == ["c2": "r1"])
        #expect(Placement(model.graph, floatSums: [3]).cutSummands == ["c2": "r1"])
        var seen = model
        seen.graph.outputs.append(ValueInfo(name: "c2", type: model.graph.type(of: "r1")))
        #expect(Placement(seen.graph).cutSummands.isEmpty)
        var bare = model
        bare.graph.nodes[4] = Node("LeakyRelu", inputs: ["s"], outputs: ["r2"])
        #expect(Placement(bare.graph).cutSummands.isEmpty)
        var doubled = model
        doubled.graph.nodes[3] = Node("Add", inputs: ["c2", "c2"], outputs: ["s"])
        #expect(Placement(doubled.graph).cutSummands.isEmpty)
    }

    @Test func `excluded layers and what only they need stay float`() throws {
        let graph = try SmallModels.residual().graph
        let placement = Placement(graph, excluded: [7])
        #expect(placement.layers.map(\.node) == [0, 2])
        #expect(placement.values == ["x", "r1", "c2"])
        #expect(Placement(graph, excluded: [0, 2, 7]).values.isEmpty)
    }

    @Test func `a ReLU behind an integer Gemm is held in integers, whatever reads it`() throws {
        func placement(_ operation: String) throws -> Placement {
            let model = GraphBench.model(
                [
                    Node(operation, inputs: ["x", "w"], outputs: ["a"]), Node("Relu", inputs: ["a"], outputs: ["r"]),
                    Node("MatMul", inputs: ["r", "v"], outputs: ["y"]),
                ], inputs: [GraphBench.input("x", [-1, 4])], outputs: ["y"],
                weights: [try GraphBench.random("w", [4, 4], seed: 1), try GraphBench.random("v", [4, 4], seed: 2)])
            return Placement(model.graph, excluded: [2])
        }
        #expect(try placement("Gemm").values == ["x", "r"])
        #expect(try placement("MatMul").values == ["x"])
    }

    @Test func `a sum in float reads what a float convolution made, with its channels last`() throws {
        let graph = try SmallModels.residual().graph
        let integers = Placement(graph, excluded: [0])
        // Only an integer sum stands beside the second convolution: it reads levels.
        #expect(integers.sums == [3] && integers.exactReaders["r1"] == [] && integers.mixedLayouts == ["r1"])
        let sum = Placement(graph, excluded: [0], floatSums: [3])
        #expect(sum.sums.isEmpty && sum.exactReaders["r1"] == ["s"] && sum.mixedLayouts == ["r1"])
        #expect(sum.values == integers.values && sum.layers == integers.layers)
        // What an integer convolution makes has been rounded for everyone, and has its channels last already.
        let all = Placement(graph, floatSums: [3])
        #expect(all.exactReaders == ["x": [], "r2": []] && all.mixedLayouts.isEmpty)
    }

    @Test func `a float reader beside the sums keeps a layout as it is`() throws {
        var graph = try SmallModels.residual().graph
        graph.nodes.append(Node("Erf", inputs: ["r1"], outputs: ["e"]))
        let placement = Placement(graph, excluded: [0])
        #expect(placement.exactReaders["r1"] == ["e"] && placement.mixedLayouts.isEmpty)
    }

    @Test func `what stands between products computes in float, behind convolutions in integers`() throws {
        func gated(_ layer: (String, String, String) -> Node, _ shape: [Int]) throws -> [String] {
            placement(
                [
                    layer("x", "gate", "w1"), layer("x", "up", "w2"), Node("Sigmoid", inputs: ["gate"], outputs: ["s"]),
                    Node("Mul", inputs: ["gate", "s"], outputs: ["silu"]),
                    Node("Mul", inputs: ["silu", "up"], outputs: ["m"]), layer("m", "last", "w3"), end,
                ], try (1...3).map { try GraphBench.random("w\($0)", shape, seed: UInt64($0)) }
            ).values
        }
        let products = try gated({ Node("MatMul", inputs: [$0, $2], outputs: [$1]) }, [8, 8])
        #expect(products == ["x", "m"])
        let convolutions = try gated({ self.convolution($0, $1, $2) }, [4, 4, 1, 1])
        #expect(convolutions == ["x", "gate", "up", "s", "silu", "m", "last"])
    }

    @Test func `a ReLU behind a product costs nothing, what follows it computes in float`() throws {
        func product(_ input: String, _ output: String, _ weight: String) -> Node {
            Node("MatMul", inputs: [input, weight], outputs: [output])
        }
        func values(_ between: [Node]) throws -> [String] {
            let nodes = [product("x", "a", "w1"), Node("Relu", inputs: ["a"], outputs: ["r"])] + between
            return placement(
                nodes + [product(between.isEmpty ? "r" : "m", "last", "w2"), end],
                try (1...2).map { try GraphBench.random("w\($0)", [8, 8], seed: UInt64($0)) }
            ).values
        }
        #expect(try values([]) == ["x", "r"])
        #expect(try values([Node("Mul", inputs: ["r", "r"], outputs: ["m"])]) == ["x", "m"])
    }

    @Test func `inputs of a concatenation have formats of their own`() throws {
        let placement = placement(
            [
                convolution("x", "a"), convolution("x", "b"),
                Node("Concat", inputs: ["a", "b"], outputs: ["c"], attributes: [Attribute("axis", .integer(1))]),
                Node("Conv", inputs: ["c", "v"], outputs: ["last"]), end,
            ], [try kernel("w"), try GraphBench.random("v", [4, 8, 1, 1], seed: 2)])
        #expect(placement.values == ["x", "a", "b", "c", "last"])
        #expect(placement.shared.isEmpty)
    }

    @Test func `pools and movements take the format of their input`() throws {
        let placement = placement(
            [
                convolution("x", "a"),
                Node(
                    "MaxPool", inputs: ["a"], outputs: ["m"],
                    attributes: [Attribute("kernel_shape", .integers([2, 2]))]),
                Node("Pad", inputs: ["m", "pads"], outputs: ["p"]), convolution("p", "last"), end,
            ], [try kernel("w"), GraphBench.integers("pads", [0, 0, 1, 1, 0, 0, 1, 1])])
        #expect(placement.values == ["x", "a", "m", "p", "last"])
        #expect(placement.shared == ["m": "a", "p": "m"])
        #expect(placement.root(of: "p") == "a")
    }

    @Test func `padding with anything but zero needs a format of its own`() throws {
        func values(_ constant: Float) throws -> Placement {
            placement(
                [
                    convolution("x", "a"), Node("Pad", inputs: ["a", "pads", "value"], outputs: ["p"]),
                    convolution("p", "last"), end,
                ],
                [
                    try kernel("w"), GraphBench.integers("pads", [0, 0, 1, 1, 0, 0, 1, 1]),
                    Weight("value", Tensor(scalar: constant)),
                ])
        }
        #expect(try values(0).shared == ["p": "a"])
        #expect(try values(9).shared.isEmpty)
        #expect(try values(9).values.contains("p"))
    }

    @Test func `an operator without an integer kernel ends the integers before it`() throws {
        let placement = placement(
            [
                convolution("x", "a"), Node("Erf", inputs: ["a"], outputs: ["e"]),
                Node("Sqrt", inputs: ["e"], outputs: ["q"]),
                convolution("q", "last"), end,
            ], [try kernel("w")])
        #expect(placement.values == ["x", "a", "q", "last"])
    }

    @Test func `a sum with a constant stays float, and its result is held`() throws {
        let placement = placement(
            [
                convolution("x", "a"), Node("Add", inputs: ["a", "shift"], outputs: ["s"]), convolution("s", "last"),
                end,
            ], [try kernel("w"), try GraphBench.random("shift", [1, 4, 1, 1], seed: 3)])
        #expect(placement.values == ["x", "a", "s", "last"])
    }

    @Test func `a clip from zero hides the value before it and bounds the one after`() throws {
        let clip = Node("Clip", inputs: ["a", "low", "high"], outputs: ["r"])
        let weights = [try kernel("w"), Weight("high", Tensor(scalar: Float(6)))]
        for (low, isHidden) in [(Float(0), true), (-1, false)] {
            let placement = placement(
                [convolution("x", "a"), clip, convolution("r", "last"), end],
                weights + [Weight("low", Tensor(scalar: low))])
            #expect(placement.values.contains("a") != isHidden)
            #expect(placement.clipped == ["r": 6])
        }
    }

    @Test func `layers need a constant float weight, and a bias of one number a channel`() throws {
        func layers(_ node: Node, _ weights: [Weight]) -> [IntegerLayer] {
            placement(
                [
                    node, Node("Relu", inputs: ["z"], outputs: ["r"]),
                    Node("GlobalAveragePool", inputs: ["r"], outputs: ["y"]),
                ], weights
            ).layers
        }
        let kernel = try kernel("w"), wide = try GraphBench.random("m", [8, 4], seed: 2)
        let bias = try GraphBench.random("b", [4], seed: 3), row = try GraphBench.random("b", [1, 4], seed: 3)
        let conv = Node("Conv", inputs: ["x", "w", "b"], outputs: ["z"])
        #expect(layers(conv, [kernel, bias]).count == 1)
        #expect(layers(conv, [kernel, row]).isEmpty)
        #expect(layers(Node("Conv", inputs: ["x", "x"], outputs: ["z"]), []).isEmpty)
        let gemm = Node("Gemm", inputs: ["x", "m", "b"], outputs: ["z"])
        #expect(layers(gemm, [wide, bias]).first?.axis == 1)
        var scaled = gemm
        scaled[attribute: "alpha"] = .float(0.5)
        #expect(layers(scaled, [wide, bias]).isEmpty)
        #expect(layers(Node("MatMul", inputs: ["x", "m"], outputs: ["z"]), [wide]).first?.bias == nil)
        #expect(layers(Node("MatMul", inputs: ["m", "x"], outputs: ["z"]), [wide]).isEmpty)
        let stack = try GraphBench.random("m", [2, 8, 4], seed: 2)
        #expect(layers(Node("MatMul", inputs: ["x", "m"], outputs: ["z"]), [stack]).isEmpty)
        var custom = conv
        custom.domain = "com.example"
        #expect(layers(custom, [kernel, bias]).isEmpty)
    }

    @Test func `a convolution whose result leaves the graph stays float, a product does not`() throws {
        let direct = placement([convolution("x", "y")], [try kernel("w")])
        #expect(direct.layers.isEmpty)
        #expect(direct.values.isEmpty)
        let product = placement(
            [Node("MatMul", inputs: ["x", "m"], outputs: ["y"])], [try GraphBench.random("m", [8, 4], seed: 2)])
        #expect(product.layers.count == 1)
        #expect(product.values == ["x"])
    }

    @Test func `a convolution whose ReLU leaves the graph stays float, and so does what fed only it`() throws {
        let relu = Node("Relu", inputs: ["c"], outputs: ["y"])
        let bare = placement([convolution("x", "c"), relu], [try kernel("w")])
        #expect(bare.layers.isEmpty && bare.values.isEmpty)
        let chain = placement(
            [convolution("x", "a", "v"), convolution("a", "c"), relu], [try kernel("v"), try kernel("w")])
        #expect(chain.layers.map(\.output) == ["a"])
        #expect(chain.values == ["x", "a"])
    }
}
