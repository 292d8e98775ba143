import PithFormats
import PithModel
import PithRuntime
import PithTensor
import Testing

/// Tables whose rows a kernel decodes as they are read.
@Suite(.enabled(if: TestRuntime.isPresent, "needs ONNX Runtime")) struct TableLoweringTests {
    /// One kind of levels; a block of 0 is a scale for each row.
    struct Case: Sendable, CustomTestStringConvertible {
        let type: ScalarType
        let size: Int
        let columns: Int
        var hasZeros = false
        var bits: Int { type.bitWidth }
        var testDescription: String { "\(type.rawValue), blocks of \(size) in \(columns), zero points \(hasZeros)" }
    }

    static let cases = [
        Case(type: .int8, size: 32, columns: 96), Case(type: .uint8, size: 16, columns: 33, hasZeros: true),
        Case(type: .uint8, size: 64, columns: 33), Case(type: .int4, size: 32, columns: 96),
        Case(type: .uint4, size: 32, columns: 64), Case(type: .uint4, size: 16, columns: 64, hasZeros: true),
        Case(type: .int4, size: 32, columns: 36, hasZeros: true), Case(type: .int4, size: 0, columns: 40),
        Case(type: .int8, size: 0, columns: 5, hasZeros: true),
    ]
    /// Odd counts of 4-bit zero points, blocks that are no power of two, rows that end within a byte.
    static let refused = [
        Case(type: .uint4, size: 64, columns: 64, hasZeros: true), Case(type: .uint4, size: 0, columns: 64),
        Case(type: .int8, size: 24, columns: 96), Case(type: .int8, size: 8, columns: 96),
        Case(type: .int4, size: 32, columns: 33), Case(type: .int2, size: 32, columns: 64),
    ]

    private func form(_ test: Case) throws -> GroupedIntegers {
        var generator = SplitMix64(seed: 5)
        let blocks = test.size == 0 ? 1 : (test.columns + test.size - 1) / test.size
        let shape = try Shape([20, test.columns]), groups = try Shape(test.size == 0 ? [20] : [20, blocks])
        let range = try #require(test.type.integerRange)
        func levels(_ shape: Shape) throws -> Tensor {
            try Tensor(
                integers: (0..<shape.count).map { _ in Int.random(in: range, using: &generator) }, as: test.type,
                shape: shape)
        }
        let scales = (0..<groups.count).map { _ in Float.random(in: 0.001...0.01, using: &generator) }
        return GroupedIntegers(
            levels: try levels(shape), scales: Tensor(scales, shape: groups),
            zeroPoints: test.hasZeros ? try levels(groups) : nil,
            grouping: test.size == 0 ? .channel(axis: 0) : .block(axis: 1, size: test.size))
    }

    private func model(_ form: GroupedIntegers, _ node: Node) -> Model {
        var weight = Weight(name: "t", form: .encoded(form))
        weight.execution = .rows
        let type = ValueType(element: .int64, dimensions: [.fixed(2), .fixed(3)])
        let graph = Graph(
            name: "test", nodes: [node], inputs: [ValueInfo(name: "i", type: type)],
            outputs: [ValueInfo(name: "y")], weights: WeightTable([weight]))
        return Model(graph: graph, operatorSets: ["": 13], formatVersion: 8)
    }

    @Test(arguments: cases) func `the kernel gives the rows of the decoded table, bit for bit`(test: Case) throws {
        let form = try form(test), rows: [Int64] = [0, 19, -1, 7, 7, 3]
        let file = model(form, Node("Gather", inputs: ["t", "i"], outputs: ["y"]))
        let numbers = form.decoded().elements(as: Float.self)
        let wanted = rows.flatMap { row -> ArraySlice<Float> in
            let start = Int(row < 0 ? row + 20 : row) * test.columns
            return numbers[start..<start + test.columns]
        }
        for level in [SessionOptions.Optimization.all, .none] {
            var options = SessionOptions()
            options.optimization = level
            let session = try Session(bytes: ONNXWriter.encode(file), name: "rows", options: options)
            let y = try #require(try session.run(["i": Tensor(rows, shape: try Shape([2, 3]))])["y"])
            #expect(y.shape.dimensions == [2, 3, test.columns])
            #expect(y.elements(as: Float.self).map(\.bitPattern) == wanted.map(\.bitPattern))
        }
        let node = try #require(try ONNXLowering.lowered(file).graph.nodes.first)
        #expect(node.domain == "com.microsoft" && node.operation == "GatherBlockQuantized")
        #expect(node.integer("bits", default: 0) == test.bits)
    }

    @Test(arguments: refused) func `tables that some release reads wrongly are refused`(test: Case) throws {
        let form = try form(test)
        #expect(TableLayout(form) == nil)
        let error = #expect(throws: FormatError.self) {
            try ONNXWriter.encode(model(form, Node("Gather", inputs: ["t", "i"], outputs: ["y"])))
        }
        #expect(error?.code == .unsupported && error?.subject == "t")
    }

    @Test func `what reads a table otherwise is refused`() throws {
        let form = try form(Case(type: .int8, size: 32, columns: 96))
        let columns = Node("Gather", inputs: ["t", "i"], outputs: ["y"], attributes: [Attribute("axis", .integer(1))])
        for node in [columns, Node("MatMul", inputs: ["x", "t"], outputs: ["y"])] {
            #expect(throws: FormatError.self) { try ONNXWriter.encode(model(form, node)) }
        }
    }
}
