import Foundation
import PithCompression
import PithFormats
import PithModel
import PithTensor
import PithTestSupport
import Testing

/// What the upgrade does to single nodes, to names and versions, and what it refuses.
@Suite struct OpsetUpgraderTests {
    /// A model of `nodes` from the float input `x` of the given lengths to the output `y`.
    private func model(
        _ nodes: [Node], opset: Int, x lengths: [Int]? = [2, 3, 4], type: ScalarType = .float32,
        weights: [Weight] = [], formatVersion: Int = 3
    ) -> Model {
        let dimensions = lengths.map { $0.map { ValueType.Dimension.fixed($0) } }
        let x = ValueInfo(name: "x", type: ValueType(element: type, dimensions: dimensions))
        let graph = Graph(nodes: nodes, inputs: [x], outputs: [ValueInfo(name: "y")], weights: WeightTable(weights))
        return Model(graph: graph, operatorSets: ["": opset], formatVersion: formatVersion)
    }

    private func node(_ operation: String, _ attributes: [String: AttributeValue] = [:], outputs: [String] = ["y"])
        -> Node
    {
        let attributes = attributes.sorted { $0.key < $1.key }.map { Attribute($0.key, $0.value) }
        return Node(operation, inputs: ["x"], outputs: outputs, attributes: attributes)
    }

    private func upgraded(_ model: Model, to version: Int) throws -> Graph {
        var model = model
        try OpsetUpgrader.upgrade(&model, to: version)
        try model.graph.validate()
        #expect(model.opset == version)
        return model.graph
    }

    /// The integers that an input of the last node holds.
    private func integers(_ graph: Graph, _ position: Int) -> [Int]? {
        guard let node = graph.nodes.last, position < node.inputs.count else { return nil }
        return graph.weights[node.inputs[position]]?.dense?.integers()
    }

    private func refusal(_ model: Model, to version: Int) -> CompressionError? {
        var copy = model
        do throws(CompressionError) {
            try OpsetUpgrader.upgrade(&copy, to: version)
            return nil
        } catch {
            #expect(copy.opset == model.opset && copy.graph.nodes.count == model.graph.nodes.count)
            return error
        }
    }

    struct Move: Sendable, CustomTestStringConvertible {
        let operation: String
        let from: Int, to: Int
        let attribute: String
        let values: [Int64]
        let position: Int
        var testDescription: String { "\(operation) \(from) to \(to)" }
    }

    @Test(arguments: [
        Move(operation: "Squeeze", from: 11, to: 13, attribute: "axes", values: [0, 2], position: 1),
        Move(operation: "Unsqueeze", from: 7, to: 21, attribute: "axes", values: [-1], position: 1),
        Move(operation: "ReduceSum", from: 12, to: 13, attribute: "axes", values: [1], position: 1),
        Move(operation: "ReduceMean", from: 13, to: 18, attribute: "axes", values: [1, 2], position: 1),
        Move(operation: "ReduceL2", from: 7, to: 21, attribute: "axes", values: [-1], position: 1),
        Move(operation: "Split", from: 11, to: 13, attribute: "split", values: [2], position: 1),
        Move(operation: "Pad", from: 7, to: 11, attribute: "pads", values: [0, 0, 1, 0, 0, 2], position: 1),
    ])
    func `An attribute list becomes an input weight`(_ move: Move) throws {
        let graph = try upgraded(
            model([node(move.operation, [move.attribute: .integers(move.values)])], opset: move.from), to: move.to)
        #expect(graph.nodes.count == 1)
        #expect(graph.nodes[0][attribute: move.attribute] == nil)
        #expect(integers(graph, move.position)?.map { Int64($0) } == move.values)
    }

    @Test func `Reductions keep their attribute until version 18`() throws {
        let graph = try upgraded(model([node("ReduceMean", ["axes": .integers([1])])], opset: 11), to: 17)
        #expect(graph.nodes[0].integers("axes") == [1] && graph.weights.isEmpty)
    }

    @Test func `Equal lists are made once`() throws {
        let nodes = [
            node("Unsqueeze", ["axes": .integers([0])], outputs: ["a"]),
            Node("Squeeze", inputs: ["a"], outputs: ["y"], attributes: [Attribute("axes", .integers([0]))]),
        ]
        #expect(try upgraded(model(nodes, opset: 11), to: 13).weights.count == 1)
    }

    @Test func `Slice and TopK take their attributes as inputs`() throws {
        let slice = try upgraded(
            model(
                [node("Slice", ["starts": .integers([1]), "ends": .integers([9]), "axes": .integers([2])])], opset: 9),
            to: 13)
        #expect(integers(slice, 1) == [1] && integers(slice, 2) == [9] && integers(slice, 3) == [2])
        let top = try upgraded(model([node("TopK", ["k": .integer(3)], outputs: ["y", "i"])], opset: 9), to: 11)
        #expect(integers(top, 1) == [3] && top.nodes[0][attribute: "k"] == nil)
    }

    @Test func `Clip takes its bounds as scalars and leaves out the default`() throws {
        let graph = try upgraded(model([node("Clip", ["min": .float(-0.5)])], opset: 7), to: 13)
        #expect(graph.nodes[0].inputs.count == 2)
        #expect(graph.weights[graph.nodes[0].inputs[1]]?.dense == Tensor(scalar: Float(-0.5)))
    }

    @Test func `Clip of half floats keeps both bounds and converts them`() throws {
        let graph = try upgraded(model([node("Clip", ["min": .float(0)])], opset: 7, type: .float16), to: 13)
        #expect(graph.nodes.map(\.operation) == ["Cast", "Cast", "Clip"])
        #expect(graph.nodes[0].integer("to", default: 0) == 10 && graph.weights.count == 2)
    }

    @Test func `The type of a value is followed through the nodes before it`() throws {
        let nodes = [node("Relu", outputs: ["a"]), Node("Clip", inputs: ["a"], outputs: ["y"])]
        #expect(try upgraded(model(nodes, opset: 7), to: 13).nodes.count == 2)
    }

    @Test(arguments: ["Softmax", "LogSoftmax", "Hardmax"])
    func `A sum over the last axis stays one node`(operation: String) throws {
        let graph = try upgraded(model([node(operation, ["axis": .integer(2)])], opset: 11), to: 13)
        #expect(graph.nodes.count == 1 && graph.nodes[0].integer("axis", default: 9) == -1)
    }

    @Test func `A sum over channels with nothing behind them stays one node`() throws {
        let graph = try upgraded(model([node("Softmax")], opset: 11, x: [2, 5, 1, 1]), to: 13)
        #expect(graph.nodes.count == 1 && graph.nodes[0].integer("axis", default: 9) == 1)
    }

    @Test(arguments: [[2, 3, 4], nil])
    func `A sum over several or unknown axes is flattened and put back`(lengths: [Int]?) throws {
        let graph = try upgraded(model([node("Softmax")], opset: 9, x: lengths), to: 13)
        #expect(graph.nodes.map(\.operation) == ["Flatten", "Softmax", "Shape", "Reshape"])
        #expect(graph.nodes[0].integer("axis", default: 9) == 1 && graph.nodes[1].integer("axis", default: 9) == -1)
        #expect(graph.nodes[3].outputs == ["y"])
    }

    @Test func `Upsample becomes an asymmetric Resize that takes the element below`() throws {
        let graph = try upgraded(model([node("Upsample", ["scales": .floats([1, 2, 2])])], opset: 7), to: 13)
        let resize = try #require(graph.nodes.first)
        #expect(resize.operation == "Resize" && resize.inputs.count == 3 && resize.inputs[1].isEmpty)
        #expect(resize.string("coordinate_transformation_mode") == "asymmetric")
        #expect(resize.string("nearest_mode") == "floor")
        #expect(graph.weights[resize.inputs[2]]?.dense?.floats() == [1, 2, 2])
    }

    @Test func `Resize to sizes loses its empty scales in version 13`() throws {
        let resize = Node("Resize", inputs: ["x", "roi", "scales", "sizes"], outputs: ["y"])
        let empty = Tensor(vector: [Float]())
        let weights = [Weight("roi", empty), Weight("scales", empty), Weight("sizes", Tensor(vector: [Int64](1...3)))]
        #expect(
            try upgraded(model([resize], opset: 11, weights: weights), to: 13).nodes[0].inputs == [
                "x", "", "", "sizes",
            ])
    }

    @Test func `Renamed operators, modes and defaults are written out`() throws {
        let grid = Node(
            "GridSample", inputs: ["x", "x"], outputs: ["y"], attributes: [Attribute("mode", .text("bicubic"))])
        #expect(try upgraded(model([grid], opset: 16), to: 20).nodes[0].string("mode") == "cubic")
        let align = Node("RoiAlign", inputs: ["x", "x", "x"], outputs: ["y"])
        let raised = try upgraded(model([align], opset: 10), to: 16).nodes[0]
        #expect(raised.string("coordinate_transformation_mode") == "output_half_pixel")
        let scatter = Node("Scatter", inputs: ["x", "x", "x"], outputs: ["y"])
        #expect(try upgraded(model([scatter], opset: 9), to: 13).nodes[0].operation == "ScatterElements")
        #expect(
            try upgraded(model([node("Split", outputs: ["y", "z"])], opset: 13), to: 18).nodes[0].integer(
                "num_outputs", default: 0) == 2)
        let fourier = try upgraded(model([node("DFT")], opset: 17), to: 20)
        #expect(fourier.nodes[0].inputs[1].isEmpty && integers(fourier, 2) == [1])
    }

    @Test func `Dropout loses its rate and a mask that nobody reads`() throws {
        let graph = try upgraded(
            model([node("Dropout", ["ratio": .float(0.3)], outputs: ["y", "mask"])], opset: 7), to: 13)
        #expect(graph.nodes[0].outputs == ["y"] && graph.nodes[0].attributes.isEmpty)
    }

    @Test func `Nested graphs are raised too, with names of their own`() throws {
        let branch = Graph(
            nodes: [Node("Squeeze", inputs: ["x"], outputs: ["r"], attributes: [Attribute("axes", .integers([0]))])],
            outputs: [ValueInfo(name: "r")])
        let choice = Node(
            "If", inputs: ["opset_axes"], outputs: ["y"],
            attributes: [Attribute("then_branch", .graph(branch)), Attribute("else_branch", .graph(branch))])
        var whole = model([choice], opset: 11, weights: [Weight("opset_axes", Tensor(vector: [UInt8(1)]))])
        try OpsetUpgrader.upgrade(&whole, to: 13)
        let nested = whole.graph.nodes[0].nestedGraphs
        #expect(nested.map { $0.nodes[0].inputs } == [["x", "opset_axes_1"], ["x", "opset_axes_2"]])
        #expect(nested.allSatisfy { $0.weights.count == 1 } && whole.graph.weights.count == 1)
    }

    @Test func `The file version rises with the set and weights leave the inputs of old files`() throws {
        var old = model(
            [Node("Add", inputs: ["x", "w"], outputs: ["y"])], opset: 8,
            weights: [
                Weight("w", Tensor(scalar: Float(1)))
            ])
        old.graph.inputs.append(ValueInfo(name: "w"))
        var newer = old
        newer.formatVersion = 12
        try OpsetUpgrader.upgrade(&old, to: 13)
        #expect(old.formatVersion == 7 && old.graph.inputs.map(\.name) == ["x"])
        try OpsetUpgrader.upgrade(&newer, to: 21)
        #expect(newer.formatVersion == 12 && newer.graph.inputs.map(\.name) == ["x", "w"])
    }

    @Test func `A model that is there already stays as it is`() throws {
        var same = model([node("NoSuchOperator")], opset: 21)
        try OpsetUpgrader.upgrade(&same, to: 13)
        #expect(same.opset == 21 && same.formatVersion == 3)
    }

    @Test func `Operators of other domains are passed by`() throws {
        let custom = Node("Fused", inputs: ["x"], outputs: ["y"], domain: "com.example")
        #expect(try upgraded(model([custom], opset: 9), to: 21).nodes[0].operation == "Fused")
    }

    struct Refused: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let node: Node
        let from: Int
        let to: Int
        let words: String
        var lengths: [Int]? = [1, 4, 5, 5]
    }

    @Test(arguments: [
        Refused(
            testDescription: "statistics by place",
            node: Node(
                "BatchNormalization", inputs: ["x"], outputs: ["y"],
                attributes: [Attribute("spatial", .integer(0))]), from: 7, to: 13, words: "spatial"),
        Refused(
            testDescription: "normalization in training",
            node: Node(
                "BatchNormalization", inputs: ["x"], outputs: ["y", "m", "v"]), from: 9, to: 21, words: "training"),
        Refused(
            testDescription: "groups", node: Node("GroupNormalization", inputs: ["x"], outputs: ["y"]), from: 18,
            to: 21,
            words: "groups"),
        Refused(
            testDescription: "a mask that is read", node: Node("Dropout", inputs: ["x"], outputs: ["m", "y"]), from: 7,
            to: 13,
            words: "mask"),
        Refused(
            testDescription: "batched scan", node: Node("Scan", inputs: ["x"], outputs: ["y"]), from: 8, to: 13,
            words: "batches"),
        Refused(
            testDescription: "open rounding", node: Node("Resize", inputs: ["x", "x"], outputs: ["y"]), from: 10,
            to: 13,
            words: "nearest"),
        Refused(
            testDescription: "withdrawn mode",
            node: Node(
                "Resize", inputs: ["x", "x", "x"], outputs: ["y"],
                attributes: [
                    Attribute("coordinate_transformation_mode", .text("tf_half_pixel_for_nn"))
                ]), from: 11, to: 13,
            words: "tf_half_pixel_for_nn"),
        Refused(
            testDescription: "counted padding",
            node: Node(
                "AveragePool", inputs: ["x"], outputs: ["y"],
                attributes: [
                    Attribute("count_include_pad", .integer(1)), Attribute("ceil_mode", .integer(1)),
                ]), from: 11, to: 21,
            words: "ceil_mode"),
        Refused(
            testDescription: "a window in the padding",
            node: Node(
                "MaxPool", inputs: ["x"], outputs: ["y"],
                attributes: [
                    Attribute("kernel_shape", .integers([2])), Attribute("strides", .integers([2])),
                    Attribute("pads", .integers([0, 1])), Attribute("ceil_mode", .integer(1)),
                ]), from: 12, to: 25, words: "22"),
        Refused(
            testDescription: "lists that do not fit",
            node: Node(
                "MaxPool", inputs: ["x"], outputs: ["y"],
                attributes: [
                    Attribute("kernel_shape", .integers([.max, 2])), Attribute("ceil_mode", .integer(1)),
                ]), from: 12, to: 25,
            words: "2^31"),
        Refused(
            testDescription: "an unknown operator", node: Node("Warp", inputs: ["x"], outputs: ["y"]), from: 11, to: 13,
            words: "no known operator"),
        Refused(
            testDescription: "an operator from the future", node: Node("Gelu", inputs: ["x"], outputs: ["y"]), from: 13,
            to: 21,
            words: "does not have"),
        Refused(
            testDescription: "a withdrawn operator", node: Node("Upsample", inputs: ["x"], outputs: ["y"]), from: 11,
            to: 13,
            words: "does not have"),
        Refused(
            testDescription: "a set that is too old", node: Node("Add", inputs: ["x", "x"], outputs: ["y"]), from: 6,
            to: 13,
            words: "older"),
        Refused(
            testDescription: "missing inputs", node: Node("Clip", inputs: [], outputs: ["y"]), from: 7, to: 13,
            words: "type"),
        Refused(
            testDescription: "a list that is none",
            node: Node(
                "Squeeze", inputs: ["x"], outputs: ["y"],
                attributes: [
                    Attribute("axes", .float(1))
                ]), from: 7, to: 13, words: "no list"),
    ])
    func `What has no equivalent is refused by the node's name`(_ refused: Refused) throws {
        let error = try #require(
            refusal(model([refused.node], opset: refused.from, x: refused.lengths), to: refused.to))
        #expect(error.code == .unsupportedOperator && error.subject.hasPrefix(refused.node.operation))
        #expect(error.problem.contains(refused.words) && !error.remedy.isEmpty)
    }

    @Test func `Clip of a value without a type is refused`() throws {
        let custom = Node("Fused", inputs: ["x"], outputs: ["a"], domain: "com.example")
        let error = try #require(
            refusal(model([custom, Node("Clip", inputs: ["a"], outputs: ["y"])], opset: 9), to: 13))
        #expect(error.problem.contains("'a'") && error.remedy.contains("shape inference"))
    }

    @Test func `Functions of the model and unknown versions are refused`() throws {
        var functions = model([node("Relu")], opset: 13)
        functions.foreign = ForeignFields([0x30, 0x01, 0xCA, 0x01, 0x02, 0x0A, 0x00])
        #expect(refusal(functions, to: 21)?.subject == "model functions")
        #expect(refusal(model([node("Relu")], opset: 13), to: 26)?.code == .invalidSetting)
    }

    @Test func `Every rule stands at a version that revised its operator`() {
        for (operation, versions) in OpsetUpgrader.ruledVersions {
            let history = OpsetUpgrader.histories[operation]
            for version in versions {
                #expect(history?.revisions.contains(version) == true || history?.withdrawn == version, "\(operation)")
            }
        }
        #expect(OpsetUpgrader.histories.count == 198)
    }

    @Test(
        .enabled(if: SharedData.has("models")),
        arguments: [
            "ad-autoencoder", "dtln-1", "dtln-2", "kjv-lm", "kws-dscnn", "magika", "mnist-cntk", "mobileface_v2",
            "resnet20-cifar10", "resnet8-mlperf", "silero-vad", "silero-vad-half", "silero-vad-ifless", "stories260k",
            "ultraface-rfb-320", "vww-mobilenet", "yolox-nano",
        ])
    func `Real models reach 13, 21 and 25 and stay sound`(name: String) throws {
        let model = try ONNXReader.read(path: SharedData.url("models/\(name).onnx").path)
        for version in [13, 21, 25] {
            var raised = model
            try OpsetUpgrader.upgrade(&raised, to: version)
            try raised.graph.validate()
            #expect(raised.opset == max(model.opset, version))
            #expect(raised.graph.outputs.map(\.name) == model.graph.outputs.map(\.name))
            #expect(raised.graph.weights.count >= model.graph.weights.count)
        }
    }
}
