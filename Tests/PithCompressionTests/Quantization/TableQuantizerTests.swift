import PithCompression
import PithModel
import PithTensor
import Testing

/// Weights that are rounded to tables of levels: `quantize.companded` and `quantize.piecewise`.
struct TableQuantizerTests {
    private static let product = Node("MatMul", inputs: ["x", "w"], outputs: ["y"])

    private func model(_ numbers: [Float], _ lengths: [Int], _ node: Node = product) throws -> Model {
        GraphBench.model(
            [node], inputs: [GraphBench.input("x", [lengths[0], lengths[0]])], outputs: ["y"],
            weights: [Weight("w", Tensor(numbers, shape: try Shape(lengths)))])
    }

    private func apply(_ technique: some Technique, to model: Model) async throws -> Workpiece {
        var piece = Workpiece(model: model)
        try await technique.apply(to: &piece, in: StageContext())
        #expect(piece.refusals.isEmpty)
        return piece
    }

    private func form(_ piece: Workpiece) throws -> TabledIntegers {
        try #require(piece.model.graph.weights["w"]?.representation as? TabledIntegers)
    }

    // MARK: Weights on such a grid

    /// A weight `[128, 24]` in blocks of 32 down its columns, each on `levels` under a scale of its own, of either sign.
    private func gridded(_ levels: CompandedLevels) -> [Float] {
        var generator = SplitMix64(seed: 11)
        let table = levels.table.levels
        var numbers = [Float](repeating: 0, count: 128 * 24)
        for block in 0..<96 {
            // Of at most 11 bits, so that a half float holds it.
            let scale = Float(Int.random(in: 1024...2047, using: &generator)) * 0x1p-12
            let signed = Bool.random(using: &generator) ? scale : -scale
            for place in 0..<32 {
                let code = place == 0 ? 0 : Int.random(in: 0..<table.count, using: &generator)
                numbers[(block % 4 * 32 + place) * 24 + block / 4] = table[code] * signed
            }
        }
        return numbers
    }

    @Test(arguments: [2, 3, 4, 8], [true, false])
    func `a weight on a power law comes back exactly`(bits: Int, hasZero: Bool) async throws {
        for exponent in [16, 24, 32] where bits > 2 || exponent > 16 || !hasZero {
            let levels = CompandedLevels(bits: bits, exponent: exponent, hasZero: hasZero)
            let numbers = gridded(levels)
            var technique = CompandedQuantizer()
            technique.bits = bits
            let form = try form(try await apply(technique, to: model(numbers, [128, 24])))
            #expect(form.codes.grouping == .block(axis: 0, size: 32) && form.codes.levelBits == bits)
            let found = form.decoded().elements(as: Float.self)
            #expect(zip(found, numbers).allSatisfy { $0 == $1 }, "exponent \(exponent)")
            #expect(form.byteCount == 128 * 24 * bits / 8 + 96 * 2 + 4 << bits)
        }
    }

    @Test(arguments: [3, 4]) func `a weight on free levels comes back up to the rounding of the table`(
        bits: Int
    ) async throws {
        let numbers = gridded(CompandedLevels(bits: bits, exponent: 22, hasZero: true)).map {
            // No power law any more: the levels above a quarter are stretched.
            abs($0) > 0.1 ? $0 * 1.25 : $0
        }
        var technique = PiecewiseQuantizer()
        technique.bits = bits
        let piece = try await apply(technique, to: model(numbers, [128, 24]))
        #expect(try #require(piece.encodings["w"]?.sqnrDB) > 20)
    }

    @Test func `levels are made of roots and products`() {
        let square = CompandedLevels(bits: 3, exponent: 32, hasZero: true).table
        #expect(square.levels == [-1, -0.5625, -0.25, -0.0625, 0, 0.0625, 0.25, 0.5625])
        let root = CompandedLevels(bits: 2, exponent: 8, hasZero: false).table
        #expect(root.levels == [-1, -Float((1 / 3.0).squareRoot()), Float((1 / 3.0).squareRoot()), 1])
        let uneven = CompandedLevels(bits: 2, exponent: 21, hasZero: true).table
        // 0.5^(21/16)
        #expect(abs(uneven.levels[1] + 0.402_622_6) < 1e-6)
    }

    // MARK: Errors

    /// Numbers of a distribution and the errors of 4, 3 and 2 bits in blocks of 32 with half-float scales, at most.
    struct Distribution: Sendable, CustomTestStringConvertible {
        let name: String
        let isHeavyTailed: Bool
        /// Least SQNR of power laws and of free levels, and what they are better than integers around zero by, in dB.
        let bits: Int
        let companded: Double
        let piecewise: Double
        let ahead: Double
        var testDescription: String { "\(name), \(bits) bits" }
    }

    static let distributions = [
        Distribution(name: "normal", isHeavyTailed: false, bits: 4, companded: 21.9, piecewise: 22.2, ahead: 0.7),
        Distribution(name: "normal", isHeavyTailed: false, bits: 3, companded: 15.6, piecewise: 16.0, ahead: 0.7),
        Distribution(name: "normal", isHeavyTailed: false, bits: 2, companded: 9.4, piecewise: 9.8, ahead: 0.8),
        Distribution(name: "Student's t", isHeavyTailed: true, bits: 4, companded: 20, piecewise: 20, ahead: 1.5),
        Distribution(name: "Student's t", isHeavyTailed: true, bits: 3, companded: 14, piecewise: 14, ahead: 1.5),
        Distribution(name: "Student's t", isHeavyTailed: true, bits: 2, companded: 8, piecewise: 8, ahead: 1),
    ]

    @Test(arguments: distributions)
    func `uneven levels are better than even ones at the same bits`(item: Distribution) async throws {
        var random = RandomNumbers(seed: 4)
        let numbers = (0..<256 * 64).map { _ in item.isHeavyTailed ? random.heavyTailed() : random.normal() }
        let model = try model(numbers, [256, 64])
        var even = WeightQuantizer(), power = CompandedQuantizer(), free = PiecewiseQuantizer()
        (even.bits, even.blockSize, even.scales, even.clipping) = (item.bits, 32, .float16, .mse)
        (power.bits, power.gainCorrection) = (item.bits, false)
        (free.bits, free.gainCorrection) = (item.bits, false)
        let uniform = try #require(try await apply(even, to: model).encodings["w"]?.sqnrDB)
        let companded = try #require(try await apply(power, to: model).encodings["w"]?.sqnrDB)
        let piecewise = try #require(try await apply(free, to: model).encodings["w"]?.sqnrDB)
        #expect(companded > item.companded && piecewise > item.piecewise)
        #expect(companded > uniform + item.ahead && piecewise > companded)
    }

    @Test func `more pieces are better, and one for each level is best`() async throws {
        var random = RandomNumbers(seed: 5)
        let model = try model((0..<256 * 64).map { _ in random.heavyTailed() }, [256, 64])
        var last = 0.0
        for pieces in [2, 4, 8, 16] {
            var technique = PiecewiseQuantizer()
            (technique.pieces, technique.gainCorrection) = (pieces, false)
            let found = try #require(try await apply(technique, to: model).encodings["w"]?.sqnrDB)
            #expect(found > last, "\(pieces) pieces")
            last = found
        }
    }

    @Test func `without clipping no weight is moved further than half a step`() async throws {
        var random = RandomNumbers(seed: 6)
        let numbers = (0..<128 * 24).map { _ in random.heavyTailed() }
        var technique = CompandedQuantizer()
        (technique.clipping, technique.scales, technique.gainCorrection) = (.none, .float32, false)
        let form = try form(try await apply(technique, to: model(numbers, [128, 24])))
        let table = form.table.elements(as: Float.self)
        let widest = try #require(zip(table, table.dropFirst()).map { $1 - $0 }.max())
        let steps = GroupedIntegers(
            levels: Tensor([Int8](repeating: 1, count: numbers.count), shape: form.shape), scales: form.codes.scales,
            grouping: form.codes.grouping
        ).decoded().elements(as: Float.self)
        for (index, pair) in zip(numbers, form.decoded().elements(as: Float.self)).enumerated() {
            #expect(abs(pair.0 - pair.1) <= abs(steps[index]) * widest / 2 * 1.0001)
        }
    }

    @Test(arguments: [2, 3, 4]) func `each channel keeps its gain, which rounding alone takes from it`(
        bits: Int
    ) async throws {
        var random = RandomNumbers(seed: 9)
        let numbers = (0..<256 * 16).map { _ in random.heavyTailed() }
        func gains(_ keeps: Bool) async throws -> [Double] {
            var technique = CompandedQuantizer()
            (technique.bits, technique.gainCorrection) = (bits, keeps)
            let found = try form(try await apply(technique, to: model(numbers, [256, 16]))).decoded()
                .elements(as: Float.self)
            return (0..<16).map { column in
                let places = stride(from: column, to: numbers.count, by: 16)
                let energy = places.reduce(0) { $0 + Double(numbers[$1]) * Double(numbers[$1]) }
                return places.reduce(0) { $0 + Double(numbers[$1]) * Double(found[$1]) } / energy
            }
        }
        // Scales are half floats.
        #expect(try await gains(true).allSatisfy { abs($0 - 1) < 0x1p-11 })
        #expect(try await gains(false).allSatisfy { $0 < 1 - 0x1p-9 })
    }

    @Test(arguments: [2, 3, 4]) func `what is pruned stays zero, and so does a block of zeros`(bits: Int) async throws {
        var random = RandomNumbers(seed: 7)
        var numbers = (0..<128 * 24).map { $0 % 5 < 3 ? 0 : random.normal() }
        for index in 0..<32 * 24 { numbers[index] = 0 }
        var power = CompandedQuantizer(), free = PiecewiseQuantizer()
        power.bits = bits
        free.bits = bits
        for technique in [power, free] as [any Technique] {
            let found = try form(try await apply(technique, to: model(numbers, [128, 24]))).decoded()
            for (number, decoded) in zip(numbers, found.elements(as: Float.self)) where number == 0 {
                #expect(decoded == 0)
            }
        }
    }

    @Test func `the smallest and the largest numbers stay finite`() async throws {
        var random = RandomNumbers(seed: 8)
        for magnitude in [0x1p-146, 1e-38, 1e-12, 1e30, 1e38] as [Float] {
            let numbers = (0..<64 * 16).map { _ in max(min(random.normal(), 3), -3) * magnitude }
            var technique = PiecewiseQuantizer()
            technique.scales = .float32
            let piece = try await apply(technique, to: model(numbers, [64, 16]))
            #expect(try form(piece).decoded().elements(as: Float.self).allSatisfy(\.isFinite))
            let sqnr = try #require(piece.encodings["w"]?.sqnrDB)
            // Next to the largest float wider scales overflow, and what is left to choose from errs.
            if (1e-37...1e37).contains(magnitude) { #expect(sqnr > 20, "\(magnitude)") }
        }
    }

    // MARK: Stored forms

    @Test(.enabled(if: GraphBench.hasRuntime, "needs ONNX Runtime"), arguments: 2...8, [true, false])
    func `codes of every width take their bits, and the runtime decodes them as we do`(
        bits: Int, isFree: Bool
    ) async throws {
        let numbers = try GraphBench.random("w", [37, 20], seed: 8).decoded().elements(as: Float.self)
        var power = CompandedQuantizer(), free = PiecewiseQuantizer()
        (power.bits, power.blockSize) = (bits, 16)
        (free.bits, free.blockSize) = (bits, 16)
        let model = try model(numbers, [37, 20])
        let piece = isFree ? try await apply(free, to: model) : try await apply(power, to: model)
        let form = try form(piece)
        // Three blocks in each of 20 columns, the last of them not full.
        #expect(form.byteCount == (740 * bits + 7) / 8 + 60 * 2 + 4 << bits)
        let unit = (0..<37 * 37).map { $0 % 38 == 0 ? Float(1) : 0 }
        let output = try #require(
            try GraphBench.run(piece.model, ["x": Tensor(unit, shape: try Shape([37, 37]))])["y"])
        // A product's sum has no negative zero.
        let numbersOfRuntime = output.elements(as: Float.self), ours = form.decoded().elements(as: Float.self)
        #expect(zip(numbersOfRuntime, ours).allSatisfy { $0 == $1 })
    }

    @Test func `convolutions get a scale for each channel, embedding tables blocks of their own`() async throws {
        let conv = try GraphBench.random("w", [16, 8, 3, 3], seed: 1).decoded().elements(as: Float.self)
        let convolution = Node("Conv", inputs: ["x", "w"], outputs: ["y"])
        let first = try form(try await apply(CompandedQuantizer(), to: model(conv, [16, 8, 3, 3], convolution)))
        #expect(first.codes.grouping == .channel(axis: 0) && first.codes.scales.type == .float16)
        let rows = try GraphBench.random("w", [40, 96], seed: 2).decoded().elements(as: Float.self)
        var technique = PiecewiseQuantizer()
        technique.tableBlockSize = 48
        let gather = Node("Gather", inputs: ["w", "i"], outputs: ["y"])
        let second = try form(try await apply(technique, to: model(rows, [40, 96], gather)))
        #expect(second.codes.grouping == .block(axis: 1, size: 48))
    }

    // MARK: Refusals

    @Test func `settings outside their range are refused by name with what would do`() {
        func refusal(_ change: (inout PiecewiseQuantizer) -> Void) -> CompressionError? {
            var technique = PiecewiseQuantizer()
            change(&technique)
            return #expect(throws: CompressionError.self) { try technique.validate() }
        }
        for bits in [1, 9] {
            let error = refusal { $0.bits = bits }
            #expect(error?.code == .invalidSetting && error?.subject == "quantize.piecewise bits")
            #expect(error?.remedy == "Give a whole number from 2 to 8.")
        }
        #expect(refusal { $0.blockSize = 7 }?.remedy == "Use 16, 32, 64, 128, or 0.")
        for pieces in [1, 65] { #expect(refusal { $0.pieces = pieces }?.subject == "quantize.piecewise pieces") }
        var companded = CompandedQuantizer()
        companded.blockSize = -1
        let error = #expect(throws: CompressionError.self) { try companded.validate() }
        #expect(error?.subject == "quantize.companded blockSize")
    }

    @Test func `a weight that is not finite is kept, named and refused`() async throws {
        var numbers = try GraphBench.random("w", [32, 48], seed: 1).decoded().elements(as: Float.self)
        numbers[7] = .infinity
        var piece = Workpiece(model: try model(numbers, [32, 48]))
        try await CompandedQuantizer().apply(to: &piece, in: StageContext())
        #expect(piece.encodings.isEmpty && piece.refusals == ["w: 1 of its values are NaN or infinite."])
    }
}
