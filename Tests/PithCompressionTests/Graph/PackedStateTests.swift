import PithCompression
import PithModel
import PithTensor
import Testing

/// States of streams that exporters pack into one input and one output.
struct PackedStateTests {
    /// Slices `x` from `starts` to `ends` along `axes` into `output`, with the parameters that takes.
    private func slice(
        _ output: String, from starts: [Int64], to ends: [Int64], along axes: [Int64]
    ) -> (node: Node, weights: [Weight]) {
        let parameters = [("starts", starts), ("ends", ends), ("axes", axes)]
        return (
            Node("Slice", inputs: ["x"] + parameters.map { "\(output)_\($0.0)" }, outputs: [output]),
            parameters.map { GraphBench.integers("\(output)_\($0.0)", $0.1) }
        )
    }

    /// `x [1, 2, 4, 3]` taken apart along axes 1 and 3, each piece negated: 6 outputs `[1, 1, 4, 1]`, or `[1, 4]` where `isRead` so.
    private func states(isRead: Bool, leaving hole: Int? = nil, opset: Int = 13) -> Model {
        var nodes: [Node] = [], weights = [GraphBench.integers("shape", [1, 4])], outputs: [String] = []
        for layer in 0..<2 {
            for gate in 0..<3 where layer * 3 + gate != hole {
                let name = "p\(layer)\(gate)", low = [Int64(layer), Int64(gate)]
                let end = gate == 2 ? Int64.max : low[1] + 1
                let piece = slice(name, from: low, to: [low[0] + 1, end], along: [1, -1])
                nodes.append(piece.node)
                weights += piece.weights
                if isRead { nodes.append(Node("Reshape", inputs: [name, "shape"], outputs: ["\(name)_flat"])) }
                outputs.append("\(name)_negative")
                nodes.append(Node("Neg", inputs: [isRead ? "\(name)_flat" : name], outputs: [outputs.last ?? ""]))
            }
        }
        return GraphBench.model(
            nodes, inputs: [GraphBench.input("x", [1, 2, 4, 3])], outputs: outputs, weights: weights, opset: opset)
    }

    @Test(arguments: [13, 18]) func `slices that take an input apart become one Split of the shapes that are read`(
        opset: Int
    ) throws {
        let x = ["x": try SmallModels.tensor([1, 2, 4, 3], seed: 1)]
        for isRead in [true, false] {
            let original = states(isRead: isRead, opset: opset)
            var model = original
            try GraphBench.apply(InputSplitter(), to: &model)
            #expect(
                GraphBench.operations(model.graph) == ["Transpose", "Reshape", "Split"]
                    + [String](repeating: "Neg", count: 6))
            // The last axis alone moves to the front, behind the one of length 1.
            #expect(model.graph.nodes[0].integers("perm") == [0, 3, 1, 2])
            #expect(model.graph.nodes[2].outputs.count == 6)
            #expect(try GraphBench.isSound(model))
            #expect(try GraphBench.agreement(original, model, x) == .infinity)
        }
    }

    @Test func `slices without inputs, or of nothing, end no clean-up`() throws {
        let stray = [
            Node("Slice", inputs: [], outputs: ["stray"]), Node("Slice", inputs: [""], outputs: ["empty"]),
            Node("Slice", inputs: ["x"], outputs: []),
        ]
        for node in stray {
            var model = states(isRead: false)
            model.graph.nodes.append(node)
            let before = model.graph.nodes.count
            try GraphBench.apply(InputSplitter(), to: &model)
            #expect(model.graph.nodes.count <= before)
            #expect(model.graph.nodes.contains { $0.inputs == node.inputs && $0.outputs == node.outputs })
        }
    }

    @Test func `what leaves something out, overlaps, or is no gain stays`() throws {
        var models = [states(isRead: true, leaving: 4)]
        let halves = [
            slice("a", from: [0], to: [3], along: [1]), slice("b", from: [2], to: [5], along: [1]),
            slice("c", from: [3], to: [6], along: [1]),
        ]
        // Two of three overlap; two parts of one axis whose length nobody knows.
        for (pieces, length) in [(halves, 6), ([halves[0], halves[2]], -1)] {
            models.append(
                GraphBench.model(
                    pieces.map(\.node), inputs: [GraphBench.input("x", [2, length])],
                    outputs: pieces.map(\.node.outputs[0]),
                    weights: pieces.flatMap(\.weights)))
        }
        // Integers, which may be shapes.
        var integers = states(isRead: true)
        integers.graph.inputs[0] = GraphBench.input("x", [1, 2, 4, 3], .int64)
        models.append(integers)
        for original in models {
            var model = original
            try GraphBench.apply(InputSplitter(), to: &model)
            #expect(GraphBench.operations(model.graph) == GraphBench.operations(original.graph))
        }
    }

    @Test func `lengths that no memory holds are refused in words or left alone`() throws {
        let corner = [
            slice("a", from: [0, 0], to: [1, 1], along: [0, 1]), slice("b", from: [0, 1], to: [1, 2], along: [0, 1]),
        ]
        let ends = [slice("a", from: [0], to: [1], along: [1]), slice("b", from: [1], to: [2], along: [1])]
        let rows = (0..<4).map { slice("r\($0)", from: [Int64($0)], to: [Int64($0) + 1], along: [0]) }
        for (pieces, lengths) in [(corner, [1 << 62, 4]), (ends, [1, 1 << 40]), (rows, [4, 1 << 62])] {
            let squeezes = pieces.map {
                Node("Squeeze", inputs: [$0.node.outputs[0], "zero"], outputs: ["\($0.node.outputs[0])_s"])
            }
            let original = GraphBench.model(
                pieces.map(\.node) + squeezes, inputs: [GraphBench.input("x", lengths)],
                outputs: squeezes.map { $0.outputs[0] },
                weights: pieces.flatMap(\.weights) + [GraphBench.integers("zero", [0])])
            var model = original
            try GraphBench.apply(InputSplitter(), to: &model)
            #expect(GraphBench.operations(model.graph) == GraphBench.operations(original.graph))
        }
    }

    @Test func `parts of one axis need no more than a Split`() throws {
        let pieces = [
            slice("a", from: [0], to: [3], along: [1]), slice("b", from: [-3], to: [Int64.max], along: [1]),
        ]
        let original = GraphBench.model(
            pieces.map(\.node), inputs: [GraphBench.input("x", [2, 6])], outputs: ["a", "b"],
            weights: pieces.flatMap(\.weights))
        var model = original
        try GraphBench.apply(InputSplitter(), to: &model)
        #expect(GraphBench.operations(model.graph) == ["Split"])
        #expect(model.graph.nodes[0].outputs == ["a", "b"])
        #expect(try GraphBench.agreement(original, model, ["x": try SmallModels.tensor([2, 6], seed: 2)]) == .infinity)
    }

    /// `a`, `b`, `c`, `d` of one shape, two by two side by side along `inner`, both behind each other along `outer`.
    private func stack(inner: Int64, outer: Int64, lengths: [Int] = [1, 2, 1, 5]) -> Model {
        func concat(_ inputs: [String], _ output: String, _ axis: Int64) -> Node {
            Node("Concat", inputs: inputs, outputs: [output], attributes: [Attribute("axis", .integer(axis))])
        }
        let nodes = [
            concat(["a", "b"], "ab", inner), concat(["c", "d"], "cd", inner),
            Node("Unsqueeze", inputs: ["ab", "outer"], outputs: ["first"]),
            Node("Unsqueeze", inputs: ["cd", "outer"], outputs: ["second"]), concat(["first", "second"], "y", outer),
        ]
        return GraphBench.model(
            nodes, inputs: ["a", "b", "c", "d"].map { GraphBench.input($0, lengths) }, outputs: ["y"],
            weights: [GraphBench.integers("outer", [outer])])
    }

    @Test(arguments: [(0, 0), (0, 1), (0, -1), (2, 0), (2, -1), (2, 2), (0, 3)] as [(Int64, Int64)])
    func `values stacked along two axes are joined in one run`(inner: Int64, outer: Int64) throws {
        let original = stack(inner: inner, outer: outer)
        var model = original
        try GraphBench.apply(OutputJoiner(), to: &model)
        // What lies one behind the other in that order already needs no more.
        let isInOrder = inner == 0 && outer == 0
        #expect(GraphBench.operations(model.graph) == ["Concat", "Reshape"] + (isInOrder ? [] : ["Transpose"]))
        #expect(try GraphBench.isSound(model))
        let inputs = try ["a", "b", "c", "d"].enumerated().map {
            ($0.element, try SmallModels.tensor([1, 2, 1, 5], seed: UInt64($0.offset)))
        }
        #expect(
            try GraphBench.agreement(original, model, Dictionary(uniqueKeysWithValues: inputs)) == .infinity)
    }

    @Test func `values that are read elsewhere, or longer than one along an axis, are stacked as they were`() throws {
        var read = stack(inner: 0, outer: -1)
        read.graph.nodes.append(Node("Neg", inputs: ["ab"], outputs: ["z"]))
        read.graph.outputs.append(ValueInfo(name: "z", type: nil))
        for original in [
            read, stack(inner: 1, outer: -1), stack(inner: 3, outer: 0), stack(inner: 0, outer: -1, lengths: [1, 0]),
        ] {
            var model = original
            try GraphBench.apply(OutputJoiner(), to: &model)
            #expect(GraphBench.operations(model.graph) == GraphBench.operations(original.graph))
        }
    }

    @Test(arguments: ["LSTM", "GRU", "RNN"]) func `the output of a layer of one step is its last state`(
        operation: String
    ) throws {
        let gates = ["LSTM": 4, "GRU": 3][operation] ?? 1
        func model(steps: Int, lengths: String) throws -> Model {
            GraphBench.model(
                [
                    Node(
                        operation, inputs: ["x", "w", "r", "", lengths], outputs: ["all", "last"],
                        attributes: [Attribute("hidden_size", .integer(6))]),
                    Node("Squeeze", inputs: ["all", "one"], outputs: ["flat"]),
                    Node("Neg", inputs: ["flat"], outputs: ["y"]), Node("Neg", inputs: ["last"], outputs: ["z"]),
                ], inputs: [GraphBench.input("x", [steps, 1, 8])], outputs: ["y", "z"],
                weights: [
                    try GraphBench.random("w", [1, gates * 6, 8], seed: 1),
                    try GraphBench.random("r", [1, gates * 6, 6], seed: 2), GraphBench.integers("one", [1]),
                    Weight("lengths", Tensor(vector: [Int32(1)])),
                ])
        }
        let original = try model(steps: 1, lengths: "")
        var single = original
        try GraphBench.apply(IdentityRemover(), to: &single)
        #expect(GraphBench.operations(single.graph) == [operation, "Neg", "Neg"])
        let x = ["x": try SmallModels.tensor([1, 1, 8], seed: 3)]
        #expect(try GraphBench.agreement(original, single, x) == .infinity)
        for kept in [try model(steps: 2, lengths: ""), try model(steps: 1, lengths: "lengths")] {
            var model = kept
            try GraphBench.apply(IdentityRemover(), to: &model)
            #expect(GraphBench.operations(model.graph) == [operation, "Squeeze", "Neg", "Neg"])
        }
    }
}
