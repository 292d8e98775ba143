import PithFormats
import PithModel
import PithRuntime
import PithTensor
import Testing

/// One stored form with the operator set it is written for.
struct LoweringCase: Sendable, CustomTestStringConvertible {
    let type: ScalarType
    let grouping: GroupedIntegers.Grouping
    let hasZeroPoints: Bool
    let execution: Weight.Execution
    let opset: Int
    var dimensions = [4, 6]
    var hasHalfScales = false

    var testDescription: String {
        "\(type) \(grouping) \(hasZeroPoints ? "with zero points " : "")\(hasHalfScales ? "half scales " : "")\(execution) opset \(opset) \(dimensions)"
    }

    /// A form with seeded levels over the whole range of its type.
    func form() throws -> GroupedIntegers {
        var generator = SplitMix64(seed: 5)
        let range = try #require(type.integerRange), shape = try Shape(dimensions)
        let scaleShape = try Shape(GroupedIntegers.scaleDimensions(of: shape, grouping))
        func levels(_ count: Int) -> [Int] { (0..<count).map { _ in Int.random(in: range, using: &generator) } }
        let scales = (0..<scaleShape.count).map { _ in Float.random(in: 0.001...0.1, using: &generator) }
        let zeros = try hasZeroPoints ? Tensor(integers: levels(scaleShape.count), as: type, shape: scaleShape) : nil
        return GroupedIntegers(
            levels: try Tensor(integers: levels(shape.count), as: type, shape: shape),
            scales: hasHalfScales
                ? try Tensor(rounding: scales, to: .float16, shape: scaleShape) : Tensor(scales, shape: scaleShape),
            zeroPoints: zeros, grouping: grouping)
    }

    /// `y = w`, whose weight has the form.
    func model() throws -> Model {
        var weight = Weight(name: "w", form: .encoded(try form()))
        weight.execution = execution
        let graph = Graph(
            nodes: [Node("Identity", inputs: ["w"], outputs: ["y"])],
            outputs: [
                ValueInfo(name: "y", type: ValueType(element: .float32, dimensions: dimensions.map { .fixed($0) }))
            ],
            weights: WeightTable([weight]))
        return Model(graph: graph, operatorSets: ["": opset], formatVersion: opset >= 25 ? 12 : opset >= 21 ? 10 : 8)
    }

    static let all: [LoweringCase] = {
        let groupings: [GroupedIntegers.Grouping] =
            [.tensor, .channel(axis: 0), .channel(axis: 1), .block(axis: 0, size: 2), .block(axis: 1, size: 3)]
        let types: [(ScalarType, folded: Int, integer: Int)] = [
            (.int8, 13, 21), (.uint8, 7, 21), (.int16, 13, 21), (.uint16, 13, 21), (.int4, 11, 21), (.uint4, 11, 21),
            (.int2, 11, 25), (.uint2, 11, 25),
        ]
        return types.flatMap { type, folded, integer in
            groupings.flatMap { grouping in
                [false, true].flatMap { zeros in
                    [(Weight.Execution.folded, folded), (.integer, integer)].map { execution, opset in
                        LoweringCase(
                            type: type, grouping: grouping, hasZeroPoints: zeros, execution: execution, opset: opset)
                    }
                }
            }
        } + [
            LoweringCase(type: .int8, grouping: .tensor, hasZeroPoints: true, execution: .integer, opset: 10),
            LoweringCase(type: .int8, grouping: .channel(axis: 0), hasZeroPoints: true, execution: .integer, opset: 13),
            LoweringCase(
                type: .int32, grouping: .channel(axis: 0), hasZeroPoints: false, execution: .integer, opset: 13,
                dimensions: [7]),
            LoweringCase(type: .int32, grouping: .tensor, hasZeroPoints: false, execution: .folded, opset: 13),
            LoweringCase(
                type: .int8, grouping: .block(axis: 1, size: 4), hasZeroPoints: true, execution: .integer, opset: 21),
            LoweringCase(
                type: .int8, grouping: .channel(axis: 2), hasZeroPoints: true, execution: .folded, opset: 13,
                dimensions: [2, 3, 4, 5]),
            LoweringCase(
                type: .uint4, grouping: .block(axis: 1, size: 32), hasZeroPoints: true, execution: .folded, opset: 11,
                dimensions: [3, 70], hasHalfScales: true),
            LoweringCase(
                type: .int2, grouping: .block(axis: 0, size: 4), hasZeroPoints: false, execution: .folded, opset: 11,
                dimensions: [7, 5, 3], hasHalfScales: true),
            LoweringCase(
                type: .int8, grouping: .block(axis: 1, size: 4), hasZeroPoints: false, execution: .folded, opset: 21),
            LoweringCase(
                type: .uint2, grouping: .tensor, hasZeroPoints: true, execution: .folded, opset: 11, dimensions: [1]),
        ]
    }()
}

@Suite struct LoweringTests {
    @Test(.enabled(if: TestRuntime.isReference, "needs ONNX Runtime 1.31"), arguments: LoweringCase.all)
    func `ONNX Runtime decodes a written form bit for bit`(_ item: LoweringCase) throws {
        let bytes = try ONNXWriter.encode(item.model()), expected = try item.form().decoded()
        for optimization in [SessionOptions.Optimization.none, .all] {
            var options = SessionOptions()
            options.optimization = optimization
            let outputs = try Session(bytes: bytes, name: "lowered", options: options).run([:])
            #expect(outputs["y"] == expected, "\(optimization)")
        }
    }

    @Test(arguments: [
        LoweringCase(type: .int8, grouping: .tensor, hasZeroPoints: false, execution: .integer, opset: 9),
        LoweringCase(type: .int8, grouping: .channel(axis: 0), hasZeroPoints: false, execution: .integer, opset: 12),
        LoweringCase(
            type: .int8, grouping: .block(axis: 0, size: 2), hasZeroPoints: false, execution: .integer, opset: 20),
        LoweringCase(type: .int16, grouping: .tensor, hasZeroPoints: false, execution: .integer, opset: 20),
        LoweringCase(type: .int4, grouping: .tensor, hasZeroPoints: false, execution: .integer, opset: 20),
        LoweringCase(type: .int4, grouping: .tensor, hasZeroPoints: false, execution: .folded, opset: 10),
        LoweringCase(type: .uint2, grouping: .tensor, hasZeroPoints: false, execution: .folded, opset: 10),
        LoweringCase(type: .int8, grouping: .tensor, hasZeroPoints: false, execution: .folded, opset: 6),
        LoweringCase(
            type: .int8, grouping: .tensor, hasZeroPoints: false, execution: .integer, opset: 13, hasHalfScales: true),
        LoweringCase(type: .uint32, grouping: .tensor, hasZeroPoints: false, execution: .integer, opset: 21),
        LoweringCase(type: .int32, grouping: .tensor, hasZeroPoints: true, execution: .integer, opset: 21),
        LoweringCase(type: .int32, grouping: .tensor, hasZeroPoints: true, execution: .folded, opset: 21),
    ])
    func `what the operator set can not say is refused by the weight's name`(_ item: LoweringCase) throws {
        let error = #expect(throws: FormatError.self) { try ONNXLowering.lowered(item.model()) }
        #expect(error?.code == .unsupported && error?.subject == "w")
    }

    @Test(.enabled(if: TestRuntime.isPresent, "needs ONNX Runtime"))
    func `rows of a table are gathered as integers`() throws {
        let item = LoweringCase(
            type: .int8, grouping: .channel(axis: 0), hasZeroPoints: false, execution: .integer, opset: 13)
        var model = try item.model()
        model.graph.nodes = [Node("Gather", inputs: ["w", "i"], outputs: ["y"])]
        model.graph.inputs = [
            ValueInfo(name: "i", type: ValueType(element: .int64, dimensions: [.fixed(2), .fixed(2)]))
        ]
        model.graph.outputs = [ValueInfo(name: "y", type: ValueType(element: .float32, dimensions: nil))]
        let lowered = try ONNXLowering.lowered(model)
        #expect(lowered.graph.nodes.map(\.operation) == ["Gather", "Cast", "Gather", "Mul"])
        let index = Tensor([3, 0, 1, 1] as [Int64], shape: try Shape([2, 2]))
        let found = try TestRuntime.outputs(of: model, ["i": index])["y"]
        let all = try item.form().decoded().elements(as: Float.self)
        let rows: [Int] = [3, 0, 1, 1]
        let expected: [Float] = rows.flatMap { row -> ArraySlice<Float> in all[row * 6..<(row + 1) * 6] }
        #expect(found?.elements(as: Float.self) == expected)
        #expect(found?.shape.dimensions == [2, 2, 6])
    }

    @Test(.enabled(if: TestRuntime.isReference, "needs ONNX Runtime 1.31"))
    func `a table of 4-bit rows, which Gather can not read, is decoded whole`() throws {
        let item = LoweringCase(
            type: .int4, grouping: .channel(axis: 0), hasZeroPoints: false, execution: .integer, opset: 21)
        var model = try item.model()
        model.graph.nodes = [Node("Gather", inputs: ["w", "i"], outputs: ["y"])]
        model.graph.inputs = [ValueInfo(name: "i", type: ValueType(element: .int64, dimensions: [.fixed(1)]))]
        model.graph.outputs = [ValueInfo(name: "y", type: ValueType(element: .float32, dimensions: nil))]
        let found = try TestRuntime.outputs(of: model, ["i": Tensor(vector: [Int64(2)])])["y"]
        #expect(try found?.elements(as: Float.self) == Array(item.form().decoded().elements(as: Float.self)[12..<18]))
    }

    @Test(.enabled(if: TestRuntime.isPresent, "needs ONNX Runtime"), arguments: [3, 4, 8])
    func `a weight that was also an input of an old file is lowered`(_ formatVersion: Int) throws {
        let item = LoweringCase(type: .int8, grouping: .tensor, hasZeroPoints: true, execution: .folded, opset: 8)
        var model = try item.model()
        model.formatVersion = formatVersion
        model.graph.inputs = [
            ValueInfo(name: "w", type: ValueType(element: .float32, dimensions: [.fixed(4), .fixed(6)]))
        ]
        #expect(try TestRuntime.outputs(of: model)["y"] == item.form().decoded())
    }

    @Test(.enabled(if: TestRuntime.isPresent, "needs ONNX Runtime"), arguments: [ScalarType.float16, .bfloat16])
    func `half floats become the numbers they stand for`(type: ScalarType) throws {
        let numbers: [Float] = [0, -0.1, 1.0 / 3, 65504, 6e-8, -1e-5]
        let form = HalfFloats(try Tensor(rounding: numbers, to: type, shape: try Shape([2, 3])))
        var model = try LoweringCase(
            type: .int8, grouping: .tensor, hasZeroPoints: false, execution: .folded, opset: 13, dimensions: [2, 3]
        ).model()
        model.graph.weights["w"]?.form = .encoded(form)
        #expect(try TestRuntime.outputs(of: model)["y"] == form.decoded())
        let errors = zip(numbers, form.decoded().elements(as: Float.self)).map { abs($0 - $1) / max(abs($0), 1e-4) }
        #expect(try #require(errors.max()) <= (type == .float16 ? 0x1p-11 : 0x1p-8))
    }

    /// Codes over their whole range into a table of seeded numbers.
    private func tabled(
        bits: Int, _ dimensions: [Int], _ grouping: GroupedIntegers.Grouping, hasHalfScales: Bool, opset: Int
    ) throws -> Model {
        let type: ScalarType = bits > 4 ? .uint8 : bits > 2 ? .uint4 : .uint2
        let item = LoweringCase(
            type: type, grouping: grouping, hasZeroPoints: false, execution: .folded, opset: opset,
            dimensions: dimensions, hasHalfScales: hasHalfScales)
        let full = try item.form(), levels = try #require(full.levels.integers()).map { $0 & (1 << bits - 1) }
        var generator = SplitMix64(seed: 6)
        let codes = GroupedIntegers(
            levels: try Tensor(integers: levels, as: type, shape: full.shape), scales: full.scales,
            grouping: grouping, levelBits: bits)
        let numbers = (0..<1 << bits).map { _ in Float.random(in: -1...1, using: &generator) }
        var model = try item.model()
        model.graph.weights["w"]?.form = .encoded(TabledIntegers(codes: codes, table: Tensor(vector: numbers)))
        return model
    }

    @Test(
        .enabled(if: TestRuntime.isPresent, "needs ONNX Runtime"), arguments: 2...8,
        [
            GroupedIntegers.Grouping.tensor, .channel(axis: 1), .block(axis: 0, size: 4), .block(axis: 1, size: 3),
            .block(axis: 1, size: 4),
        ])
    func `codes into a table are decoded bit for bit, in blocks that do not fill their axis too`(
        bits: Int, grouping: GroupedIntegers.Grouping
    ) throws {
        for (hasHalfScales, opset) in [(true, bits < 8 ? 11 : 10), (false, 13), (true, 21)] {
            let model = try tabled(bits: bits, [7, 6, 3], grouping, hasHalfScales: hasHalfScales, opset: opset)
            let expected = try #require(model.graph.weights["w"]).decoded()
            let bytes = try ONNXWriter.encode(model)
            for optimization in [SessionOptions.Optimization.none, .all] {
                var options = SessionOptions()
                options.optimization = optimization
                let outputs = try Session(bytes: bytes, name: "lowered", options: options).run([:])
                #expect(outputs["y"] == expected, "opset \(opset), \(optimization)")
            }
        }
    }

    @Test func `codes below a byte are refused where no operator takes bits out of bytes`() throws {
        let model = try tabled(bits: 4, [4, 6], .channel(axis: 0), hasHalfScales: false, opset: 10)
        let error = #expect(throws: FormatError.self) { try ONNXLowering.lowered(model) }
        #expect(error?.code == .unsupported && error?.subject == "w")
    }
}
