import Foundation
import PithModel
import PithRuntime
import PithTensor
import Testing

@Suite(.enabled(if: TestRuntime.isPresent, "needs ONNX Runtime")) struct SessionTests {
    let sum: Session

    init() throws {
        sum = try Session(bytes: TinyModel.sum.bytes, name: "sum")
    }

    private func code(_ expected: RuntimeError.Code, _ words: [String], _ body: () throws -> Void) {
        let error = #expect(throws: RuntimeError.self) { try body() }
        #expect(error?.code == expected)
        for word in words {
            #expect(error?.description.contains(word) == true, "\(error?.description ?? "") lacks \(word)")
        }
    }

    @Test func `ports have names, types and axes`() {
        #expect(sum.inputs.map(\.name) == ["x"])
        #expect(sum.inputs[0].element == .float32)
        #expect(sum.inputs[0].dimensions == [.symbolic("batch"), .fixed(3)])
        #expect(sum.outputs.map(\.name) == ["y", "z"])
        #expect(sum.outputs[1].dimensions.last == .fixed(3))
        #expect(sum.overridableInputs.isEmpty)
    }

    @Test func `a run computes what the graph says`() throws {
        let x = try Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: Shape([2, 3]))
        let results = try sum.run(["x": x])
        #expect(results["y"]?.elements(as: Float.self) == [11, 22, 33, 14, 25, 36])
        #expect(results["z"]?.elements(as: Float.self) == [-11, -22, -33, -14, -25, -36])
        #expect(results["z"]?.shape.dimensions == [2, 3])
    }

    @Test func `only the outputs asked for come back, each once`() throws {
        let x = try Tensor([0, 0, 0] as [Float], shape: Shape([1, 3]))
        let results = try sum.run(["x": x], outputs: ["z", "z"])
        #expect(results.keys.sorted() == ["z"])
        #expect(results["z"]?.elements(as: Float.self) == [-10, -20, -30])
    }

    @Test func `every kind of optimization gives the same numbers`() throws {
        let x = try Tensor([1, 2, 3] as [Float], shape: Shape([1, 3]))
        for optimization in SessionOptions.Optimization.allCases {
            var options = SessionOptions()
            options.optimization = optimization
            options.threads = 2
            let session = try Session(bytes: TinyModel.sum.bytes, name: "sum", options: options)
            #expect(try session.run(["x": x])["y"]?.elements(as: Float.self) == [11, 22, 33])
        }
    }

    @Test func `wrong names are refused with the names there are`() throws {
        let x = try Tensor([0, 0, 0] as [Float], shape: Shape([1, 3]))
        code(.invalidInput, ["sum", "no output 'q'", "'y', 'z'"]) { _ = try sum.run(["x": x], outputs: ["q"]) }
        code(.invalidInput, ["sum", "'x' is missing"]) { _ = try sum.run([:]) }
        code(.invalidInput, ["no input 'q'", "'x'"]) { _ = try sum.run(["x": x, "q": x]) }
    }

    @Test func `wrong types and shapes are refused`() throws {
        let doubles = try Tensor([0, 0, 0] as [Double], shape: Shape([1, 3]))
        code(.invalidInput, ["'x'", "float32", "float64"]) { _ = try sum.run(["x": doubles]) }
        let wide = try Tensor([0, 0, 0, 0] as [Float], shape: Shape([1, 4]))
        code(.invalidInput, ["sum", "invalid dimensions"]) { _ = try sum.run(["x": wide]) }
    }

    @Test func `damaged and missing models are refused`() {
        code(.invalidModel, ["noise"]) { _ = try Session(bytes: [1, 2, 3, 4], name: "noise") }
        code(.invalidModel, ["empty"]) { _ = try Session(bytes: [], name: "empty") }
        code(.invalidModel, ["no/such.onnx"]) { _ = try Session(path: "no/such.onnx") }
        let whole = TinyModel.sum.bytes
        for count in stride(from: 1, to: whole.count, by: 7) {
            code(.invalidModel, ["cut"]) { _ = try Session(bytes: Array(whole[..<count]), name: "cut") }
        }
    }

    @Test func `unknown operators and settings are refused in the runtime's words`() {
        var model = TinyModel()
        model.input("x", type: TinyModel.float32, [.fixed(1)])
        model.node("NoSuchOperator", ["x"], ["y"])
        model.output("y", type: TinyModel.float32, [.fixed(1)])
        code(.invalidModel, ["NoSuchOperator"]) { _ = try Session(bytes: model.bytes, name: "odd") }
        var options = SessionOptions()
        options.configuration = ["": "1"]
        code(.invalidModel, ["sum"]) { _ = try Session(bytes: TinyModel.sum.bytes, name: "sum", options: options) }
    }

    @Test func `external data is found beside the file`() throws {
        var model = TinyModel()
        model.input("x", type: TinyModel.float32, [.fixed(2)])
        model.externalWeight("w", type: TinyModel.float32, [2], location: "weights.bin")
        model.node("Mul", ["x", "w"], ["y"])
        model.output("y", type: TinyModel.float32, [.fixed(2)])
        try TestRuntime.withFolder { folder in
            let file = folder.appendingPathComponent("model.onnx")
            try Data(model.bytes).write(to: file)
            try Data(TinyModel.raw([3, 5])).write(to: folder.appendingPathComponent("weights.bin"))
            let session = try Session(path: file.path)
            let results = try session.run(["x": Tensor(vector: [2, 2] as [Float])])
            #expect(results["y"]?.elements(as: Float.self) == [6, 10])
        }
    }

    @Test func `the optimized model is written where asked`() throws {
        try TestRuntime.withFolder { folder in
            var options = SessionOptions()
            options.optimization = .basic
            options.optimizedModelPath = folder.appendingPathComponent("optimized.onnx").path
            _ = try Session(bytes: TinyModel.sum.bytes, name: "sum", options: options)
            let again = try Session(path: options.optimizedModelPath ?? "")
            #expect(again.outputs.map(\.name) == ["y", "z"])
        }
    }

    @Test func `weights that are also inputs may be replaced`() throws {
        var model = TinyModel.sum
        model.input("w", type: TinyModel.float32, [.fixed(3)])
        let session = try Session(bytes: model.bytes, name: "old habits")
        #expect(session.inputs.map(\.name) == ["x"])
        #expect(session.overridableInputs.map(\.name) == ["w"])
        let x = try Tensor([1, 1, 1] as [Float], shape: Shape([1, 3]))
        #expect(try session.run(["x": x])["y"]?.elements(as: Float.self) == [11, 21, 31])
        let w = Tensor(vector: [5, 6, 7] as [Float])
        #expect(try session.run(["w": w, "x": x])["y"]?.elements(as: Float.self) == [6, 7, 8])
    }

    @Test func `sequences are refused, other outputs still run`() throws {
        var model = TinyModel.sum
        model.node("SequenceConstruct", ["y", "z"], ["s"])
        model.output("s", wrapper: 4, of: TinyModel.float32, [.open, .fixed(3)])
        let session = try Session(bytes: model.bytes, name: "sequence")
        let x = try Tensor([1, 1, 1] as [Float], shape: Shape([1, 3]))
        #expect(session.outputs[2].element == nil)
        code(.invalidInput, ["'s'", "sequence"]) { _ = try session.run(["x": x]) }
        #expect(try session.run(["x": x], outputs: ["y"])["y"]?.elements(as: Float.self) == [11, 21, 31])
    }

    @Test func `an optional output is its tensor`() throws {
        var model = TinyModel.sum
        model.node("Optional", ["y"], ["o"])
        model.output("o", wrapper: 9, of: TinyModel.float32, [.open, .fixed(3)])
        let session = try Session(bytes: model.bytes, name: "optional")
        let x = try Tensor([1, 1, 1] as [Float], shape: Shape([1, 3]))
        #expect(try session.run(["x": x], outputs: ["o"])["o"]?.elements(as: Float.self) == [11, 21, 31])
    }
}
