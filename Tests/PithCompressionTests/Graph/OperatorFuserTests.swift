import Foundation
import PithCompression
import PithFormats
import PithModel
import PithRuntime
import PithTensor
import Testing

struct OperatorFuserTests {
    private func fused(_ model: Model) async throws -> Workpiece {
        var piece = Workpiece(model: model)
        try await OperatorFuser().apply(to: &piece, in: StageContext())
        #expect(try GraphBench.isSound(piece.model))
        return piece
    }

    /// Kernels that ONNX Runtime runs of a model, with all its optimizations.
    private func kernels(_ model: Model, _ inputs: [String: Tensor]) throws -> [String] {
        let scratch = try Scratch()
        var options = SessionOptions()
        options.profilePrefix = scratch.path("profile")
        let session = try Session(bytes: try ONNXWriter.encode(model), name: "fused", options: options)
        _ = try session.run(inputs)
        return try session.finishProfiling().map(\.operation)
    }

    // MARK: Root mean square normalization

    /// How an exporter spells the normalization.
    struct Spelling: Sendable, CustomTestStringConvertible {
        var square = "Mul", inverse = "Div", opset = 13, axis = -1
        var testDescription: String { "\(square), \(inverse), operator set \(opset), axis \(axis)" }

        func model(readingRootTwice: Bool = false, axis other: Int? = nil, width: Int = 16) throws -> Model {
            let axes = other ?? axis
            var reduce = Node("ReduceMean", inputs: ["sq"], outputs: ["mean"])
            if opset >= 18 {
                reduce.inputs.append("axes")
            } else {
                reduce.attributes.append(Attribute("axes", .integers([Int64(axes)])))
            }
            var nodes = [
                Node(square, inputs: square == "Mul" ? ["x", "x"] : ["x", "two"], outputs: ["sq"]), reduce,
                Node("Add", inputs: ["mean", "e"], outputs: ["sum"]), Node("Sqrt", inputs: ["sum"], outputs: ["root"]),
            ]
            switch inverse {
            case "Div": nodes.append(Node("Div", inputs: ["one", "root"], outputs: ["inverse"]))
            case "Reciprocal": nodes.append(Node("Reciprocal", inputs: ["root"], outputs: ["inverse"]))
            default: nodes.append(Node("Div", inputs: ["x", "root"], outputs: ["share"]))
            }
            if inverse != "none" { nodes.append(Node("Mul", inputs: ["inverse", "x"], outputs: ["share"])) }
            nodes.append(Node("Mul", inputs: ["share", "w"], outputs: ["y"]))
            if readingRootTwice { nodes.append(Node("Neg", inputs: ["root"], outputs: ["z"])) }
            return GraphBench.model(
                nodes, inputs: [GraphBench.input("x", [-1, 5, width])],
                outputs: readingRootTwice ? ["y", "z"] : ["y"],
                weights: [
                    Weight("one", Tensor(scalar: Float(1))), Weight("two", Tensor(scalar: Float(2))),
                    Weight("e", Tensor(scalar: Float(1e-5))), GraphBench.integers("axes", [Int64(axes)]),
                    try GraphBench.random("w", [16], seed: 2, around: 1),
                ], opset: opset)
        }
    }

    @Test(
        .enabled(if: GraphBench.hasRuntime),
        arguments: [
            Spelling(), Spelling(square: "Pow"), Spelling(inverse: "Reciprocal"), Spelling(inverse: "none"),
            Spelling(opset: 18), Spelling(axis: 2),
        ])
    func `a root mean square normalization is written as the runtime fuses it`(_ spelling: Spelling) async throws {
        let model = try spelling.model(), piece = try await fused(model)
        #expect(
            GraphBench.operations(piece.model.graph) == ["Pow", "ReduceMean", "Add", "Sqrt", "Div", "Mul"])
        let inputs = ["x": try #require(GraphBench.random("x", [3, 5, 16], seed: 3).dense)]
        #expect(try GraphBench.agreement(model, piece.model, inputs) > 120)
        // The runtime knows both quotients, and of the squares only `Pow`.
        #expect(try kernels(model, inputs).count > 1 || spelling.square == "Pow")
        #expect(try kernels(piece.model, inputs) == ["SimplifiedLayerNormalization"])
        #expect(
            piece.notes == ["Written as the runtime has one kernel for: 1 root mean square normalizations."])
    }

    @Test func `what the runtime would not fuse stays as it is`() async throws {
        let written = Spelling(square: "Pow", inverse: "none")
        for model in [
            try Spelling().model(readingRootTwice: true), try Spelling().model(axis: 1), try written.model(),
            try Spelling().model(width: 1), try Spelling().model(width: -2),
        ] {
            let piece = try await fused(model)
            #expect(GraphBench.operations(piece.model.graph) == GraphBench.operations(model.graph))
            #expect(piece.notes.isEmpty)
        }
    }

    // MARK: Rotary position embedding

    /// How an exporter spells the embedding.
    enum Rotary: String, CaseIterable, Sendable {
        case slices, split, pairs, wide, flat

        /// `[batch, positions, heads, head]` for `pairs`, `[batch, positions, head]` for `flat`, else heads first.
        var input: [Int] {
            switch self {
            case .pairs: [-1, 6, 3, 8]
            case .flat: [-1, 6, 8]
            default: [-1, 3, 6, 8]
            }
        }
        private var tables: [Int] {
            switch self {
            case .pairs: [1, 6, 1, 4]
            case .wide: [1, 1, 6, 8]
            default: [6, 4]
            }
        }

        func model(positions: Int? = nil, hasEqualHalves: Bool = true, isMirrored: Bool = false) throws -> Model {
            var lengths = tables
            if let positions { lengths[self == .wide ? 2 : lengths.count == 4 ? 1 : 0] = positions }
            let rows = lengths.reduce(1, *) / (lengths.last ?? 1), width = lengths.last ?? 1
            func table(_ name: String, _ value: (Double) -> Double) throws -> Weight {
                let numbers = (0..<rows * width).map { place -> Float in
                    let row = place / width, column = hasEqualHalves ? place % width % 4 : place % width
                    return Float(value(Double(row) * pow(10, -Double(column) / 4)))
                }
                return Weight(name, Tensor(numbers, shape: try Shape(lengths)))
            }
            let rank = input.count
            var nodes = parts(rank: rank)
            if self == .wide {
                nodes += [
                    Node("Neg", inputs: ["b"], outputs: ["n"]), joining(["n", "a"], as: "turned"),
                    Node("Mul", inputs: ["x", "cos"], outputs: ["p"]),
                    Node("Mul", inputs: ["turned", "sin"], outputs: ["q"]),
                    Node("Add", inputs: ["p", "q"], outputs: ["y"]),
                ]
            } else {
                nodes += [
                    Node("Mul", inputs: ["a", "cos"], outputs: ["p"]),
                    Node("Mul", inputs: ["b", "sin"], outputs: ["q"]),
                    Node(isMirrored ? "Add" : "Sub", inputs: ["p", "q"], outputs: ["first"]),
                    Node("Mul", inputs: ["sin", "a"], outputs: ["r"]),
                    Node("Mul", inputs: ["b", "cos"], outputs: ["s"]),
                    Node(isMirrored ? "Sub" : "Add", inputs: ["s", "r"], outputs: ["second"]),
                ]
                nodes += self == .pairs ? stacking(rank) : [joining(["first", "second"], as: "y")]
            }
            let ends = [Int64(4), Int64.max]
            return GraphBench.model(
                nodes, inputs: [GraphBench.input("x", input)], outputs: ["y"],
                weights: [
                    try table("cos", cos), try table("sin", sin), GraphBench.integers("axis", [Int64(rank - 1)]),
                    GraphBench.integers("zero", [0]), GraphBench.integers("one", [1]), GraphBench.integers("two", [2]),
                    GraphBench.integers("half", [4]), GraphBench.integers("middle", [ends[0]]),
                    GraphBench.integers("end", [ends[1]]), GraphBench.integers("last", [-1]),
                    GraphBench.integers("whole", [0, 0, 3, 8]), GraphBench.integers("halves", [4, 4]),
                ])
        }

        /// The nodes that make `a` and `b` of `x`.
        private func parts(rank: Int) -> [Node] {
            if self == .split {
                return [
                    Node(
                        "Split", inputs: ["x", "halves"], outputs: ["a", "b"],
                        attributes: [Attribute("axis", .integer(-1))])
                ]
            }
            let isPaired = self == .pairs
            func slice(_ start: String, _ end: String, _ output: String) -> Node {
                Node("Slice", inputs: ["x", start, end, "axis", isPaired ? "two" : "one"], outputs: [output])
            }
            return isPaired
                ? [slice("zero", "end", "a"), slice("one", "end", "b")]
                : [slice("zero", "middle", "a"), slice("half", "end", "b")]
        }

        private func joining(_ inputs: [String], as output: String) -> Node {
            Node("Concat", inputs: inputs, outputs: [output], attributes: [Attribute("axis", .integer(-1))])
        }

        private func stacking(_ rank: Int) -> [Node] {
            [
                Node("Unsqueeze", inputs: ["first", "last"], outputs: ["f"]),
                Node("Unsqueeze", inputs: ["second", "last"], outputs: ["g"]), joining(["f", "g"], as: "pairs"),
                Node("Reshape", inputs: ["pairs", "whole"], outputs: ["y"]),
            ]
        }
    }

    @Test(.enabled(if: GraphBench.hasRuntime), arguments: Rotary.allCases)
    func `a rotary embedding goes to the runtime's own operator`(_ rotary: Rotary) async throws {
        let model = try rotary.model(), piece = try await fused(model)
        let operations = GraphBench.operations(piece.model.graph)
        #expect(operations.filter { $0 != "Reshape" } == ["RotaryEmbedding"])
        #expect(operations.count == (rotary == .pairs ? 3 : 1))
        let inputs = ["x": try #require(GraphBench.random("x", rotary.input.map { max($0, 2) }, seed: 3).dense)]
        #expect(try GraphBench.agreement(model, piece.model, inputs) > 120)
        #expect(piece.model.operatorSets["com.microsoft"] == 1)
        #expect(MinimumRuntime.name(of: piece.model) == "ONNX Runtime 1.17")
    }

    /// Whatever length the input has.
    @Test(.enabled(if: GraphBench.hasRuntime)) func `tables may be cut to the length of the input`() async throws {
        var nodes: [Node] = [
            Node("Shape", inputs: ["x"], outputs: ["shape"]),
            Node("Gather", inputs: ["shape", "one"], outputs: ["length"]),
        ]
        for table in ["cos", "sin"] {
            nodes.append(Node("Slice", inputs: ["\(table)s", "zero", "length", "zero", "one"], outputs: [table]))
        }
        let joined = [Attribute("axis", .integer(-1))]
        nodes += [
            Node("Split", inputs: ["x", "halves"], outputs: ["a", "b"], attributes: joined),
            Node("Mul", inputs: ["a", "cos"], outputs: ["p"]), Node("Mul", inputs: ["b", "sin"], outputs: ["q"]),
            Node("Sub", inputs: ["p", "q"], outputs: ["first"]), Node("Mul", inputs: ["a", "sin"], outputs: ["r"]),
            Node("Mul", inputs: ["b", "cos"], outputs: ["s"]), Node("Add", inputs: ["s", "r"], outputs: ["second"]),
            Node("Concat", inputs: ["first", "second"], outputs: ["y"], attributes: joined),
        ]
        func table(_ name: String) throws -> Weight { try GraphBench.random(name, [9, 4], seed: 6) }
        let model = GraphBench.model(
            nodes, inputs: [GraphBench.input("x", [-1, -2, 8])], outputs: ["y"],
            weights: [
                try table("coss"), try table("sins"), GraphBench.integers("zero", [0]), GraphBench.integers("one", [1]),
                GraphBench.integers("halves", [4, 4]),
            ])
        let piece = try await fused(model)
        #expect(GraphBench.operations(piece.model.graph).contains("RotaryEmbedding"))
        #expect(!GraphBench.operations(piece.model.graph).contains("Mul"))
        for length in [1, 5, 9] {
            let inputs = ["x": try #require(GraphBench.random("x", [2, length, 8], seed: 3).dense)]
            #expect(try GraphBench.agreement(model, piece.model, inputs) > 120)
        }
    }

    /// A head of 8 whose constants have equal halves, and one of 16 that takes the same constants as half a head.
    @Test(.enabled(if: GraphBench.hasRuntime)) func `heads of other sizes may share a table`() async throws {
        var model = try Rotary.wide.model(), other = try Rotary.split.model()
        for name in ["cos", "sin"] {
            let table = try #require(model.graph.weights[name]?.dense)
            model.graph.weights[name] = Weight(name, try table.reshaped(to: Shape([6, 8])))
        }
        for index in other.graph.nodes.indices {
            func own(_ name: String) -> String { ["cos", "sin", "halves2"].contains(name) ? name : "\(name)_other" }
            other.graph.nodes[index].inputs = other.graph.nodes[index].inputs.map {
                own($0 == "halves" ? "halves2" : $0)
            }
            other.graph.nodes[index].outputs = other.graph.nodes[index].outputs.map(own)
        }
        model.graph.nodes += other.graph.nodes
        model.graph.weights["halves2"] = GraphBench.integers("halves2", [8, 8])
        model.graph.inputs.append(GraphBench.input("x_other", [-1, 3, 6, 16]))
        model.graph.outputs.append(ValueInfo(name: "y_other"))
        let piece = try await fused(model)
        #expect(GraphBench.operations(piece.model.graph) == ["RotaryEmbedding", "RotaryEmbedding"])
        let inputs = [
            "x": try #require(GraphBench.random("x", [2, 3, 6, 8], seed: 3).dense),
            "x_other": try #require(GraphBench.random("x", [2, 3, 6, 16], seed: 4).dense),
        ]
        #expect(try GraphBench.agreement(model, piece.model, inputs) > 120)
    }

    @Test func `tables of a length that may differ stay as they are`() async throws {
        for lengths in [[-3, 4], [-3, 1, 4]] {
            var model = try (lengths.count == 2 ? Rotary.slices : .pairs).model()
            for name in ["cos", "sin"] {
                model.graph.weights[name] = nil
                model.graph.inputs.append(GraphBench.input(name, lengths))
            }
            #expect(try await fused(model).model.operatorSets["com.microsoft"] == nil)
        }
    }

    @Test func `what the operator would compute otherwise stays as it is`() async throws {
        for model in [
            try Rotary.slices.model(positions: 1), try Rotary.pairs.model(positions: 1),
            try Rotary.slices.model(isMirrored: true), try Rotary.pairs.model(isMirrored: true),
            try Rotary.wide.model(hasEqualHalves: false),
        ] {
            let piece = try await fused(model)
            #expect(GraphBench.operations(piece.model.graph) == GraphBench.operations(model.graph))
            #expect(piece.model.operatorSets["com.microsoft"] == nil)
        }
    }
}
