import Foundation
import PithCoding
import PithCompression
import PithFormats
import PithModel
import PithTensor
import Testing

/// `code.trellis` with calibration data.
@Suite(.enabled(if: GraphBench.hasRuntime, "needs ONNX Runtime")) struct CalibratedTrellisTests {
    private static func coder(
        states: Int = 8, step: Double = 0.3, rateWeight: Double = 1, scope: TrellisCoder.Scope = .weight,
        usesData: Bool = true
    ) -> TrellisCoder {
        var coder = TrellisCoder()
        (coder.states, coder.step, coder.rateWeight, coder.scope) = (states, step, rateWeight, scope)
        coder.usesData = usesData
        return coder
    }

    private static func forms(_ piece: Workpiece) -> [GroupedIntegers] {
        piece.model.graph.weights.compactMap { $0.representation as? GroupedIntegers }
    }

    /// Bits that a container takes for each level.
    private static func bits(_ piece: Workpiece) -> Double {
        let forms = forms(piece)
        let bytes = forms.reduce(0) { sum, form in
            sum
                + form.levels.storage.withBytes {
                    BlockEncoder().encode(
                        $0, layout: NumberLayout(.int8), unit: form.shape.dimensions.last ?? 1
                    ).count
                }
        }
        return Double(bytes) * 8 / Double(forms.reduce(0) { $0 + $1.levels.count })
    }

    @Test(arguments: [false, true]) func `data are worth decibels at the same bits, a trellis more of them`(
        isTransposed: Bool
    ) async throws {
        let layers = try HeavyTails(width: 192, rows: 1500, isTransposed: isTransposed, try Scratch())
        // A bit is worth 6.02 dB.
        func gain(_ coder: TrellisCoder) async throws -> Double {
            let piece = try await layers.rounded(coder)
            return try HeavyTails.sqnr(of: piece, layers.model, layers.data) - Self.bits(piece) * 6.0206
        }
        let blind = try await gain(Self.coder(usesData: false)), weighed = try await gain(Self.coder())
        let plain = try await gain(Self.coder(states: 1, step: 0.5))
        #expect(weighed > blind + 2, "\(weighed) against \(blind) dB")
        #expect(weighed > plain + 0.4, "\(weighed) against \(plain) dB")
    }

    @Test(arguments: [4, 8]) func `levels with data are one walk through the trellis, in any layout`(_ states: Int)
        async throws
    {
        for isTransposed in [false, true] {
            let layers = try HeavyTails(width: 72, rows: 400, isTransposed: isTransposed, try Scratch())
            let blind = try await layers.rounded(Self.coder(states: 1, step: 0.3, rateWeight: 0, usesData: false))
            let piece = try await layers.rounded(Self.coder(states: states, step: 0.15, rateWeight: 0))
            // The container finds walks by itself, and codes them by the half of the levels that a state takes; twice as
            // many levels would take a bit more each.
            #expect(Self.bits(piece) < Self.bits(blind) + 0.25)
            for form in Self.forms(piece) {
                #expect(Self.isClosedWalk(form.levels.elements(as: Int8.self), states: states))
            }
        }
        for groups in [1, 2, 16] {
            let scratch = try Scratch(), (model, data) = try convolution(scratch, groups: groups)
            var coder = Self.coder(states: states, step: 0.15)
            coder.minimumCount = 1
            let form = try #require(Self.forms(try await HeavyTails.rounded(coder, model, data)).first)
            #expect(Self.isClosedWalk(form.levels.elements(as: Int8.self), states: states), "\(groups) groups")
        }
    }

    /// Whether levels are a walk from state 0 to state 0.
    private static func isClosedWalk(_ levels: [Int8], states: Int) -> Bool {
        let next8 = [(0, 2), (7, 5), (1, 3), (6, 4), (2, 0), (5, 7), (3, 1), (4, 6)]
        let next = states == 8 ? next8 : [(0, 2), (2, 0), (1, 3), (3, 1)]
        var state = 0
        for level in levels.map({ Int($0) }) {
            let set = states == 8 ? state % 2 : state / 2
            guard set == 0 ? level % 2 == 0 : level == 0 || level % 2 != 0 else { return false }
            let number = set == 0 ? level / 2 : (level + level.signum()) / 2
            state = number % 2 == 0 ? next[state].0 : next[state].1
        }
        return state == 0
    }

    private func convolution(_ scratch: Scratch, groups: Int) throws -> (model: Model, data: Dataset) {
        let model = GraphBench.model(
            [
                Node(
                    "Conv", inputs: ["x", "w", "b"], outputs: ["c"],
                    attributes: [
                        Attribute("group", .integer(Int64(groups))), Attribute("pads", .integers([1, 1, 1, 1])),
                    ]),
                Node("Relu", inputs: ["c"], outputs: ["y"]),
            ], inputs: [GraphBench.input("x", [-1, 16, 8, 8])], outputs: ["y"],
            weights: [
                try GraphBench.random("w", [48, 16 / groups, 3, 3], seed: 1), try GraphBench.random("b", [48], seed: 4),
            ])
        var numbers = try GraphBench.random("", [60, 16, 8, 8], seed: 2).decoded().elements(as: Float.self)
        for place in numbers.indices where place % 8 > 0 { numbers[place] += 0.9 * numbers[place - 1] }
        try scratch.write("x.npy", npy: numbers, shape: [60, 16, 8, 8])
        let card = try scratch.write(
            "card.yaml", "inputs:\n  x: { file: x.npy }\nmetric: fidelity\ncalibrate: [0, 40]\nevaluate: [40, 60]\n")
        return (model, try Dataset(path: card, graphInputs: model.graph.requiredInputs))
    }

    @Test(arguments: [1, 2, 16]) func `convolutions with groups err less with data, and their biases take up the rest`(
        groups: Int
    ) async throws {
        let scratch = try Scratch(), (model, data) = try convolution(scratch, groups: groups)
        func sqnr(_ usesData: Bool) async throws -> Double {
            var coder = Self.coder(rateWeight: 0, usesData: usesData)
            coder.minimumCount = 1
            return try HeavyTails.sqnr(of: try await HeavyTails.rounded(coder, model, data), model, data)
        }
        let (blind, weighed) = (try await sqnr(false), try await sqnr(true))
        #expect(weighed > blind + 1, "\(weighed) against \(blind) dB")
    }

    @Test func `one and two threads give the same bytes`() async throws {
        let layers = try HeavyTails(width: 288, rows: 400, isTransposed: true, try Scratch())
        let one = try await layers.rounded(Self.coder(scope: .outputs), threads: 1)
        let two = try await layers.rounded(Self.coder(scope: .outputs))
        #expect(try ONNXWriter.encode(one.model) == ONNXWriter.encode(two.model))
    }

    @Test(arguments: [16, 32]) func `groups whose inputs never vary leave the others what they were`(groups: Int)
        async throws
    {
        let scratch = try Scratch()
        let model = GraphBench.model(
            [
                Node(
                    "Conv", inputs: ["x", "w"], outputs: ["y"],
                    attributes: [Attribute("group", .integer(Int64(groups)))])
            ], inputs: [GraphBench.input("x", [-1, 32, 8, 8])], outputs: ["y"],
            weights: [try GraphBench.random("w", [32, 32 / groups, 5, 5], seed: 1)])
        func sqnr(dead: Int, usesData: Bool) async throws -> Double {
            var numbers = try GraphBench.random("", [60, 32, 8, 8], seed: 2).decoded().elements(as: Float.self)
            for place in numbers.indices { numbers[place] *= place / 64 % 32 < dead ? 0 : 0.01 }
            try scratch.write("x.npy", npy: numbers, shape: [60, 32, 8, 8])
            let card = try scratch.write(
                "card.yaml",
                "inputs:\n  x: { file: x.npy }\nmetric: fidelity\ncalibrate: [0, 40]\nevaluate: [40, 60]\n")
            let data = try Dataset(path: card, graphInputs: model.graph.requiredInputs)
            let coder = Self.coder(step: 0.22, usesData: usesData)
            return try HeavyTails.sqnr(of: try await HeavyTails.rounded(coder, model, data), model, data)
        }
        let whole = try await sqnr(dead: 0, usesData: true), some = try await sqnr(dead: 4, usesData: true)
        let blind = try await sqnr(dead: 4, usesData: false)
        #expect(some > whole - 1 && some > blind - 1, "\(some) beside \(whole) and \(blind) dB")
    }

    @Test func `a channel that does not fit 8 bits is told with data too`() async throws {
        let layers = try HeavyTails(width: 64, rows: 300, try Scratch())
        var model = layers.model, numbers = try #require(model.graph.weights["w0"]).decoded().elements(as: Float.self)
        numbers[7] = 60
        model.graph.weights["w0"] = Weight("w0", Tensor(numbers, shape: try Shape([64, 64])))
        let piece = try await HeavyTails.rounded(Self.coder(step: 0.1), model, layers.data)
        #expect(piece.encodings["w0"]?.note.contains("1 of 64 channels have wider steps") == true)
    }

    @Test func `any number of calibration rows may be asked for`() async throws {
        let layers = try HeavyTails(width: 32, rows: 100, try Scratch())
        var coder = Self.coder()
        coder.calibrationRows = .max
        #expect(try await layers.rounded(coder).notes.first?.contains("up to 80 calibration rows") == true)
    }

    @Test func `a weight that is felt little gets wide steps, and none gets its own where there are no data`()
        async throws
    {
        let scratch = try Scratch()
        let model = GraphBench.model(
            [
                Node("MatMul", inputs: ["x", "a"], outputs: ["p"]), Node("MatMul", inputs: ["x", "b"], outputs: ["q"]),
                Node("Mul", inputs: ["q", "tenth"], outputs: ["r"]), Node("Add", inputs: ["p", "r"], outputs: ["y"]),
            ], inputs: [GraphBench.input("x", [-1, 64])], outputs: ["y"],
            weights: [
                try GraphBench.random("a", [64, 64], seed: 1), try GraphBench.random("b", [64, 64], seed: 2),
                Weight("tenth", Tensor([0.1 as Float], shape: .scalar)),
            ])
        let numbers = try GraphBench.random("", [200, 64], seed: 3).decoded().elements(as: Float.self)
        try scratch.write("x.npy", npy: numbers, shape: [200, 64])
        let card = try scratch.write(
            "card.yaml", "inputs:\n  x: { file: x.npy }\nmetric: fidelity\ncalibrate: [0, 150]\nevaluate: [150, 200]\n")
        let data = try Dataset(path: card, graphInputs: model.graph.requiredInputs)
        func ratio(_ coder: TrellisCoder) async throws -> Float {
            let forms = Self.forms(try await HeavyTails.rounded(coder, model, data))
            return try #require(forms[1].scales.floats()?.first) / (try #require(forms[0].scales.floats()?.first))
        }
        let felt = try await ratio(Self.coder(scope: .outputs))
        #expect(felt > 9 && felt < 11, "\(felt)")
        let blind = try await ratio(Self.coder(scope: .outputs, usesData: false))
        #expect(blind > 0.95 && blind < 1.05)
    }

    @Test func `what data can not weigh is coded without, and the ledger says why`() async throws {
        let scratch = try Scratch()
        let model = GraphBench.model(
            [
                Node("Gather", inputs: ["t", "i"], outputs: ["x"]), Node("MatMul", inputs: ["x", "w"], outputs: ["y"]),
            ], inputs: [GraphBench.input("i", [-1], .int64)],
            outputs: ["y"],
            weights: [try GraphBench.random("t", [60, 32], seed: 1), try GraphBench.random("w", [32, 32], seed: 2)])
        let piece = try await HeavyTails.rounded(
            Self.coder(), model, try Self.indices(scratch, model))
        #expect(
            piece.encodings["t"]?.note == "computed in float; without data: a table is looked up, not multiplied")
        #expect(piece.encodings["w"]?.note == "computed in float")
        #expect(
            piece.notes == [
                "1 weights rounded layer by layer on up to 60 calibration rows (trellis of 8 states), "
                    + "1 without data: the ledger says why."
            ])
    }

    private static func indices(_ scratch: Scratch, _ model: Model) throws -> Dataset {
        try scratch.write("i.npy", npy: (0..<80).map { Int64($0 * 7 % 60) }, shape: [80])
        let card = try scratch.write(
            "card.yaml", "inputs:\n  i: { file: i.npy }\nmetric: fidelity\ncalibrate: [0, 60]\nevaluate: [60, 80]\n")
        return try Dataset(path: card, graphInputs: model.graph.requiredInputs)
    }
}
