import PithCoding
import PithCompression
import PithModel
import PithTensor
import PithTestSupport
import Testing

@Suite struct TrellisCoderTests {
    private static func coder(
        states: Int = 8, step: Double = 0.12, rateWeight: Double = 1, scope: TrellisCoder.Scope = .weight
    ) -> TrellisCoder {
        var coder = TrellisCoder()
        coder.states = states
        coder.step = step
        coder.rateWeight = rateWeight
        coder.scope = scope
        return coder
    }

    /// One product over each of the weights.
    private static func model(_ weights: [Weight], _ operation: String = "MatMul") -> Model {
        let nodes = weights.map {
            Node(
                operation, inputs: operation == "Gather" ? [$0.name, "x"] : ["x", $0.name], outputs: ["y_\($0.name)"])
        }
        return GraphBench.model(
            nodes, inputs: [GraphBench.input("x", [-1, -2])], outputs: weights.map { "y_\($0.name)" }, weights: weights)
    }

    private static func gaussian(_ name: String, _ lengths: [Int], seed: UInt64, scale: Float = 0.05) throws -> Weight {
        var samples = NumberSamples(seed: seed)
        let shape = try Shape(lengths)
        return Weight(name, Tensor((0..<shape.count).map { _ in samples.normal() * scale }, shape: shape))
    }

    private static func apply(
        _ coder: TrellisCoder, to model: Model, _ selector: Selector = Selector()
    ) async throws -> Workpiece {
        var piece = Workpiece(model: model)
        try await coder.apply(to: &piece, in: StageContext(selector: selector))
        return piece
    }

    /// The ratio in dB and the bits that the container takes for each number of one Gaussian matrix.
    private static func result(_ coder: TrellisCoder) async throws -> (decibels: Double, bits: Double) {
        let piece = try await apply(coder, to: model([try gaussian("w", [512, 512], seed: 3)]))
        let form = try #require(piece.model.graph.weights["w"]?.representation as? GroupedIntegers)
        let body = form.levels.storage.withBytes {
            BlockEncoder().encode($0, layout: NumberLayout(.int8), unit: 512)
        }
        return (try #require(piece.encodings["w"]?.sqnrDB), Double(body.count) * 8 / Double(form.levels.count))
    }

    @Test func `eight states win about a decibel over nearest rounding at the same bits, four a little less`()
        async throws
    {
        let plain = try await Self.result(Self.coder(states: 1, step: 0.22, rateWeight: 0))
        // A bit is worth 6.02 dB.
        func gain(_ result: (decibels: Double, bits: Double)) -> Double {
            result.decibels - plain.decibels - (result.bits - plain.bits) * 6.0206
        }
        let eight = gain(try await Self.result(Self.coder(rateWeight: 0)))
        let four = gain(try await Self.result(Self.coder(states: 4, rateWeight: 0)))
        #expect(eight > 0.85 && eight < 1.53, "\(eight) dB")
        #expect(four > 0.75 && four < eight, "\(four) dB")
    }

    @Test(arguments: [1, 4, 8]) func `the weight of the rate saves bits for what they are worth, or better`(
        _ states: Int
    ) async throws {
        let step = states == 1 ? 0.8 : 0.5
        let (blind, aware) = (
            try await Self.result(Self.coder(states: states, step: step, rateWeight: 0)),
            try await Self.result(Self.coder(states: states, step: step))
        )
        #expect(aware.bits < blind.bits - 0.05)
        // Without a trellis it comes out even to a hundredth of a decibel here.
        let gain = aware.decibels - blind.decibels - (aware.bits - blind.bits) * 6.0206
        #expect(gain > (states == 1 ? -0.02 : 0))
    }

    @Test func `levels of a container are within 24.4 dB at 4.1 bits for a Gaussian weight`() async throws {
        let (decibels, bits) = try await Self.result(Self.coder())
        // The bound of Gaussian numbers is decibels / 6.02.
        #expect(bits - decibels / 6.0206 < 0.105, "\(bits) bits at \(decibels) dB")
        #expect(decibels > 24)
    }

    @Test(arguments: [1, 4, 8]) func `a channel that does not fit 8 bits gets a wider step, and the ledger says so`(
        _ states: Int
    ) async throws {
        var numbers = try Self.gaussian("w", [64, 96], seed: 9).decoded().elements(as: Float.self)
        for column in [3, 50, 70] { numbers[7 * 96 + column] = 2.5 }
        let weight = Weight("w", Tensor(numbers, shape: try Shape([64, 96])))
        let piece = try await Self.apply(Self.coder(states: states), to: Self.model([weight]))
        let form = try #require(piece.model.graph.weights["w"]?.representation as? GroupedIntegers)
        // One row rather than three columns.
        #expect(form.grouping == .channel(axis: 0))
        let scales = form.scales.elements(as: Float.self)
        #expect(Set(scales).count == 2 && scales[7] > scales[0])
        #expect(piece.encodings["w"]?.note.contains("1 of 64 channels have wider steps") == true)
        for (value, decoded) in zip(numbers, form.decoded().elements(as: Float.self)) where value == 2.5 {
            #expect(abs(value - decoded) < 0.1)
        }
    }

    @Test func `weights without outliers have one scale, and tables one for each row`() async throws {
        let weight = try Self.gaussian("w", [200, 32], seed: 5)
        let product = try await Self.apply(Self.coder(), to: Self.model([weight])).model.graph.weights["w"]
        #expect((product?.representation as? GroupedIntegers)?.grouping == .tensor)
        #expect(product?.execution == .folded)
        let table = try await Self.apply(Self.coder(), to: Self.model([weight], "Gather")).model.graph.weights["w"]
        #expect((table?.representation as? GroupedIntegers)?.grouping == .channel(axis: 0))
        #expect(table?.execution == .integer)
    }

    @Test func `one step for the whole model has less squared error at the same bits`() async throws {
        let weights = [
            try Self.gaussian("a", [256, 128], seed: 1, scale: 0.2),
            try Self.gaussian("b", [256, 128], seed: 2, scale: 0.02),
        ]
        func scales(_ scope: TrellisCoder.Scope) async throws -> [Float] {
            let piece = try await Self.apply(Self.coder(scope: scope), to: Self.model(weights))
            return try ["a", "b"].map {
                try #require(
                    (piece.model.graph.weights[$0]?.representation as? GroupedIntegers)?.scales.floats()?.first)
            }
        }
        let own = try await scales(.weight), common = try await scales(.model)
        #expect(abs(own[0] / own[1] - 10) < 0.3)
        #expect(abs(common[0] / common[1] - 1) < 0.1)
    }

    @Test func `the levels do not depend on the number of threads`() async throws {
        let model = Self.model([
            try Self.gaussian("a", [300, 200], seed: 1), try Self.gaussian("b", [64, 900], seed: 2),
        ])
        var pieces: [[Int8]] = []
        for threads in [1, 2] {
            var piece = Workpiece(model: model)
            try await Self.coder().apply(to: &piece, in: StageContext(threads: threads))
            pieces.append(
                try ["a", "b"].flatMap {
                    try #require(piece.model.graph.weights[$0]?.representation as? GroupedIntegers).levels
                        .elements(as: Int8.self)
                })
        }
        #expect(pieces[0] == pieces[1])
    }

    @Test func `settings outside their range are refused by name`() {
        for (coder, setting) in [
            (Self.coder(states: 2), "states"), (Self.coder(step: 0), "step"), (Self.coder(step: 9), "step"),
            (Self.coder(rateWeight: -1), "rateWeight"),
        ] {
            #expect {
                try coder.validate()
            } throws: { ($0 as? CompressionError)?.subject == "code.trellis \(setting)" }
        }
    }

    @Test func `what is small, left out or no weight of a layer stays`() async throws {
        var selector = Selector()
        selector.exclude = ["b"]
        let model = Self.model([
            try Self.gaussian("a", [8, 8], seed: 1), try Self.gaussian("b", [64, 64], seed: 2),
            try Self.gaussian("c", [64, 64], seed: 3),
        ])
        let piece = try await Self.apply(Self.coder(), to: model, selector)
        #expect(piece.encodings.keys.sorted() == ["c"])
        #expect(
            piece.reasons["a"]?.contains("too few") == true && piece.reasons["b"]?.contains("leaves it out") == true)
    }
}
