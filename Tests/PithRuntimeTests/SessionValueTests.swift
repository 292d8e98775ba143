import Foundation
import PithRuntime
import PithTensor
import Testing

/// An element type with the operator set and the runtime that know it.
struct ElementCase: Sendable, CustomTestStringConvertible {
    let type: ScalarType
    /// The type's number in ONNX files.
    let number: Int
    var opset = 17
    var formatVersion = 8
    /// The first 1.x that knows it.
    var minor = 17
    /// Whether the operator Identity takes it; types that only quantization knows are passed through a graph without nodes.
    var hasIdentity = true

    var testDescription: String { type.rawValue }

    static let all: [ElementCase] = [
        ElementCase(type: .float32, number: 1), ElementCase(type: .uint8, number: 2),
        ElementCase(type: .int8, number: 3),
        ElementCase(type: .uint16, number: 4), ElementCase(type: .int16, number: 5),
        ElementCase(type: .int32, number: 6),
        ElementCase(type: .int64, number: 7), ElementCase(type: .bool, number: 9),
        ElementCase(type: .float16, number: 10),
        ElementCase(type: .float64, number: 11), ElementCase(type: .uint32, number: 12),
        ElementCase(type: .uint64, number: 13), ElementCase(type: .bfloat16, number: 16),
        ElementCase(type: .float8e4m3fn, number: 17, opset: 19, formatVersion: 9),
        ElementCase(type: .float8e4m3fnuz, number: 18, opset: 19, formatVersion: 9),
        ElementCase(type: .float8e5m2, number: 19, opset: 19, formatVersion: 9),
        ElementCase(type: .float8e5m2fnuz, number: 20, opset: 19, formatVersion: 9),
        ElementCase(type: .uint4, number: 21, opset: 21, formatVersion: 10, minor: 20, hasIdentity: false),
        ElementCase(type: .int4, number: 22, opset: 21, formatVersion: 10, minor: 20, hasIdentity: false),
        ElementCase(type: .float4e2m1, number: 23, opset: 23, formatVersion: 11, minor: 31, hasIdentity: false),
        ElementCase(type: .float8e8m0, number: 24, opset: 24, formatVersion: 12, minor: 31, hasIdentity: false),
        ElementCase(type: .uint2, number: 25, opset: 25, formatVersion: 13, minor: 31, hasIdentity: false),
        ElementCase(type: .int2, number: 26, opset: 25, formatVersion: 13, minor: 31, hasIdentity: false),
    ]

    /// Those that the runtime at hand knows.
    static var known: [ElementCase] { all.filter { TestRuntime.isAtLeast(minor: $0.minor) } }
    /// The packed integers among them.
    static var packed: [ElementCase] { known.filter { $0.type.isInteger && $0.type.bitWidth < 8 } }
}

@Suite(.enabled(if: TestRuntime.isPresent, "needs ONNX Runtime")) struct SessionValueTests {
    @Test(arguments: ElementCase.known) func `five elements of each type go in and out bit for bit`(_ item: ElementCase)
        throws
    {
        let byteCount = try #require(item.type.byteCount(of: 5))
        // Bits past the last packed element stay zero, so that whole bytes can be compared.
        let used = item.type.bitWidth * 5
        let bytes = (0..<byteCount).map { index -> UInt8 in
            let byte = item.type == .bool ? UInt8(index % 2) : UInt8(truncatingIfNeeded: index * 37 + 11)
            return index * 8 + 8 <= used ? byte : byte & UInt8(1 << (used - index * 8) - 1)
        }
        let x = try Tensor(type: item.type, shape: .vector(5), storage: Storage(bytes))
        var model = TinyModel()
        model.opset = item.opset
        model.formatVersion = item.formatVersion
        model.input("x", type: item.number, [.named("n")])
        if item.hasIdentity { model.node("Identity", ["x"], ["y"]) }
        let output = item.hasIdentity ? "y" : "x"
        model.output(output, type: item.number, [.named("n")])
        let session = try Session(bytes: model.bytes, name: item.type.rawValue)
        #expect(session.inputs[0].element == item.type)
        #expect(session.outputs[0].element == item.type)
        #expect(try session.run(["x": x])[output] == x)
    }

    @Test(arguments: ElementCase.packed) func `packed levels mean the same to the runtime as to Pith`(
        _ item: ElementCase
    ) throws {
        let range = try #require(item.type.integerRange)
        let levels = [range.lowerBound, range.upperBound, 0, 1, range.upperBound]
        let x = try Tensor(integers: levels, as: item.type, shape: .vector(5))
        var model = TinyModel()
        model.opset = item.opset
        model.formatVersion = item.formatVersion
        model.input("x", type: item.number, [.fixed(5)])
        model.weight("scale", type: TinyModel.float32, [], TinyModel.raw([2]))
        model.weight("zero", type: item.number, [], [0])
        model.node("DequantizeLinear", ["x", "scale", "zero"], ["y"])
        model.node("QuantizeLinear", ["y", "scale", "zero"], ["z"])
        model.output("y", type: TinyModel.float32, [.fixed(5)])
        model.output("z", type: item.number, [.fixed(5)])
        // Optimized, the pair would become an Identity, which packed types do not have.
        var options = SessionOptions()
        options.optimization = .none
        let session = try Session(bytes: model.bytes, name: item.type.rawValue, options: options)
        let results = try session.run(["x": x])
        #expect(results["y"]?.elements(as: Float.self) == levels.map { Float($0 * 2) })
        #expect(results["z"]?.integers() == levels)
    }

    @Test func `strings go in and out as bytes`() throws {
        let strings: [[UInt8]] = [
            Array("kept".utf8), [], [0, 1, 0], [0xff, 0xfe], Array("żółw".utf8), Array(repeating: 65, count: 1000),
        ]
        let session = try Session(
            bytes: TinyModel.identity(type: TinyModel.string, [.open, .open]).bytes, name: "strings")
        let x = try Tensor(strings: strings, shape: Shape([2, 3]))
        let y = try #require(try session.run(["x": x])["y"])
        #expect(y.strings == strings)
        #expect(y.shape.dimensions == [2, 3])
        let none = try Tensor(strings: [], shape: Shape([0, 3]))
        #expect(try session.run(["x": none])["y"] == none)
        let blank = try Tensor(strings: [[]], shape: Shape([1, 1]))
        #expect(try session.run(["x": blank])["y"]?.strings == [[]])
    }

    @Test func `a tensor without elements keeps its shape`() throws {
        let session = try Session(bytes: TinyModel.sum.bytes, name: "sum")
        let results = try session.run(["x": Tensor([Float](), shape: Shape([0, 3]))])
        #expect(results["y"]?.shape.dimensions == [0, 3])
        #expect(results["y"]?.count == 0)
    }

    @Test func `a scalar has no axes`() throws {
        let session = try Session(bytes: TinyModel.identity(type: TinyModel.float32, []).bytes, name: "scalar")
        #expect(session.inputs[0].dimensions.isEmpty)
        let y = try #require(try session.run(["x": Tensor(scalar: Float(7))])["y"])
        #expect(y.shape.rank == 0)
        #expect(y.elements(as: Float.self) == [7])
    }

    @Test func `memory that is not aligned is copied`() throws {
        let session = try Session(bytes: TinyModel.sum.bytes, name: "sum")
        let bytes: [UInt8] = [9] + TinyModel.raw([1, 2, 3])
        let x = try Tensor(type: .float32, shape: Shape([1, 3]), storage: Storage(bytes).slice(1..<13))
        #expect(try session.run(["x": x])["y"]?.elements(as: Float.self) == [11, 22, 33])
    }

    @Test func `outputs outlive the session and its inputs`() throws {
        var kept: [Tensor] = []
        for index in 0..<20 {
            let session = try Session(bytes: TinyModel.sum.bytes, name: "sum")
            let x = try Tensor([Float](repeating: Float(index), count: 3000), shape: Shape([1000, 3]))
            kept.append(try #require(try session.run(["x": x], outputs: ["y"])["y"]))
        }
        for (index, tensor) in kept.enumerated() {
            let values = tensor.elements(as: Float.self)
            #expect(values.count == 3000)
            let last = [index + 10, index + 20, index + 30].map { Float($0) }
            #expect(Array(values.suffix(3)) == last)
        }
    }

    @Test func `a weight that is an output outlives the session`() throws {
        var kept: [Tensor] = []
        for index in 0..<8 {
            let weights = (0..<4096).map { Float($0 + index) }
            var model = TinyModel.sum
            model.weight("constant", type: TinyModel.float32, [4096], TinyModel.raw(weights))
            model.output("constant", type: TinyModel.float32, [.fixed(4096)])
            let session = try Session(bytes: model.bytes, name: "constant")
            let x = try Tensor([1, 2, 3] as [Float], shape: Shape([1, 3]))
            kept.append(try #require(try session.run(["x": x])["constant"]))
        }
        for (index, tensor) in kept.enumerated() {
            let values = tensor.elements(as: Float.self)
            #expect(values.count == 4096)
            #expect(values.indices.allSatisfy { values[$0] == Float($0 + index) })
        }
    }

    @Test func `an input that is also an output is copied`() throws {
        var model = TinyModel.sum
        model.output("x", type: TinyModel.float32, [.named("batch"), .fixed(3)])
        let session = try Session(bytes: model.bytes, name: "through")
        var through: Tensor?
        do {
            let x = try Tensor([Float](repeating: 4, count: 30000), shape: Shape([10000, 3]))
            through = try session.run(["x": x], outputs: ["x"])["x"]
        }
        // Memory that was given back would be written over here.
        let noise = (0..<64).map { Tensor(vector: [Float](repeating: Float($0), count: 30000)) }
        #expect(noise.count == 64)
        let wrong = try #require(through).elements(as: Float.self).count { $0 != 4 }
        #expect(wrong == 0)
    }

    @Test func `many threads run one session at a time`() async throws {
        let session = try Session(bytes: TinyModel.sum.bytes, name: "sum")
        let wrong = try await withThrowingTaskGroup(of: Int.self) { group in
            for task in 0..<8 {
                group.addTask {
                    var wrong = 0
                    for step in 0..<200 {
                        let value = Float(task * 1000 + step)
                        let x = try Tensor([value, value, value], shape: Shape([1, 3]))
                        let y = try session.run(["x": x], outputs: ["y"])["y"]?.elements(as: Float.self)
                        if y != [value + 10, value + 20, value + 30] { wrong += 1 }
                    }
                    return wrong
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(wrong == 0)
    }

    #if os(Linux)
        @Test func `memory is given back`() throws {
            func residentKilobytes() throws -> Int {
                let lines = try String(contentsOfFile: "/proc/self/status", encoding: .utf8).split(separator: "\n")
                let line = try #require(lines.first { $0.hasPrefix("VmRSS:") })
                return try #require(line.split(separator: " ").compactMap { Int($0) }.first)
            }
            let session = try Session(bytes: TinyModel.sum.bytes, name: "sum")
            let x = try Tensor([Float](repeating: 1, count: 300_000), shape: Shape([100_000, 3]))
            for _ in 0..<20 { _ = try session.run(["x": x]) }
            let before = try residentKilobytes()
            // Kept outputs would take 2.4 MB a run, 1440 MB in all; other tests run meanwhile.
            for _ in 0..<600 { _ = try session.run(["x": x]) }
            #expect(try residentKilobytes() - before < 700_000)
        }
    #endif
}
