import PithCompression
import PithModel
import PithTensor
import Testing

/// Levels in blocks and by channel come back to the places they were taken from.
struct WeightGridTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let node: Node
        let lengths: [Int]
        let bits: Int
        let blockSize: Int
        let isSymmetric: Bool
        let grouping: GroupedIntegers.Grouping
        var testDescription: String { "\(node.operation) \(lengths) \(bits) bits, blocks of \(blockSize)" }
    }

    static let cases: [Case] = {
        func node(_ operation: String, _ inputs: [String], _ attributes: [Attribute] = []) -> Node {
            Node(operation, inputs: inputs, outputs: ["y"], attributes: attributes)
        }
        let product = node("MatMul", ["x", "w"]), conv = node("Conv", ["x", "w"])
        let transposed = node("Gemm", ["x", "w"], [Attribute("transB", .integer(1))])
        return [
            Case(
                node: product, lengths: [64, 48], bits: 4, blockSize: 32, isSymmetric: false,
                grouping: .block(axis: 0, size: 32)),
            Case(
                node: product, lengths: [70, 48], bits: 4, blockSize: 32, isSymmetric: false,
                grouping: .block(axis: 0, size: 32)),
            Case(
                node: product, lengths: [16, 48], bits: 4, blockSize: 32, isSymmetric: true, grouping: .channel(axis: 1)
            ),
            Case(
                node: transposed, lengths: [40, 96], bits: 2, blockSize: 16, isSymmetric: false,
                grouping: .block(axis: 1, size: 16)),
            Case(
                node: transposed, lengths: [40, 33], bits: 3, blockSize: 8, isSymmetric: true,
                grouping: .block(axis: 1, size: 8)),
            Case(
                node: conv, lengths: [6, 5, 3, 3], bits: 2, blockSize: 32, isSymmetric: true,
                grouping: .channel(axis: 0)),
            Case(
                node: conv, lengths: [32, 8, 3, 3], bits: 6, blockSize: 0, isSymmetric: false,
                grouping: .channel(axis: 0)),
            Case(
                node: product, lengths: [3, 64, 16], bits: 4, blockSize: 32, isSymmetric: false,
                grouping: .block(axis: 1, size: 32)),
            Case(
                node: node("LSTM", ["x", "w", "x"]), lengths: [2, 64, 40], bits: 4, blockSize: 32, isSymmetric: true,
                grouping: .block(axis: 2, size: 32)),
            Case(
                node: node("Gather", ["w", "i"]), lengths: [100, 48], bits: 4, blockSize: 32, isSymmetric: false,
                grouping: .block(axis: 1, size: 32)),
        ]
    }()

    @Test(arguments: cases) func `each weight lies within half a step of its group`(item: Case) async throws {
        let weight = try GraphBench.random("w", item.lengths, seed: 3)
        let model = GraphBench.model(
            [item.node], inputs: [GraphBench.input("x", [-1, -2])], outputs: ["y"], weights: [weight])
        var piece = Workpiece(model: model), settings = WeightQuantizer()
        (settings.bits, settings.blockSize, settings.symmetric) = (item.bits, item.blockSize, item.isSymmetric)
        (settings.scales, settings.minimumCount) = (.float16, 1)
        try await settings.apply(to: &piece, in: StageContext())
        let form = try #require(piece.model.graph.weights["w"]?.representation as? GroupedIntegers)
        #expect(form.grouping == item.grouping)
        #expect((form.zeroPoints == nil) == item.isSymmetric)
        #expect(form.scales.type == .float16)
        // The step of each weight is the scale of its group: levels one higher throughout show it.
        let raised = GroupedIntegers(
            levels: Tensor([Int8](repeating: 1, count: weight.shape.count), shape: weight.shape), scales: form.scales,
            grouping: form.grouping
        ).decoded().elements(as: Float.self)
        let pairs = zip(weight.decoded().elements(as: Float.self), form.decoded().elements(as: Float.self))
        // Half-float scales are off by 2^-11, which the outermost level multiplies.
        let slack = 0.5 + Float(1 << item.bits) * 0x1p-11
        for (index, pair) in pairs.enumerated() { #expect(abs(pair.0 - pair.1) <= raised[index] * slack) }
    }

    @Test(.enabled(if: GraphBench.hasRuntime, "needs ONNX Runtime"), arguments: 2...8, [true, false])
    func `levels of every width take their bits, and the runtime decodes them as we do`(
        bits: Int, isSymmetric: Bool
    ) async throws {
        let weight = try GraphBench.random("w", [37, 20], seed: 8)
        let model = GraphBench.model(
            [Node("MatMul", inputs: ["x", "w"], outputs: ["y"])], inputs: [GraphBench.input("x", [37, 37])],
            outputs: ["y"], weights: [weight])
        var piece = Workpiece(model: model), settings = WeightQuantizer()
        (settings.bits, settings.blockSize, settings.symmetric) = (bits, 16, isSymmetric)
        settings.minimumCount = 1
        try await settings.apply(to: &piece, in: StageContext())
        let form = try #require(piece.model.graph.weights["w"]?.representation as? GroupedIntegers)
        // Three blocks in each of 20 columns, the last of them not full.
        #expect(form.byteCount == (740 * bits + 7) / 8 + 60 * 4 + (isSymmetric ? 0 : (60 * bits + 7) / 8))
        #expect(form.summary == "\(isSymmetric ? "" : "u")int\(bits) in blocks of 16, the last of 5")
        let unit = (0..<37 * 37).map { $0 % 38 == 0 ? Float(1) : 0 }
        let output = try GraphBench.run(piece.model, ["x": Tensor(unit, shape: try Shape([37, 37]))])["y"]
        #expect(output == form.decoded())
    }

    @Test func `squared error clips what is rare`() async throws {
        var numbers = try GraphBench.random("w", [64, 64], seed: 9).decoded().elements(as: Float.self)
        for index in stride(from: 0, to: numbers.count, by: 97) { numbers[index] *= 5 }
        let model = GraphBench.model(
            [Node("MatMul", inputs: ["x", "w"], outputs: ["y"])], inputs: [GraphBench.input("x", [-1, 64])],
            outputs: ["y"], weights: [Weight("w", Tensor(numbers, shape: try Shape([64, 64])))])
        func sqnr(_ clipping: WeightGrid.Clipping) async throws -> Double {
            var piece = Workpiece(model: model), settings = WeightQuantizer()
            (settings.bits, settings.blockSize, settings.clipping) = (3, 32, clipping)
            try await settings.apply(to: &piece, in: StageContext())
            return try #require(piece.encodings["w"]?.sqnrDB)
        }
        #expect(try await sqnr(.mse) > sqnr(.none) + 1)
    }

    @Test func `settings outside their range are refused by name`() {
        var settings = WeightQuantizer()
        settings.bits = 9
        #expect(throws: CompressionError.self) { try settings.validate() }
        settings.bits = 4
        settings.blockSize = 4
        let error = #expect(throws: CompressionError.self) { try settings.validate() }
        #expect(error?.subject == "quantize.weights blockSize")
    }

    @Test func `half floats halve a weight, and refuse what they can not hold`() async throws {
        var numbers = try GraphBench.random("w", [32, 32], seed: 5).decoded().elements(as: Float.self)
        let node = Node("MatMul", inputs: ["x", "w"], outputs: ["y"])
        func rounded(_ format: HalfRounder.Format) async throws -> Workpiece {
            var piece = Workpiece(
                model: GraphBench.model(
                    [node], inputs: [GraphBench.input("x", [-1, 32])], outputs: ["y"],
                    weights: [Weight("w", Tensor(numbers, shape: try Shape([32, 32])))]))
            var settings = HalfRounder()
            settings.format = format
            try await settings.apply(to: &piece, in: StageContext())
            return piece
        }
        let half = try await rounded(.float16), brain = try await rounded(.bfloat16)
        #expect(half.model.graph.weights["w"]?.byteCount == 2048)
        #expect(try #require(half.encodings["w"]?.sqnrDB) > 70)
        #expect((50.0..<60).contains(try #require(brain.encodings["w"]?.sqnrDB)))
        numbers[7] = 70_000
        let refused = try await rounded(.float16)
        #expect(refused.model.graph.weights["w"]?.dense != nil)
        #expect(refused.refusals == ["w: it has values that float16 can not hold"])
        #expect(try await rounded(.bfloat16).refusals.isEmpty)
    }
}
