import Foundation
import PithFormats
import PithModel
import PithTensor
import PithTestSupport
import Testing

/// Damaged and hostile files: each is read as something sound or refused with a `FormatError`, and never traps.
@Suite struct BadInputTests {
    /// Reads, and where that works touches and writes everything; any other error than a `FormatError` is an issue.
    private func survive(_ bytes: [UInt8]) -> FormatError? {
        do throws(FormatError) {
            let model = try ONNXReader.read(Storage(bytes), path: "damaged.onnx")
            model.graph.forEachGraph { graph, _ in
                for weight in graph.weights where weight.shape.count < 1 << 20 { _ = weight.decoded().floats() }
            }
            do { _ = try ONNXWriter.encode(model) } catch {
                if !(error is FormatError) { Issue.record("\(error)") }
            }
            return nil
        } catch {
            #expect(!error.subject.isEmpty && !error.problem.isEmpty && !error.remedy.isEmpty)
            return error
        }
    }

    @Test func `the small model is sound and small`() throws {
        let bytes = HandmadeModel.small.bytes
        #expect((200...400).contains(bytes.count))
        #expect(try HandmadeModel.small.read().graph.weights.names == ["w", "b", "s"])
    }

    @Test func `every truncation of a small model is refused or sound`() {
        let damaged = Damage.truncations(of: HandmadeModel.small.bytes)
        let refused = damaged.filter { survive($0) != nil }.count
        // Only cuts between the fields of the model itself can leave a sound file.
        #expect(refused >= damaged.count - 8)
    }

    @Test func `every single-bit change of a small model is refused or sound`() {
        for bytes in Damage.flips(of: HandmadeModel.small.bytes) { _ = survive(bytes) }
    }

    @Test func `every truncation and bit change of models with sparse, nested and external parts is survived`() throws {
        for bytes in try BadInputTests.richModels() {
            for damaged in Damage.truncations(of: bytes) + Damage.flips(of: bytes) { _ = survive(damaged) }
        }
    }

    @Test(.enabled(if: SharedData.isPresent, "needs the shared data"))
    func `damage to a real model is survived`() throws {
        let bytes = [UInt8](try Data(contentsOf: SharedData.url("models/kws-dscnn.onnx")))
        var generator = SplitMix64(seed: 11)
        for _ in 0..<250 {
            _ = survive(Array(bytes[..<Int.random(in: 0..<bytes.count, using: &generator)]))
            var flipped = bytes
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                flipped[Int.random(in: 0..<bytes.count, using: &generator)] ^=
                    1 << UInt8.random(in: 0..<8, using: &generator)
            }
            _ = survive(flipped)
        }
        // Where the structure is dense: the first and the last bytes.
        let bitCount = bytes.count * 8
        for bit in 0..<bitCount where bit < 2000 || bit >= bitCount - 2000 {
            var flipped = bytes
            flipped[bit / 8] ^= 1 << UInt8(bit % 8)
            _ = survive(flipped)
        }
    }

    @Test func `what is no model is refused`() throws {
        #expect(survive([])?.code == .truncated)
        #expect(survive(Array("Hello, this is no protobuf at all.".utf8)) != nil)
        #expect(survive([UInt8](repeating: 0, count: 1000))?.code == .corrupt)
        #expect(survive([UInt8](repeating: 0xff, count: 1000))?.code == .corrupt)
        #expect(survive(Array("\u{93}NUMPY".utf8)) != nil && survive([0x50, 0x4b, 3, 4, 0, 0]) != nil)
        #expect(survive(ProtoWriter.bytes { $0.number(1, 8) })?.problem.contains("no graph") == true)
        let scratch = try ScratchFolder()
        #expect(refusal { try ONNXReader.read(path: scratch.path("none.onnx")) }?.code == .missing)
        #expect(refusal { try ONNXReader.read(path: scratch.url.path) }?.code == .missing)
        #expect(refusal { try ONNXReader.read(path: scratch.write([UInt8](), to: "e.onnx")) }?.code == .truncated)
    }

    @Test(arguments: [1 << 30, UInt64(1) << 31, 1 << 32, 1 << 62, .max])
    func `a field that claims more than the file has is refused`(_ length: UInt64) {
        for field in [2, 7, 8, 14, 99] {
            #expect(survive(ProtoWriter.bytes { $0.lie(field, length: length, [1, 2, 3]) })?.code == .truncated)
        }
        let nested = ProtoWriter.bytes { $0.message(7) { $0.message(5) { $0.lie(9, length: length) } } }
        #expect(survive(nested)?.code == .truncated)
        let packed = ProtoWriter.bytes { $0.message(7) { $0.message(5) { $0.lie(7, length: length) } } }
        #expect(survive(packed)?.code == .truncated)
    }

    @Test(arguments: [
        [1 << 32, 1 << 32], [Int.max, Int.max], [-1], [0, Int.max, Int.max], [-3, -3], [1 << 61, 4],
    ])
    func `dimensions that multiply past 2^63 or are negative are refused`(_ lengths: [Int]) {
        for type in [1, 8, 22] {
            let error = survive(
                HandmadeModel.holding(HandmadeModel.tensor("w", type: type, lengths) { $0.data(9, [1]) }).bytes)
            #expect(error?.code == .corrupt && error?.problem.contains("'w'") == true, "type \(type)")
        }
    }

    @Test func `data shorter or longer than the shape is refused`() {
        for (type, lengths, count) in [
            (1, [4], 15), (1, [4], 17), (1, [1 << 40], 64), (22, [5], 2), (11, [20], 80), (1, [], 0),
        ] {
            let tensor = HandmadeModel.tensor("w", type: type, lengths) {
                $0.data(9, [UInt8](repeating: 0, count: count))
            }
            let error = survive(HandmadeModel.holding(tensor).bytes)
            #expect(error?.code == .truncated && error?.problem.contains("'w'") == true, "\(lengths)")
        }
        let none = HandmadeModel.tensor("w", type: 1, [1 << 50]) { _ in }
        #expect(survive(HandmadeModel.holding(none).bytes)?.code == .truncated)
        let strings = HandmadeModel.tensor("w", type: 8, [1 << 50]) { $0.text(6, "one") }
        #expect(survive(HandmadeModel.holding(strings).bytes)?.code == .truncated)
    }

    @Test(arguments: [0, 27, 255, -1]) func `an unknown element type is refused by its number`(_ type: Int) {
        let error = survive(HandmadeModel.holding(HandmadeModel.tensor("w", type: type, [1]) { $0.data(9, [1]) }).bytes)
        #expect(error?.code == .unsupported && error?.problem.contains("type \(type).") == true)
    }

    @Test func `unsound graphs are refused with the node's name`() {
        var cyclic = HandmadeModel()
        cyclic.node("A", ["q"], ["p"])
        cyclic.node("B", ["p"], ["q"])
        #expect(survive(cyclic.bytes)?.problem.contains("cycle") == true)
        var open = HandmadeModel()
        open.node("A", ["ghost"], ["p"])
        #expect(survive(open.bytes)?.problem.contains("'ghost'") == true)
        var double = HandmadeModel.small
        double.weights.append(double.weights[0])
        #expect(survive(double.bytes)?.problem.contains("two weights are called 'w'") == true)
        var twice = HandmadeModel.small
        twice.nodes.append(twice.nodes[0])
        #expect(survive(twice.bytes)?.code == .corrupt)
        var inputs = HandmadeModel.small
        inputs.inputs.append(inputs.inputs[0])
        #expect(survive(inputs.bytes)?.code == .corrupt)
    }

    @Test func `graphs nest to a limit, and no further`() {
        func nested(_ depth: Int) -> [UInt8] {
            var graph = ProtoWriter.bytes { $0.text(2, "innermost") }
            for level in 0..<depth {
                let attribute = ProtoWriter.bytes { wire in
                    wire.text(1, "body")
                    wire.data(6, graph)
                    wire.number(20, 5)
                }
                let node = HandmadeModel.node("Loop", [], ["v\(level)"]) { $0.data(5, attribute) }
                graph = ProtoWriter.bytes { $0.data(1, node) }
            }
            return ProtoWriter.bytes { $0.data(7, graph) }
        }
        #expect(survive(nested(10)) == nil)
        #expect(survive(nested(15)) == nil)
        for depth in [16, 17, 100, 2000] {
            #expect(survive(nested(depth))?.code == .unsupported, "\(depth)")
        }
    }

    @Test func `the field of our own that cut tensors have is refused in files`() {
        let cut = ProtoWriter.bytes {
            $0.message(536_870_911) {
                $0.number(1, 0); $0.number(2, 1 << 40)
            }
        }
        let tensor = HandmadeModel.tensor("w", type: 1, [1]) { _ in } + cut
        #expect(survive(HandmadeModel.holding(tensor).bytes)?.code == .unsupported)
        var model = HandmadeModel.small
        model.extra = cut
        #expect(survive(model.bytes)?.code == .unsupported)
    }

    @Test func `tags and numbers without end are refused`() {
        #expect(survive([UInt8](repeating: 0x80, count: 30))?.code == .corrupt)
        #expect(survive([0x08] + [UInt8](repeating: 0xff, count: 11))?.code == .corrupt)
        #expect(survive([0x00, 0x01])?.code == .corrupt)
        #expect(survive([0x0b, 0x0c])?.code == .corrupt)
        #expect(survive([0x09, 1, 2])?.code == .corrupt)
    }

    @Test func `a sparse weight of terabytes is refused`() {
        var model = HandmadeModel()
        model.sparse = [HandmadeModel.sparseWeight("w", [1 << 39])]
        let refusal = survive(model.bytes)
        #expect(refusal?.code == .unsupported && refusal?.problem.contains("'w'") == true)
        #expect(refusal?.problem.contains("2199023255552") == true)
        model.sparse = [HandmadeModel.sparseWeight("w", [1 << 61])]
        #expect(survive(model.bytes)?.code == .corrupt)
    }

    @Test func `sparse weights that are small alone are bounded together`() throws {
        var model = HandmadeModel()
        model.sparse = (0..<4).map { HandmadeModel.sparseWeight("w\($0)", [1 << 26]) }
        #expect(try ONNXReader.read(Storage(model.bytes), path: "m").graph.weights.count == 4)
        model.sparse.append(HandmadeModel.sparseWeight("w4", [1 << 26]))
        #expect(survive(model.bytes)?.problem.contains("'w4'") == true)
        let seen = try ONNXReader.read(
            Storage(model.bytes), path: "m", sparseAllowance: ONNXReader.sparseAllowanceForInspection)
        #expect(seen.graph.weights.count == 5)
        // Sums of sizes stay numbers even then.
        model.sparse = (0..<3).map { HandmadeModel.sparseWeight("w\($0)", [1 << 57]) }
        #expect(throws: FormatError.self) {
            try ONNXReader.read(
                Storage(model.bytes), path: "m", sparseAllowance: ONNXReader.sparseAllowanceForInspection)
        }
    }

    @Test func `stored bytes earn room for their dense form`() throws {
        var model = HandmadeModel()
        model.sparse = [HandmadeModel.sparseWeight("w", [300])]
        // 12 stored bytes: a value of 4 and an index of 8.
        _ = try ONNXReader.read(Storage(model.bytes), path: "m", sparseAllowance: 0)
        model.sparse = [HandmadeModel.sparseWeight("w", [301])]
        #expect(throws: FormatError.self) {
            try ONNXReader.read(Storage(model.bytes), path: "m", sparseAllowance: 0)
        }
    }

    @Test func `a long list of small nodes out of order takes no square of time`() {
        var model = HandmadeModel()
        let count = 20_000
        model.inputs = [HandmadeModel.value("v0", type: 1, [1])]
        model.nodes = (1...count).reversed().map { HandmadeModel.node("N", ["v\($0 - 1)"], ["v\($0)"]) }
        let start = ContinuousClock.now
        #expect(survive(model.bytes) == nil)
        #expect(ContinuousClock.now - start < .seconds(5))
    }

    /// Models of a few hundred bytes with the parts that the small one lacks.
    private static func richModels() throws -> [[UInt8]] {
        var sparse = HandmadeModel()
        sparse.sparse = [
            ProtoWriter.bytes { wire in
                wire.data(1, HandmadeModel.tensor("w", type: 1, [2]) { $0.data(9, littleEndian([1.5, -2])) })
                wire.data(2, HandmadeModel.tensor("", type: 7, [2, 2]) { $0.data(7, [0, 1, 1, 2]) })
                wire.number(3, 2)
                wire.number(3, 3)
            }
        ]
        sparse.weights = [
            HandmadeModel.external("e", [2], [("location", "none.bin")]),
            HandmadeModel.tensor("t", type: 8, [2]) {
                $0.text(6, "a"); $0.text(6, "bc")
            },
        ]
        let body = Graph(
            nodes: [Node("Neg", inputs: ["x"], outputs: ["p"])], outputs: [ValueInfo(name: "p")],
            weights: WeightTable([Weight("i", try Tensor(integers: [1, 2, 3], as: .int4, shape: .vector(3)))]))
        let node = Node(
            "If", inputs: ["x"], outputs: ["y"],
            attributes: [
                Attribute("then_branch", .graph(body)), Attribute("all", .graphs([body])),
                Attribute("k", .floats([1, 2])),
            ])
        let nested = Model(
            graph: Graph(nodes: [node], inputs: [ValueInfo(name: "x")], outputs: [ValueInfo(name: "y")]),
            operatorSets: ["": 21], formatVersion: 10)
        return [sparse.bytes, try ONNXWriter.encode(nested)]
    }
}
