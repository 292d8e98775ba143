import Foundation
import PithRuntime
import PithTensor
import Testing

@Suite(.enabled(if: TestRuntime.isPresent, "needs ONNX Runtime")) struct ProfilingTests {
    private func options(in folder: URL) -> SessionOptions {
        var options = SessionOptions()
        options.optimization = .none
        options.profilePrefix = folder.appendingPathComponent("profile").path
        return options
    }

    @Test func `a profile names every execution and leaves no file`() throws {
        try TestRuntime.withFolder { folder in
            let session = try Session(bytes: TinyModel.sum.bytes, name: "sum", options: options(in: folder))
            let x = try Tensor([1, 2, 3] as [Float], shape: Shape([1, 3]))
            for _ in 0..<2 { _ = try session.run(["x": x]) }
            let operators = try session.finishProfiling()
            #expect(operators.map(\.operation) == ["Add", "Neg", "Add", "Neg"])
            #expect(operators.map(\.node) == ["add", "negate", "add", "negate"])
            #expect(operators.allSatisfy { $0.microseconds >= 0 && $0.microseconds < 1_000_000 })
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
            let error = #expect(throws: RuntimeError.self) { try session.finishProfiling() }
            #expect(error?.code == .runFailed)
        }
    }

    @Test func `a profile nobody asked for leaves no file`() throws {
        try TestRuntime.withFolder { folder in
            do {
                let session = try Session(bytes: TinyModel.sum.bytes, name: "sum", options: options(in: folder))
                #expect(session.inputs.count == 1)
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
        }
    }

    @Test func `without a prefix there is no profile`() throws {
        let session = try Session(bytes: TinyModel.sum.bytes, name: "sum")
        let error = #expect(throws: RuntimeError.self) { try session.finishProfiling() }
        #expect(error?.code == .runFailed)
        #expect(error?.remedy.contains("profilePrefix") == true)
    }
}
